"""Splits: no group straddles, shares are met as far as groups allow, and DATA stays as it is."""

from __future__ import annotations

from collections import Counter
from importlib import import_module

import numpy as np
import pyarrow as pa
import pytest
from dedup_sets import photo, save, straddling, yolo

import fastlabel as fl
from fastlabel.dataset import DatasetError
from fastlabel.dedup.assign import ratios_of
from fastlabel.dedup.families import first_of_key
from fastlabel.dedup.stratify import stratify


@pytest.fixture(scope="module")
def cameras(tmp_path_factory):
    """Ten cameras of six frames; a near copy of one frame of two cameras."""
    root = tmp_path_factory.mktemp("cameras")
    rows = {}
    for camera in range(10):
        for frame in range(6):
            name = f"cam{camera}_{frame}.png"
            save(root / "images" / name, photo(10 * camera + frame, (48, 64)))
            kinds = [camera % 2, 2] if frame == 0 else [camera % 2]
            rows[name] = "".join(f"{k} 0.5 0.5 0.2 0.2\n" for k in kinds)
    again = photo(0, (48, 64))
    save(root / "images" / "cam9_5.png", again)
    yolo(root, rows)
    return root


def test_cameras_stay_whole_and_so_does_what_a_copy_ties_together(cameras):
    result = fl.split(cameras, (70, 30), group_by=r"cam(\d+)_", seed=1)
    assert straddling(result) == set()
    where = {}
    for row in result.assignments.to_pylist():
        camera = row["path"].split("cam")[1].split("_")[0]
        where.setdefault(camera, set()).add(row["split"])
    assert all(len(splits) == 1 for splits in where.values())
    assert where["0"] == where["9"]  # one picture is in both
    assert result.groups == 9
    assert result.leaks_after == 0


def test_shares_of_every_class_without_groups(cameras):
    result = fl.split(cameras, (50, 25, 25), group=None)
    for row in result.shares.to_pylist():
        assert row["reached"] == pytest.approx(row["wanted"], abs=0.11), row
    images = [r["count"] for r in result.shares.to_pylist() if r["name"] == "images"]
    assert sum(images) == 60
    assert result.unreached == ()


def test_shares_are_counted_right(cameras):
    result = fl.split(cameras, (60, 40), seed=4)
    ds = fl.read(cameras)
    split_of = result.assignments["split"].to_pylist()
    names = ds.categories["name"].to_pylist()
    pairs = zip(
        ds.annotations["image_id"].to_pylist(),
        ds.annotations["category_id"].to_pylist(),
        strict=True,
    )
    counted = Counter((names[c], split_of[i]) for i, c in pairs)
    counted.update(("images", s) for s in split_of)
    said = {(r["name"], r["split"]): r["count"] for r in result.shares.to_pylist() if r["count"]}
    assert said == dict(counted)


def test_the_same_seed_deals_alike_and_another_does_not(cameras):
    one, two, three = (fl.split(cameras, (70, 30), group=None, seed=s) for s in (5, 5, 6))
    assert one.assignments.equals(two.assignments)
    assert not one.assignments.equals(three.assignments)


def test_every_image_once_and_the_old_split_beside(tmp_path):
    for first, split in ((0, "train"), (50, "val")):
        for k in range(6):
            save(tmp_path / "images" / split / f"{split}{k}.png", photo(first + k))
    (tmp_path / "images" / "val" / "val0.png").write_bytes(
        (tmp_path / "images" / "train" / "train0.png").read_bytes()
    )
    names = [f"{s}/{s}{k}.png" for s in ("train", "val") for k in range(6)]
    yolo(tmp_path, dict.fromkeys(names, "0 0.5 0.5 0.2 0.2\n"))
    result = fl.split(tmp_path, {"train": 0.5, "holdout": 0.5})
    rows = result.assignments.to_pylist()
    assert [r["image_id"] for r in rows] == list(range(12))
    assert Counter(r["old_split"] for r in rows) == {"train": 6, "val": 6}
    assert {r["split"] for r in rows} == {"train", "holdout"}
    assert (result.leaks_before, result.leaks_after) == (1, 0)
    assert result.dataset.images["split"].to_pylist() == [r["split"] for r in rows]


def test_tiles_of_one_picture_stay_together(tmp_path):
    source = tmp_path / "source"
    for k in range(8):
        save(source / "images" / f"{k}.png", photo(k, (128, 128)))
    yolo(source, {f"{k}.png": "0 0.5 0.5 0.2 0.2\n" for k in range(8)})
    fl.tile(source, tmp_path / "tiles", size=64, overlap=0, negatives=1.0)
    result = fl.split(tmp_path / "tiles", (50, 50), group="tiles")
    assert result.groups == 8
    stems = {}
    for row in result.assignments.to_pylist():
        stems.setdefault(row["path"].rsplit("/", 1)[1].split("_")[0], set()).add(row["split"])
    assert len(stems) == 8
    assert all(len(splits) == 1 for splits in stems.values())
    by_default = fl.split(tmp_path / "tiles", (50, 50), group="exact-duplicates")
    assert by_default.groups <= 8
    by_name = fl.split(tmp_path / "tiles", (50, 50), group=None, group_by=r"([^/]*)_x\d+_y\d+\.")
    assert by_name.groups == 8
    with pytest.raises(DatasetError, match=r"has no tiles\.parquet"):
        fl.split(source, (50, 50), group="tiles")
    with pytest.raises(DatasetError, match="names none of"):
        fl.split(source, (50, 50), tiles=tmp_path / "tiles" / "tiles.parquet")


