"""A second scan decodes what changed and nothing else, and its tables are those of a first one."""

from __future__ import annotations

import os
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cache_runs import LONG_AGO_NS, digest, draw, label, padded, picture, scanned

import fastlabel as fl
from fastlabel import _core
from fastlabel.scan import Cache, CacheWarning, Limits, scan_tables

keys = import_module("fastlabel.scan.cache.keys")
parts = import_module("fastlabel.scan.cache.parts")
place = import_module("fastlabel.scan.cache.place")
session = import_module("fastlabel.scan.cache.session")
engine = import_module("fastlabel.scan.engine")

IMAGES = 12


@pytest.fixture(autouse=True)
def nothing_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files that a test has just written count as settled, as tomorrow's run would find."""
    monkeypatch.setattr(keys, "_SETTLING_NS", -(10**12))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the images that the engine was given, as a witness beside the cache's own count."""
    names: list[str] = []
    run = engine.run

    def spy(jobs: Any, *rest: Any) -> Any:
        names.extend(jobs.names.to_pylist())
        return run(jobs, *rest)

    monkeypatch.setattr(engine, "run", spy)
    return names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return draw(tmp_path / "set", IMAGES)


@pytest.fixture
def cache(tmp_path: Path, root: Path, decoded: list[str]) -> Cache:
    """A cache that knows the set."""
    kept = Cache(tmp_path / "cache")
    _, measured = scanned(root, kept)
    assert measured == IMAGES
    decoded.clear()
    return kept


def check_again(root: Path, cache: Cache, decoded: list[str]) -> list[str]:
    """Scan with the cache: the tables must be a fresh scan's. Gives the names measured."""
    text, measured = scanned(root, cache)
    names = sorted(decoded)
    assert len(names) == measured
    assert text == scanned(root)[0]
    decoded.clear()
    return names


def jpg(k: int) -> str:
    return f"{k:05d}.jpg"


def swap(a: Path, b: Path) -> None:
    other = a.with_name("other")
    a.rename(other)
    b.rename(a)
    other.rename(b)


