"""``fastlabel augment`` stops at what the linter of settings calls an error, unless told."""

from __future__ import annotations

from pathlib import Path

import pytest

import fastlabel as fl

from cli_runs import coco, photo, write_set  # isort: skip

FLIP = '[[stages]]\nop = "flip"\n'


@pytest.fixture
def signs(tmp_path):
    document = coco(["a.jpg", "b.jpg"], [[10, 20, 100, 90], [30, 20, 120, 90]], "exit sign")
    return write_set(
        tmp_path / "signs", {"a.jpg": photo(1), "b.jpg": photo(2), "labels.json": document}
    )


def test_a_mirrored_sign(cli, signs):
    Path("flip.toml").write_text(FLIP)
    refused = cli("augment", signs, "new", "--recipe", "flip.toml")
    assert refused.code == 2 and not Path("new").exists()
    assert "FL903 mirrored-class" in refused.err and '"exit sign"' in refused.err
    assert "--force" in refused.err and len(refused.err.splitlines()) == 1
    assert cli("augment", signs, "new", "--recipe", "flip.toml", "--force").code == 0
    assert len(fl.read("new")) == 4


def test_the_users_own_word(cli, signs):
    Path("flip.toml").write_text(FLIP)
    Path("fastlabel.toml").write_text('[lint.classes]\n"exit sign" = []\n')
    assert cli("augment", signs, "new", "--recipe", "flip.toml").code == 0