# ---- dealing -------------------------------------------------------------------


def test_stratify_is_near_the_best_there_is():
    rng = np.random.default_rng(0)
    units = rng.integers(1, 4, 12)
    counts = np.stack([units * rng.integers(0, 2, 12), rng.integers(0, 5, 12)], axis=1)
    shares = np.array([0.6, 0.4])

    def error(dealt):
        parts = np.concatenate(
            [counts / counts.sum(axis=0), (units / units.sum())[:, None]], axis=1
        )
        have = np.stack([parts[dealt == s].sum(axis=0) for s in (0, 1)])
        return float((((have - shares[:, None]) ** 2) * np.array([1, 1, 2])).sum())

    every = [
        error((np.arange(12) < 0) + np.array([k >> b & 1 for b in range(12)])) for k in range(4096)
    ]
    dealt = stratify(units, counts, shares, 0)
    assert error(dealt) <= sorted(every)[80]  # of 4,096 ways


def test_stratify_with_a_rare_class():
    counts = np.zeros((100, 2), np.int64)
    counts[:, 0] = 3
    counts[::10, 1] = 1
    dealt = stratify(np.ones(100, np.int64), counts, np.array([0.8, 0.1, 0.1]), 0)
    assert np.bincount(dealt[::10]).tolist() == [8, 1, 1]
    assert np.bincount(dealt).tolist() == [80, 10, 10]


def test_first_of_key():
    assert first_of_key(["a", None, "b", "a", None]).tolist() == [0, 1, 2, 0, 4]


# ---- bad input -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratios", "error", "said"),
    [
        ((0.8, 0.1), ValueError, "sum is 0.9; expected 1 or 100"),
        ((80, 10, 20), ValueError, "sum is 110"),
        ((1.2, -0.2), ValueError, "above 0"),
        ((1, 0), ValueError, "above 0"),
        ((float("nan"), 1), ValueError, "above 0"),
        ((1,), ValueError, "got 1 numbers"),
        ((25, 25, 25, 25), ValueError, "got 4 numbers"),
        ({"train": 1}, ValueError, "got 1 splits"),
        ({"../x": 0.5, "b": 0.5}, ValueError, "name"),
        ("80/20", TypeError, "ratios"),
        (("a", "b"), TypeError, "ratios"),
        (5, TypeError, "ratios"),
    ],
)
def test_wrong_ratios(ratios, error, said):
    with pytest.raises(error, match=said):
        ratios_of(ratios)


def test_ratios_of_one_or_a_hundred():
    assert ratios_of((80, 10, 10)) == pytest.approx({"train": 0.8, "val": 0.1, "test": 0.1})
    assert ratios_of({"a": 0.25, "b": 0.75}) == {"a": 0.25, "b": 0.75}


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"group": "copies"}, ValueError, "group: got 'copies', expected one of near-duplicates"),
        ({"group_by": r"video(\d+)"}, DatasetError, "found in no path; the first is"),
        ({"group_by": "(("}, DatasetError, "no regular expression"),
        ({"seed": -1}, ValueError, "seed"),
        ({"group": None, "group_by": "cam"}, DatasetError, "make 1 groups, fewer than the 2"),
    ],
)
def test_wrong_settings(cameras, arguments, error, said):
    with pytest.raises(error, match=said):
        fl.split(cameras, (50, 50), **arguments)


def test_a_giant_group_is_said(cameras):
    result = fl.split(cameras, (20, 80), group=None, group_by=r"cam(?=[0-8])")
    assert straddling(result) == set()
    assert any("the largest has 54 of 60 images" in line for line in result.unreached)


def test_unmatched_paths_are_counted(cameras):
    result = fl.split(cameras, (50, 50), group=None, group_by=r"cam[1-9]_")
    assert any("not found in 6 paths" in note for note in result.notes)


def test_an_empty_set(tmp_path):
    (tmp_path / "a.json").write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(DatasetError, match="no images"):
        fl.split(tmp_path, (50, 50))


def test_given_stats_are_used(cameras, monkeypatch):
    ds = fl.read(cameras)
    stats = fl.scan(ds)
    monkeypatch.setattr(import_module("fastlabel.scan"), "scan", None)
    result = fl.split(ds, (50, 50), image_stats=stats)
    assert isinstance(result.assignments, pa.Table)