class TestWhatIsDecoded:
    def test_nothing_changed(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        assert check_again(root, cache, decoded) == []
        assert cache.outcome is not None
        assert cache.outcome.hashed == 0

    def test_touched(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        for k in (1, 5):
            (root / jpg(k)).touch()
        assert check_again(root, cache, decoded) == []
        assert cache.outcome is not None
        assert cache.outcome.hashed == 2
        check_again(root, cache, decoded)
        assert cache.outcome.hashed == 0, "the new stamp was not kept"

    def test_replaced(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        (root / jpg(3)).write_bytes(picture(99))
        assert check_again(root, cache, decoded) == [jpg(3)]
        assert check_again(root, cache, decoded) == []

    def test_replaced_by_one_of_the_same_size(
        self, root: Path, cache: Cache, decoded: list[str]
    ) -> None:
        size = 10 + max(len(picture(99)), (root / jpg(3)).stat().st_size)
        (root / jpg(3)).write_bytes(padded(picture(3), size))
        assert check_again(root, cache, decoded) == [jpg(3)]
        (root / jpg(3)).write_bytes(padded(picture(99), size))
        assert check_again(root, cache, decoded) == [jpg(3)]

    def test_same_size_and_the_mtime_set_back(
        self, root: Path, cache: Cache, decoded: list[str]
    ) -> None:
        path = root / jpg(3)
        before = path.stat()
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x55
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        assert check_again(root, cache, decoded) == [jpg(3)]

    def test_swapped(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        swap(root / jpg(2), root / jpg(7))
        assert check_again(root, cache, decoded) == []

    def test_swapped_at_one_size_and_age(
        self, root: Path, cache: Cache, decoded: list[str]
    ) -> None:
        for k in (2, 7):
            (root / jpg(k)).write_bytes(padded(picture(k), 4000))
            os.utime(root / jpg(k), ns=(LONG_AGO_NS, LONG_AGO_NS))
        assert check_again(root, cache, decoded) == [jpg(2), jpg(7)]
        swap(root / jpg(2), root / jpg(7))
        assert check_again(root, cache, decoded) == []

    def test_renamed(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        names = [jpg(k) for k in range(IMAGES)]
        names[4] = "sub/new name.jpg"
        (root / "sub").mkdir()
        (root / jpg(4)).rename(root / names[4])
        label(root, names, 2)
        assert check_again(root, cache, decoded) == []

    def test_deleted_and_restored(
        self, tmp_path: Path, root: Path, cache: Cache, decoded: list[str]
    ) -> None:
        shutil.copy2(root / jpg(6), tmp_path / "kept.jpg")
        (root / jpg(6)).unlink()
        assert check_again(root, cache, decoded) == [jpg(6)]  # measured: it is missing
        shutil.copy2(tmp_path / "kept.jpg", root / jpg(6))
        assert check_again(root, cache, decoded) == []

    def test_replaced_and_put_back(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        first = (root / jpg(0)).read_bytes()
        (root / jpg(0)).write_bytes(picture(50))
        assert check_again(root, cache, decoded) == [jpg(0)]
        (root / jpg(0)).write_bytes(first)
        assert check_again(root, cache, decoded) == []

    def test_added(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        (root / jpg(IMAGES)).write_bytes(picture(70))
        label(root, [jpg(k) for k in range(IMAGES + 1)], 2)
        assert check_again(root, cache, decoded) == [jpg(IMAGES)]

    def test_added_at_the_front(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        """Every image has another id then; none has another content."""
        (root / "0.jpg").write_bytes(picture(70))
        label(root, ["0.jpg", *(jpg(k) for k in range(IMAGES))], 2)
        assert check_again(root, cache, decoded) == ["0.jpg"]

    def test_boxes_moved_and_moved_back(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        names = [jpg(k) for k in range(IMAGES)]
        label(root, names, 2, {1: 0.25, 8: 3})
        assert check_again(root, cache, decoded) == [jpg(1), jpg(8)]
        label(root, names, 2)
        assert check_again(root, cache, decoded) == []

    def test_labels_gone(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        label(root, [jpg(k) for k in range(IMAGES)], 0)
        assert len(check_again(root, cache, decoded)) == IMAGES
        assert check_again(root, cache, decoded) == []

    def test_boxes_said_to_lie_in_the_turned_picture(
        self, tmp_path: Path, decoded: list[str]
    ) -> None:
        """A portrait photo by EXIF: the declared size decides in which raster boxes lie."""
        exif = bytes.fromhex("ffe1001c45786966000049492a00080000000100120103000100000006000000")
        exif = b"\xff\xe1" + (len(exif) - 2).to_bytes(2, "big") + exif[4:]
        data = picture(1)
        data = data[:2] + exif + data[2:]
        sets = []
        for k, (width, height) in enumerate(((64, 48), (48, 64))):
            folder = draw(tmp_path / f"set{k}", 1)
            (folder / jpg(0)).write_bytes(data)
            text = (folder / "labels.json").read_text()
            text = text.replace('"width": 64', f'"width": {width}')
            text = text.replace('"height": 48', f'"height": {height}')
            (folder / "labels.json").write_text(text)
            sets.append(text)
        root = tmp_path / "set0"
        cache = Cache(tmp_path / "cache")
        first = scan_tables(fl.read(root), cache=cache)[1]
        (root / "labels.json").write_text(sets[1])
        decoded.clear()
        assert check_again(root, cache, decoded) == [jpg(0)]
        assert not scan_tables(fl.read(root), cache=cache)[1].equals(first)

    def test_two_entries_of_one_file(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        label(root, [jpg(0), jpg(0), jpg(1)], 2, {1: 7.0})
        check_again(root, cache, decoded)
        assert check_again(root, cache, decoded) == []

    def test_copies_of_one_file(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        names = [jpg(k) for k in range(IMAGES)] + [f"copy{k}.jpg" for k in range(3)]
        for name in names[IMAGES:]:
            shutil.copy(root / jpg(0), root / name)
        label(root, names, 2)
        assert check_again(root, cache, decoded) == []
        assert cache.outcome is not None
        assert cache.outcome.hashed == 3
        check_again(root, cache, decoded)
        assert cache.outcome.hashed == 0

    def test_a_part_of_the_set(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        """A run over fewer images leaves what is known of the others."""
        from fastlabel.scan.sources import FolderSource

        names = [jpg(k) for k in range(IMAGES)]
        for some in (names[:3], names[::-1]):
            fl.scan(FolderSource(root, pa.array(some)), cache=cache)
        decoded.clear()
        fl.scan(FolderSource(root, pa.array(names)), cache=cache)
        assert decoded == []
        assert check_again(root, cache, decoded) == []

    @pytest.mark.parametrize("suffix", [".png", ".webp", ".bmp"])
    def test_formats_that_opencv_decodes(
        self, tmp_path: Path, decoded: list[str], suffix: str
    ) -> None:
        root = draw(tmp_path / "set", 4, suffix=suffix)
        cache = Cache(tmp_path / "cache")
        scanned(root, cache)
        decoded.clear()
        assert check_again(root, cache, decoded) == []

    def test_bad_files(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        """What cannot be decoded is a result as well; what cannot be read is none."""
        (root / jpg(0)).write_bytes(b"no picture")
        (root / jpg(1)).write_bytes(picture(1)[:300])
        (root / jpg(2)).unlink()
        (root / jpg(3)).write_bytes(b"")
        assert check_again(root, cache, decoded) == [jpg(0), jpg(1), jpg(2), jpg(3)]
        assert check_again(root, cache, decoded) == [jpg(2), jpg(3)]


class TestWhatAnswersDependOn:
    def test_young_files_are_read(
        self, root: Path, tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Changed in the tick of the clock in which it was looked at: the stamp may not tell."""
        monkeypatch.setattr(keys, "_SETTLING_NS", 3_000_000_000)
        cache = Cache(tmp_path / "cache")
        scanned(root, cache)
        before = (root / jpg(0)).stat()
        changed = bytearray((root / jpg(0)).read_bytes())
        changed[-20] ^= 1
        (root / jpg(0)).write_bytes(changed)
        # A file system whose clock has not moved on, and has no ctime of its own.
        stamps = _core.stat_files

        def frozen(folder: Any, names: Any, offsets: Any, workers: int = 0) -> Any:
            found = stamps(folder, names, offsets, workers)
            found["mtime_ns"] = found["ctime_ns"] = before.st_mtime_ns
            return found

        monkeypatch.setattr(_core, "stat_files", frozen)
        decoded.clear()
        assert check_again(root, cache, decoded) == [jpg(0)]

    def test_a_file_replaced_while_it_is_measured_is_not_kept(
        self, root: Path, tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache = Cache(tmp_path / "cache")
        run = engine.run

        def meanwhile(*args: Any) -> Any:
            for batch in run(*args):
                (root / jpg(5)).write_bytes(picture(55))
                yield batch

        with monkeypatch.context() as patch:
            patch.setattr(engine, "run", meanwhile)
            scan_tables(fl.read(root), cache=cache)
        decoded.clear()
        assert check_again(root, cache, decoded) == [jpg(5)]

    def test_a_file_replaced_between_its_hash_and_its_decoding(
        self, tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What OpenCV decodes is read twice: a hash of one content, the statistics of another."""
        fallback = import_module("fastlabel.scan.fallback")
        root = draw(tmp_path / "set", 3, suffix=".png")
        path = root / "00001.png"
        good = padded(path.read_bytes(), 9000)
        path.write_bytes(good)
        cache = Cache(tmp_path / "cache")
        measure = fallback.measure

        def meanwhile(*args: Any) -> None:
            path.write_bytes(padded(picture(55, ".png"), 9000))
            measure(*args)

        with monkeypatch.context() as patch:
            patch.setattr(fallback, "measure", meanwhile)
            scan_tables(fl.read(root), cache=cache)
        path.write_bytes(good)
        decoded.clear()
        assert check_again(root, cache, decoded) == ["00001.png"]

    def test_limits(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        tight = Limits(max_pixels=100)
        text, measured = scanned(root, cache, limits=tight)
        assert measured == IMAGES
        assert text == scanned(root, limits=tight)[0]
        decoded.clear()
        assert check_again(root, cache, decoded) == [], "results of other limits were dropped"

    def test_version_of_the_tool(
        self, root: Path, cache: Cache, decoded: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parts, "SCAN_VERSION", parts.SCAN_VERSION + 1)
        old = set(cache.folder.rglob("*.arrow"))
        with pytest.warns(CacheWarning, match="another version"):
            text, measured = scanned(root, cache)
        assert measured == IMAGES
        assert text == scanned(root)[0]
        assert not old & set(cache.folder.rglob("*.arrow")), "dead parts were left"

    def test_codec(
        self, root: Path, cache: Cache, decoded: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_core, "jpeg_codec", lambda: "another 1.0")
        with pytest.warns(CacheWarning, match="another version"):
            assert scanned(root, cache)[1] == IMAGES

    @pytest.mark.parametrize("workers", [1, 2, 7])
    def test_not_on_workers(self, root: Path, cache: Cache, workers: int) -> None:
        text, measured = scanned(root, cache, workers=workers)
        assert (text, measured) == (scanned(root, workers=3)[0], 0)

    def test_not_on_the_instruction_set(self, root: Path, cache: Cache) -> None:
        now = _core.isa()
        try:
            for name in _core.isa_available():
                _core.isa_select(name)
                assert scanned(root, cache) == (scanned(root)[0], 0)
        finally:
            _core.isa_select(now)

    def test_fresh(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        assert scanned(root, Cache(cache.folder, fresh=True))[1] == IMAGES
        decoded.clear()
        assert check_again(root, cache, decoded) == []

    def test_sources_are_apart(self, tmp_path: Path, root: Path, cache: Cache) -> None:
        other = shutil.copytree(root, tmp_path / "set copy")
        assert scanned(other, cache)[1] == IMAGES
        assert len([p for p in cache.folder.iterdir() if p.is_dir()]) == 2

    def test_paths_and_bytes(self, root: Path, tmp_path: Path) -> None:
        cache = Cache(tmp_path / "cache")
        paths = sorted(root.glob("*.jpg"))
        for items in (paths, [p.read_bytes() for p in paths]):
            for known in (0, IMAGES):
                assert fl.scan(items, cache=cache).equals(fl.scan(items))
                assert cache.outcome is not None
                assert cache.outcome.reused == known

    def test_an_archive(self, root: Path, tmp_path: Path) -> None:
        archive = tmp_path / "all.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add(root, "set")
        from fastlabel.scan.sources import open_source

        cache = Cache(tmp_path / "cache")
        first = fl.scan(open_source(str(archive)), cache=cache)
        again = fl.scan(open_source(str(archive)), cache=cache)
        assert again.equals(first)
        assert cache.outcome is not None
        assert (cache.outcome.reused, cache.outcome.hashed) == (IMAGES, 0)


class TestTheFolder:
    def flipped(self, cache: Cache) -> Path:
        (part,) = cache.folder.rglob("*.arrow")
        return part

    def test_a_byte_flipped_anywhere(self, root: Path, cache: Cache, decoded: list[str]) -> None:
        truth = scanned(root)[0]
        part = self.flipped(cache)
        good = part.read_bytes()
        rng = np.random.default_rng(0)
        spots = {0, 7, len(good) - 1, len(good) - 7, *rng.integers(len(good), size=60).tolist()}
        for at in sorted(spots):
            bad = bytearray(good)
            bad[at] ^= 1 << int(rng.integers(8))
            for old in cache.folder.rglob("*.arrow"):
                old.unlink()
            part.write_bytes(bad)
            with pytest.warns(CacheWarning, match="a part is damaged"):
                assert scanned(root, cache) == (truth, IMAGES)

    def test_cut_anywhere(self, root: Path, cache: Cache) -> None:
        truth = scanned(root)[0]
        part = self.flipped(cache)
        good = part.read_bytes()
        for length in (0, 1, 8, len(good) // 2, len(good) - 1):
            for old in cache.folder.rglob("*.arrow"):
                old.unlink()
            part.write_bytes(good[:length])
            with pytest.warns(CacheWarning, match="a part is damaged"):
                assert scanned(root, cache) == (truth, IMAGES)

    def test_a_part_of_another_shape_with_a_good_checksum(self, root: Path, cache: Cache) -> None:
        part = self.flipped(cache)
        sink = pa.BufferOutputStream()
        table = pa.table({"name": [1, 2, 3]})
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        data = sink.getvalue().to_pybytes()
        checksum = _core.content_hash(data).hex()
        part.with_name(part.name[:-38] + checksum + ".arrow").write_bytes(data)
        part.unlink()
        with pytest.warns(CacheWarning, match="a part is damaged"):
            assert scanned(root, cache) == (scanned(root)[0], IMAGES)

    def test_what_others_put_there_is_left(self, root: Path, cache: Cache) -> None:
        (folder,) = (p for p in cache.folder.iterdir() if p.is_dir())
        (folder / "notes.txt").write_text("mine")
        (folder / ".part-1-1").write_text("half a part of a run that was killed")
        assert scanned(root, cache)[1] == 0
        assert (folder / "notes.txt").read_text() == "mine"
        assert not (folder / ".part-1-1").exists()

    def test_inside_the_data_set(self, root: Path, tmp_path: Path) -> None:
        ds = fl.read(root)
        (tmp_path / "link").symlink_to(root)
        before = sorted(root.rglob("*"))
        for folder in (root, root / "cache", tmp_path / "link" / "cache", root / "x" / ".." / "y"):
            with pytest.raises(fl.DatasetError, match="never changed"):
                scan_tables(ds, cache=folder)
        assert sorted(root.rglob("*")) == before

    def test_the_usual_folder_inside_the_data_set(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As with `fastlabel check ~`: nobody named it, so it is no error."""
        monkeypatch.setenv("FASTLABEL_CACHE", str(root / "cache"))
        with pytest.warns(CacheWarning, match="nothing is kept"):
            scan_tables(fl.read(root), cache=True)
        assert not (root / "cache").exists()

    def test_the_usual_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("FASTLABEL_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert place.default_folder() == tmp_path / "fastlabel"
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        monkeypatch.setenv("HOME", "/home/me")
        assert place.default_folder() == Path("/home/me/.cache/fastlabel")
        monkeypatch.setenv("FASTLABEL_CACHE", "/elsewhere")
        assert place.default_folder() == Path("/elsewhere")
        monkeypatch.setenv("FASTLABEL_CACHE", "off")
        assert Cache.open() is None

    def test_a_folder_that_cannot_be_made(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.warns(CacheWarning, match="cannot be used"):
            assert scanned(root, Cache(tmp_path / "file" / "cache"))[0] == scanned(root)[0]

    def test_wrong_argument(self, root: Path) -> None:
        with pytest.raises(TypeError, match="cache: got int"):
            fl.scan([picture(1)], cache=3)  # type: ignore[arg-type]

    def test_names_that_look_like_paths_or_controls(self, tmp_path: Path) -> None:
        for identity in ("/", "/a/../..", "s3://bucket/ö\n\x1b[31m", "x" * 400, ""):
            folder = place.folder_of(tmp_path, identity)
            assert folder.parent == tmp_path
            assert folder.name.isprintable()
            assert len(folder.name) < 100


class TestTwoRuns:
    def test_the_second_waits(self, root: Path, tmp_path: Path) -> None:
        said: list[str] = []
        cache = Cache(tmp_path / "cache", notify=said.append)
        ds = fl.read(root)
        folder = place.folder_of(cache.folder, str(root))
        first = place.Held(folder, said.append)
        second = threading.Thread(target=lambda: scan_tables(ds, cache=cache))
        second.start()
        while not said:
            time.sleep(0.01)
        assert f"process {os.getpid()}" in said[0]
        assert "--no-cache" in said[0]
        assert not list(folder.glob("*.arrow"))
        first.release()
        second.join()
        assert list(folder.glob("*.arrow"))
        assert len(said) == 1

    def test_many_at_once(self, root: Path, tmp_path: Path) -> None:
        ds = fl.read(root)
        truth = digest(*scan_tables(ds))
        seen: list[str] = []

        def one() -> None:
            cache = Cache(tmp_path / "cache", notify=lambda _: None)
            seen.append(digest(*scan_tables(ds, cache=cache)))

        threads = [threading.Thread(target=one) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [truth] * 6
        assert len(list((tmp_path / "cache").rglob("*.arrow"))) == 1


class TestInterrupted:
    def test_ctrl_c_keeps_what_was_measured(
        self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache = Cache(tmp_path / "cache")
        run = engine.run

        def stopped(jobs: Any, workers: int, limits: Limits, progress: Any, *_: int) -> Any:
            for k, batch in enumerate(run(jobs, workers, limits, progress, 2)):
                if k == 3:
                    raise KeyboardInterrupt
                yield batch

        with monkeypatch.context() as patch:
            patch.setattr(engine, "run", stopped)
            with pytest.raises(KeyboardInterrupt, match="run again to go on"):
                scan_tables(fl.read(root), cache=cache)
        assert scanned(root, cache) == (scanned(root)[0], IMAGES - 6)

    def test_progress_counts_each_image_once(self, root: Path, cache: Cache) -> None:
        (root / jpg(0)).write_bytes(picture(40))
        seen: list[tuple[int, int]] = []
        scan_tables(fl.read(root), cache=cache, progress=lambda *told: seen.append(told))
        assert [total for _, total in seen] == [IMAGES] * len(seen)
        done = [d for d, _ in seen]
        assert done == sorted(done)
        assert (done[0], done[-1]) == (IMAGES - 1, IMAGES)
