"""Sizes and times of many files in one call are those of ``os.stat``."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import fastlabel as fl
from fastlabel import _core

stamps = import_module("fastlabel.scan.sources._stamps")
arrays = import_module("fastlabel.scan.arrays")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for k in range(700):  # more than a thread takes at a time
        (tmp_path / f"{k:03d}").write_bytes(b"x" * k)
        os.utime(tmp_path / f"{k:03d}", ns=(k, -k * 10**9 + 123_456_789))
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("005")
    (tmp_path / "dangling").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def found(folder: bytes | None, names: list[bytes], workers: int = 0) -> np.ndarray:
    offsets, data = arrays.joined(names)
    return _core.stat_files(folder, data, offsets, workers)


@pytest.mark.parametrize("workers", [0, 1, 2, 7])
def test_as_os_stat(folder: Path, workers: int) -> None:
    names = [f"{k:03d}".encode() for k in range(700)] + [b"link", b"sub/../001"]
    got = found(os.fsencode(folder), names, workers)
    for row, name in zip(got.tolist(), names, strict=True):
        info = os.stat(os.path.join(os.fsencode(folder), name))  # noqa: PTH116, PTH118
        assert row == (info.st_size, info.st_mtime_ns, info.st_ctime_ns), name


def test_what_is_no_file(folder: Path) -> None:
    long = b"x" * 5000
    names = [b"missing", b"sub", b"pipe", b"dangling", b"", b"000\0", b"\0", long, b"000/x"]
    assert found(os.fsencode(folder), names)["size"].tolist() == [-1] * len(names)


def test_absolute_names_and_no_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absolute = os.fsencode(folder / "007")
    assert found(b"/nowhere", [absolute, b"007"])["size"].tolist() == [7, -1]
    monkeypatch.chdir(folder)
    assert found(None, [b"007", absolute])["size"].tolist() == [7, 7]
    assert found(b"", [b"007"])["size"].tolist() == [-1]


def test_names_that_are_not_utf8(folder: Path) -> None:
    name = b"\xff\xfe.jpg"
    with open(os.fsencode(folder) + b"/" + name, "wb") as file:  # noqa: PTH123
        file.write(b"12")
    assert found(os.fsencode(folder), [name])["size"].tolist() == [2]


def test_stamps_of_an_arrow_column(folder: Path) -> None:
    names = pa.array(["zzz", "001", None, "missing", "003"]).slice(1)
    got = stamps.file_stamps(os.fsencode(folder), names).to_pylist()
    assert [row["size"] for row in got] == [1, None, None, 3]
    info = (folder / "003").stat()
    assert got[3]["version"] == f"{info.st_mtime_ns}.{info.st_ctime_ns}"
    assert got[1]["version"] is None


def test_offsets_must_fit() -> None:
    for offsets in ([0, 5], [1, 2], [0, 3, 2], []):
        array = np.array(offsets, np.int64)
        for call in (
            lambda array=array: _core.stat_files(None, b"abc", array),
            lambda array=array: _core.hash_slices(b"abc", array),
        ):
            with pytest.raises(ValueError, match=r"offsets|argument"):
                call()


def test_hashes_of_slices() -> None:
    rng = np.random.default_rng(0)
    data = rng.bytes(5000)
    cuts = np.sort(rng.integers(0, 5000, 60))
    offsets = np.concatenate([[0], cuts, cuts[-1:], [5000]]).astype(np.int64)
    got = _core.hash_slices(data, offsets)
    for row, low, high in zip(got, offsets[:-1], offsets[1:], strict=True):
        assert row.tobytes().hex() == fl.content_hash(data[low:high])
    assert _core.hash_slices(b"", np.zeros(1, np.int64)).shape == (0, 16)


def test_only_hashing_gives_the_hash_of_a_scan(folder: Path) -> None:
    engine, jobs = (import_module(f"fastlabel.scan.{n}") for n in ("engine", "jobs"))
    paths = [folder / f"{k:03d}" for k in (0, 1, 5, 699)] + [folder / "missing", folder / "sub"]
    from fastlabel.scan import Limits

    places, hashes = engine.content_hashes(jobs.jobs_of(paths), 2, Limits(max_bytes=600))
    truth = fl.scan(paths, limits=Limits(max_bytes=600))["content_hash"].to_pylist()
    assert places.tolist() == [1, 2]
    assert [h.tobytes().hex() for h in hashes] == truth[1:3]
    assert truth[3:] == [None] * 3
