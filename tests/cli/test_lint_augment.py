"""``fastlabel lint-augment``."""

from __future__ import annotations

import json
from pathlib import Path

DEFAULTS = Path(__file__).parents[2] / "examples" / "augmentation" / "args.yaml"


def test_the_defaults_of_a_trainer(cli):
    done = cli("lint-augment", DEFAULTS, "--classes", "traffic light, exit sign, person")
    lines = done.out.splitlines()
    assert done.code == 1
    assert [line[:14] for line in lines[:3]] == [
        "error: FL903 m",
        "warning: FL902",
        "warning: FL904",
    ]
    assert lines[-1].endswith("ultralytics, 5 steps judged: 1 error and 2 warnings")
    assert sum(line.startswith("note: ") for line in lines) == 2


def test_exit_codes(cli):
    assert cli("lint-augment", DEFAULTS, "--classes", "person").code == 0
    assert cli("lint-augment", DEFAULTS, "--classes", "person", "--fail-on", "warning").code == 1
    assert cli("lint-augment", DEFAULTS, "--classes", "person", "--parameters", "11.2M").code == 0
    assert cli("lint-augment", DEFAULTS, "--classes", "exit sign", "--fail-on", "never").code == 0
    for size in ("0", "-3", "x", "3G", "nan"):
        assert cli("lint-augment", DEFAULTS, "--parameters", size).code == 2


def test_json(cli):
    done = cli("lint-augment", DEFAULTS, "--classes", "exit sign", "--output-format", "json")
    found = json.loads(done.out)
    assert found["library"] == "ultralytics"
    assert [row["code"] for row in found["findings"]] == ["FL903", "FL904"]
    assert found["findings"][0]["evidence"]["classes"]["exit sign"]["trait"] == "text"


def test_a_data_set_and_settings(cli, pair):
    quiet = "hsv_h: 0\nhsv_v: 0\nscale: 0\nmosaic: 0\nfliplr: 0.5\n"
    Path("args.yaml").write_text(quiet)
    assert cli("lint-augment", "args.yaml", pair).code == 0
    Path("fastlabel.toml").write_text('[lint.classes]\ncat = ["direction"]\n')
    done = cli("lint-augment", "args.yaml", pair)
    assert done.code == 1 and "direction, by your table, 2 boxes" in done.out


def test_settings_that_cannot_be_read(cli):
    Path("a.yaml").write_text("mosiac: 1.0\nfliplr: 0.5\n")
    done = cli("lint-augment", "a.yaml")
    assert (done.code, done.out) == (2, "")
    assert "a.yaml: unknown key 'mosiac'; did you mean 'mosaic'?" in done.err
    assert len(done.err.splitlines()) == 1
    assert cli("lint-augment", "none.yaml").code == 2
    assert cli("lint-augment", "a.yaml", "no/such/set").code == 2


def test_names_from_files_do_not_reach_the_terminal_raw(cli):
    Path("a.json").write_text('["Odd\\u001b[31mName"]')
    done = cli("lint-augment", "a.json")
    assert "\x1b" not in done.out + done.err
