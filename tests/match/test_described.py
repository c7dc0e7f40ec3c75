"""A deployment in words."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest
from scene_making import table

import fastlabel as fl
from fastlabel.config import ConfigError
from fastlabel.match.described import FRAMES, described_frames


def test_frames_fill_the_ranges_evenly():
    got = described_frames({"luma_mean": [5, 60], "noise_sigma": [1, 3], "infrared": True})
    assert got.num_rows == FRAMES
    luma, noise = (got[n].to_numpy() for n in ("luma_mean", "noise_sigma"))
    assert 5 <= luma.min() < 7
    assert 58 < luma.max() <= 60
    counts = np.histogram2d(luma, noise, 4, [[5, 60], [1, 3]])[0]
    assert counts.min() >= FRAMES / 16 * 0.6
    assert got["chroma"].to_numpy().max() <= 1.5
    assert got["luma_std"].null_count == FRAMES


def test_several_scenes_have_their_shares():
    got = described_frames(
        [{"luma_mean": [10, 40], "share": 3}, {"luma-mean": [100, 200], "share": 1}]
    )
    assert pc.sum(pc.less(got["luma_mean"], 50)).as_py() == FRAMES * 3 // 4


def test_a_file_is_the_same_as_the_mapping(tmp_path):
    file = tmp_path / "night.toml"
    file.write_text("[scene]\nluma_mean = [5, 60]\ninfrared = true\n")
    assert described_frames(file).equals(described_frames({"luma_mean": [5, 60], "infrared": True}))
    file.write_text("[[scene]]\nluma_mean = 20\n[[scene]]\nluma_mean = 150\n")
    assert sorted(set(described_frames(file)["luma_mean"].to_pylist())) == [20, 150]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[scene]\nluma = [1, 2]\n", "scene: unknown key 'luma'; did you mean"),
        ("[scene]\nluma_mean = [60, 5]\n", r"luma_mean: got \[60, 5\], expected \[lowest"),
        ("[scene]\nluma_mean = [1, nan]\n", "expected .lowest, highest., finite"),
        ("[scene]\nluma_mean = 'dark'\n", "got 'dark'"),
        ("[scene]\ninfrared = 1\n", "infrared: got 1, expected true or false"),
        ("[scene]\nshare = 1\n", "describes nothing"),
        ("[scene]\n", "describes nothing"),
        ("[scenes]\nluma_mean = 3\n", "unknown key 'scenes'; did you mean 'scene'"),
        ("", r"expected a table \[scene\]"),
        ("[[scene]]\nluma_mean = 3\nshare = -1\n", "share: got -1, expected a number, 0 or more"),
        ("[[scene]]\nluma_mean = 3\nshare = 0\n", "the shares sum to 0"),
        ("[[scene]]\nluma_mean = 3\n[[scene]]\nx = 3\n", r"scene\[1\]: unknown key 'x'"),
        ("scene = [", "not valid TOML"),
    ],
)
def test_what_cannot_be_understood_is_named(tmp_path, text, said):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        described_frames(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nope.toml: no such file"):
        fl.match(table(3, luma_mean=[1, 2, 3]), tmp_path / "nope.toml")


def test_only_what_is_described_is_compared():
    scenes = table(200, luma_mean=np.linspace(5, 200, 200), chroma=np.full(200, 20.0))
    found = fl.match(scenes, {"luma_mean": [5, 50]})
    assert found.summary["groups"] == ["light"]
    luma = scenes["luma_mean"].to_numpy()
    assert found.ratio[luma < 45].min() > found.ratio[luma > 70].max()
    assert set(np.asarray(found.table["decision"])[luma > 90]) == {"drop"}
