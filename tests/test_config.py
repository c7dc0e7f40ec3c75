"""Configuration files: found, read, and refused with the file, the key and the nearest name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fastlabel.config import Config, ConfigError, Limits, find, load, parse

FULL = """
select = ["FL2", "FL4"]
ignore = ["FL204"]
fail-on = "warning"
deploy = "porch.toml"
format = "yolo"
split = "val"
out = "results"
workers = 2
blur = "laplacian-50"

[priors]
person = {height_over_width = [2, 4]}
"garden hose" = {height_over_width = [0.1, 9.5]}

[rules.FL401]
max_acutance = 0.2
severity = "info"

[limits]
max_pixels = 1000
max-bytes = 2000
max_scans = 30
"""


def test_everything_there_is(tmp_path):
    file = tmp_path / "fastlabel.toml"
    file.write_text(FULL)
    assert load(tmp_path) == Config(
        select=("FL2", "FL4"),
        ignore=("FL204",),
        fail_on="warning",
        deploy=str(tmp_path / "porch.toml"),
        format="yolo",
        split="val",
        out=str(tmp_path / "results"),
        workers=2,
        blur="laplacian-50",
        priors={
            "person": {"height_over_width": (2.0, 4.0)},
            "garden hose": {"height_over_width": (0.1, 9.5)},
        },
        rules={"FL401": {"max_acutance": 0.2, "severity": "info"}},
        limits=Limits(1000, 2000, 30),
        source=file,
    )


def test_a_table_in_pyproject_is_the_same(tmp_path):
    (tmp_path / "fastlabel.toml").write_text(FULL)
    own = load(tmp_path)
    (tmp_path / "fastlabel.toml").unlink()
    text = "[tool.fastlabel]" + re.sub(r"^\[", "[tool.fastlabel.", FULL, flags=re.M)
    (tmp_path / "pyproject.toml").write_text(text)
    shared = load(tmp_path)
    assert shared.source == tmp_path / "pyproject.toml"
    assert {**vars(shared), "source": None} == {**vars(own), "source": None}


class TestFind:
    def test_no_file_means_defaults(self, tmp_path, monkeypatch):
        monkeypatch.setattr("fastlabel.config.FILE_NAME", "there-is-no-such-file.toml")
        assert find(tmp_path) is None or find(tmp_path)[0].name == "pyproject.toml"
        assert parse({}) == Config()

    def test_the_nearest_going_up(self, tmp_path):
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        (tmp_path / "fastlabel.toml").write_text("workers = 1")
        assert load(deep).workers == 1
        (tmp_path / "a" / "fastlabel.toml").write_text("workers = 2")
        assert load(deep).workers == 2

    def test_only_the_nearest_counts(self, tmp_path):
        inner = tmp_path / "a"
        inner.mkdir()
        (tmp_path / "fastlabel.toml").write_text("workers = 1\nsplit = 'val'")
        (inner / "fastlabel.toml").write_text("workers = 2")
        assert load(inner).split is None

    def test_own_file_before_pyproject_and_foreign_pyproject_passed_by(self, tmp_path):
        inner = tmp_path / "a"
        inner.mkdir()
        (inner / "pyproject.toml").write_text("[tool.other]\nworkers = 9")
        (tmp_path / "pyproject.toml").write_text("[tool.fastlabel]\nworkers = 3")
        assert load(inner).workers == 3
        (tmp_path / "fastlabel.toml").write_text("workers = 4")
        assert load(inner).workers == 4

    def test_from_the_current_folder_by_default(self, tmp_path, monkeypatch):
        (tmp_path / "fastlabel.toml").write_text("workers = 5")
        monkeypatch.chdir(tmp_path)
        assert load().workers == 5

    def test_an_empty_table_is_a_configuration(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text("[tool.fastlabel]")
        assert load(tmp_path) == Config(source=tmp_path / "pyproject.toml")

    def test_a_byte_order_mark_is_no_matter(self, tmp_path):
        (tmp_path / "fastlabel.toml").write_bytes(b"\xef\xbb\xbfworkers = 6\r\n")
        assert load(tmp_path).workers == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("selct = ['FL2']", "unknown key 'selct'; did you mean 'select'?"),
        ("zzz = 1", "unknown key 'zzz'; known are: blur, box_convention, cache, calibration"),
        ("source = 'x'", "unknown key 'source'"),
        ("fail-on = 'error'\nfail_on = 'info'", "given twice"),
        ("fail_on = 'fatal'", "fail_on: got 'fatal', expected one of error, warning, info, never"),
        ("blur = 'laplacian'", "expected one of acutance, laplacian-50"),
        ("workers = -1", "workers: got -1"),
        ("workers = true", "workers: got True"),
        ("workers = 1.5", "workers: got 1.5"),
        ("select = 7", "select: got 7"),
        ("select = ['FL2', 3]", "select: got"),
        ("split = ''", "split: got ''"),
        ("deploy = 3", "deploy: got 3"),
        ("priors = 3", "priors: got 3, expected a table"),
        ("[priors]\nperson = 3", "priors.person: got 3"),
        ("[priors.person]\nheight_over_with = [1, 2]", "did you mean 'height_over_width'?"),
        ("[priors.person]\nheight_over_width = [4, 2]", "priors.person.height_over_width: got"),
        ("[priors.person]\nheight_over_width = [0, 2]", "0 < lowest < highest"),
        ("[priors.person]\nheight_over_width = [1, inf]", "0 < lowest < highest"),
        ("[priors.person]\nheight_over_width = [1]", "0 < lowest < highest"),
        ("[rules]\nFL401 = 3", "rules.FL401: got 3, expected a table"),
        ("[limits]\nmax_pixel = 3", "limits: unknown key 'max_pixel'; did you mean 'max_pixels'?"),
        ("[limits]\nmax_pixels = 0", "limits.max_pixels: got 0"),
        ("[limits]\nmax_pixels = 'many'", "limits.max_pixels: got 'many'"),
        ("workers = ", "not valid TOML"),
        ("workers = 1\nworkers = 2", "not valid TOML"),
        ("a = " + "[" * 5000, "not valid TOML"),
    ],
)
def test_bad_settings_name_file_key_and_remedy(tmp_path, text, said):
    file = tmp_path / "fastlabel.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(tmp_path)
    assert said in str(error.value)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value).replace("\\n", "")


def test_files_that_are_no_text(tmp_path):
    file = tmp_path / "fastlabel.toml"
    file.write_bytes(b"workers = 1 # \xff")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load(tmp_path)
    file.write_bytes(b"#" * (2 << 20))
    with pytest.raises(ConfigError, match="not a configuration file"):
        load(tmp_path)


def test_tool_fastlabel_must_be_a_table(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool]\nfastlabel = 3")
    with pytest.raises(ConfigError, match="not a table"):
        load(tmp_path)


@pytest.mark.parametrize("value", ["FL2,FL4", "FL2, FL4"])
def test_one_text_may_hold_several_codes(value):
    assert parse({"select": value}).select == ("FL2", "FL4")


def test_names_of_built_in_deployments_and_absolute_paths_stay(tmp_path):
    file = tmp_path / "fastlabel.toml"
    assert parse({"deploy": "edge-640"}, file).deploy == "edge-640"
    assert parse({"deploy": "/x/y.toml"}, file).deploy == str(Path("/x/y.toml"))
    assert parse({"deploy": "y.toml", "out": "o"}).out == "o"
