"""The parts of a cache: few, tidy, in order, and a full disk."""

from __future__ import annotations

import errno
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cache_runs import draw, label, picture, scanned

import fastlabel as fl
from fastlabel.scan import Cache, CacheWarning, Limits, scan_tables

keys = import_module("fastlabel.scan.cache.keys")
parts = import_module("fastlabel.scan.cache.parts")
session = import_module("fastlabel.scan.cache.session")
stores = import_module("fastlabel.scan.cache.store")
scan_package = import_module("fastlabel.scan")


@pytest.fixture(autouse=True)
def many_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_SETTLING_NS", -(10**12))
    monkeypatch.setattr(session, "FLUSH_SECONDS", 0)
    monkeypatch.setattr(scan_package, "_BATCH", 4)
    monkeypatch.setattr(scan_package, "_GATHERED", 1)


def rows_kept(cache: Cache) -> int:
    return sum(part.num_rows for part in loaded(cache))


def loaded(cache: Cache) -> list[Any]:
    found = []
    for folder in cache.folder.iterdir():
        for part in parts.listed(folder):
            table = parts.load(part, verify=True)
            assert table is not None
            found.append(table)
    return found


def test_small_parts_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_SMALL", 5)
    root = draw(tmp_path / "set", 100)
    cache = Cache(tmp_path / "cache")
    assert scanned(root, cache) == (scanned(root)[0], 100)
    assert len(loaded(cache)) < 5
    assert rows_kept(cache) == 100
    assert scanned(root, cache) == (scanned(root)[0], 0)


def test_full_parts_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_SMALL", 3)
    monkeypatch.setattr(stores, "FULL_BYTES", 20_000)
    root = draw(tmp_path / "set", 200)
    cache = Cache(tmp_path / "cache")
    scanned(root, cache)
    sizes = [p.stat().st_size for p in cache.folder.rglob("*.arrow")]
    assert len(sizes) > 2
    assert sum(size < 20_000 for size in sizes) < 3
    assert rows_kept(cache) == 200
    assert scanned(root, cache) == (scanned(root)[0], 0)


@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 5, 6])
def test_rows_that_newer_ones_stand_for_go(tmp_path: Path, rounds: int) -> None:
    root = draw(tmp_path / "set", 12)
    cache = Cache(tmp_path / "cache")
    scanned(root, cache)
    for _ in range(rounds):
        for path in root.glob("*.jpg"):
            path.touch()
        assert scanned(root, cache)[1] == 0
        assert rows_kept(cache) <= 12 * 3
    assert scanned(root, cache) == (scanned(root)[0], 0)
    assert cache.outcome is not None
    assert cache.outcome.hashed == 0, "a tidied part passes for a newer look than it is"


def test_a_bound_on_rows_of_what_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_OTHERS", 5)
    root = draw(tmp_path / "set", 8)
    cache = Cache(tmp_path / "cache")
    for round_ in range(6):
        for k in range(8):
            (root / f"{k:05d}.jpg").write_bytes(picture(1000 * round_ + k))
        assert scanned(root, cache)[1] == 8
        assert rows_kept(cache) <= 5 + 4 * 8
    assert scanned(root, cache) == (scanned(root)[0], 0)


def test_each_image_is_kept_once(tmp_path: Path) -> None:
    root = draw(tmp_path / "set", 30)
    cache = Cache(tmp_path / "cache")
    scanned(root, cache)
    scanned(root, cache)
    names = np.concatenate([keys.from_binary(t["name"]) for t in loaded(cache)])
    assert len(names) == len(np.unique(names, axis=0)) == 30


class TestFullDisk:
    @pytest.fixture
    def full(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
        """A disk that has no room while ``full["now"]`` is true."""
        state = {"now": True}
        sync = os.fsync

        def fsync(handle: int) -> None:
            if state["now"]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(handle)

        monkeypatch.setattr(os, "fsync", fsync)
        return state

    def test_the_audit_goes_on(self, tmp_path: Path, full: dict[str, bool]) -> None:
        root = draw(tmp_path / "set", 20)
        truth = scanned(root)[0]
        cache = Cache(tmp_path / "cache")
        with pytest.warns(CacheWarning, match="20 images could not be kept: No space left") as said:
            assert scanned(root, cache) == (truth, 20)
        assert len(said) == 1
        assert [p.name for p in cache.folder.rglob("*") if p.is_file()] == ["lock"]
        full["now"] = False
        assert scanned(root, cache) == (truth, 20)
        assert scanned(root, cache) == (truth, 0)

    def test_freed_on_the_way(self, tmp_path: Path, full: dict[str, bool]) -> None:
        root = draw(tmp_path / "set", 40)
        truth = scanned(root)[0]
        cache = Cache(tmp_path / "cache")

        def progress(done: int, _: int) -> None:
            full["now"] = not done > 20

        with pytest.warns(CacheWarning, match="could not be kept"):
            scan_tables(fl.read(root), cache=cache, progress=progress)
        text, measured = scanned(root, cache)
        assert text == truth
        assert 0 < measured < 40

    def test_full_while_small_parts_are_put_together(
        self, tmp_path: Path, full: dict[str, bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        full["now"] = False
        monkeypatch.setattr(stores, "MOST_SMALL", 4)
        replace = stores.Store._replace

        def cramped(self: Any, *args: Any) -> None:
            full["now"] = True
            try:
                replace(self, *args)
            finally:
                full["now"] = False

        monkeypatch.setattr(stores.Store, "_replace", cramped)
        root = draw(tmp_path / "set", 40)
        cache = Cache(tmp_path / "cache", notify=lambda _: None)
        assert scanned(root, cache)[1] == 40
        assert rows_kept(cache) == 40
        assert scanned(root, cache) == (scanned(root)[0], 0)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
    def test_the_system_says_so(self, tmp_path: Path) -> None:
        """The real thing: writing a part where every write finds the device full."""
        store = stores.Store(tmp_path, Limits())
        (tmp_path / f"{parts._TEMPORARY}{os.getpid()}-1").symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left"):
            store.append(parts.empty())
        assert list(tmp_path.iterdir()) == []
        assert store.parts == []


def test_labels_alone_changed_often(tmp_path: Path) -> None:
    """Each state of the labels is kept, so going back and forth decodes nothing."""
    root = draw(tmp_path / "set", 6)
    cache = Cache(tmp_path / "cache")
    names = [f"{k:05d}.jpg" for k in range(6)]
    for expected in (6, 0):
        for shift in (0.0, 1.0, 2.0):
            label(root, names, 2, dict.fromkeys(range(6), shift))
            assert scanned(root, cache)[1] == expected
