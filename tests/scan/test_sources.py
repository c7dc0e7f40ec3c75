"""Image sources: the same pictures from folders, archives and tables give the same rows."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import threading
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastlabel as fl
from fastlabel import schema
from fastlabel.dataset import DatasetError
from fastlabel.scan.jobs import jobs_of
from fastlabel.scan.sources import Lost, Span, TarSource, ZipSource, content_by_name, open_source
from fastlabel.scan.sources.open import expand


def jpeg(seed: int, width: int = 48, height: int = 40) -> bytes:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def png(seed: int) -> bytes:
    picture = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), np.uint8)
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    """Names in sorted order, some of the files damaged."""
    found = {f"part{k % 2}/{k:03d}.jpg": jpeg(k) for k in range(40)}
    found |= {f"part0/{k}.png": png(k) for k in range(5)}
    found["part1/cut.jpg"] = jpeg(99)[:-300]
    found["part1/empty.jpg"] = b""
    found["part1/rubbish.jpg"] = b"not a picture"
    return dict(sorted(found.items()))


def write_folder(folder: Path, pictures: dict[str, bytes]) -> Path:
    for name, data in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def write_tar(path: Path, pictures: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=format) as tar:
        for name, data in pictures.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def write_zip(path: Path, pictures: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in pictures.items():
            archive.writestr(name, data)
    return path


def write_parquet(path: Path, pictures: dict[str, bytes], rows: int = 40) -> Path:
    image = pa.StructArray.from_arrays(
        [pa.array(pictures.values(), pa.binary()), pa.array(pictures.keys(), pa.string())],
        ["bytes", "path"],
    )
    label = pa.array(range(len(pictures)))
    pq.write_table(pa.table({"label": label, "image": image}), path, row_group_size=rows)
    return path


def scanned(source, **options) -> list[dict]:
    """Rows of a scan without their names."""
    return fl.scan(source, **options).drop_columns(["file_name"]).to_pylist()


@pytest.fixture(scope="module")
def places(pictures, tmp_path_factory) -> dict[str, object]:
    """The same pictures in every kind of place."""
    here = tmp_path_factory.mktemp("places")
    names = list(pictures)
    halves = [dict(list(pictures.items())[:25]), dict(list(pictures.items())[25:])]
    folder = write_folder(here / "folder", pictures)
    (here / "list.txt").write_text("# all\n" + "\n".join(f"folder/{n}" for n in names) + "\n")
    for k, half in enumerate(halves):
        write_tar(here / f"shard-{k:03d}.tar", half)
        write_parquet(here / f"part-{k}-of-2.parquet", half)
    return {
        "folder": folder,
        "file://": f"file://{folder}",
        "list": f"@{here / 'list.txt'}",
        "tar": write_tar(here / "pax.tar", pictures),
        "tar-gnu": write_tar(here / "gnu.tar", pictures, tarfile.GNU_FORMAT),
        "tar-ustar": write_tar(here / "ustar.tar", pictures, tarfile.USTAR_FORMAT),
        "shards": str(here / "shard-{000..001}.tar"),
        "glob": str(here / "shard-*.tar"),
        "zip": write_zip(here / "stored.zip", pictures),
        "zip-deflated": write_zip(here / "deflated.zip", pictures, zipfile.ZIP_DEFLATED),
        "parquet": write_parquet(here / "set.parquet", pictures),
        "parquets": str(here / "part-*.parquet"),
    }


KINDS = (
    "file://", "list", "tar", "tar-gnu", "tar-ustar", "shards", "glob", "zip", "zip-deflated",
    "parquet", "parquets",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_rows_from_every_place(places, pictures, kind):
    wanted = scanned(open_source(places["folder"]), workers=2)
    assert {row["status"] for row in wanted} >= {"ok", "truncated", "unreadable"}
    assert sum(row["status"] == "ok" for row in wanted) == 45
    source = open_source(places[kind])
    assert len(source) == len(pictures)
    assert scanned(source, workers=2) == wanted
    assert scanned(source, workers=1) == wanted


@pytest.mark.parametrize("kind", ["folder", *KINDS])
def test_fetch_names_and_stamps_of_any_rows(places, pictures, kind):
    source = open_source(places[kind])
    names = source.names().to_pylist()
    assert len(set(names)) == len(names)
    rows = np.array([38, 2, 2, 41, 0], np.int64)
    contents = list(pictures.values())
    for row, item in zip(rows.tolist(), source.fetch(rows), strict=True):
        assert not isinstance(item, Lost)
        if isinstance(item, Span):
            with Path(os.fsdecode(item.path)).open("rb") as file:
                file.seek(item.offset)
                item = file.read(item.length)
        assert item == contents[row]
        assert names[row].endswith(list(pictures)[row])
        assert content_by_name(source, names[row]) == contents[row]
    stamps = source.stamps(rows).to_pylist()
    assert stamps[1] == stamps[2] and stamps[0] != stamps[1]
    assert all(s["version"] for s in stamps)
    if not kind.startswith("parquet"):
        assert [s["size"] for s in stamps] == [len(contents[row]) for row in rows]
    assert source.identity and len(source.fetch(np.empty(0, np.int64))) == 0


def test_a_subset_of_jobs_gives_the_rows_of_its_images(places):
    from fastlabel.scan import Limits
    from fastlabel.scan.engine import run

    jobs = jobs_of(open_source(places["tar"]))
    indices = np.array([44, 3, 17], np.int64)
    ((images, boxes),) = run(jobs.subset(indices), 2, Limits(), None, 128)
    whole = fl.scan(jobs.source)
    assert images.to_pylist() == whole.take(pa.array(indices)).to_pylist()
    assert boxes.num_rows == 0


def test_boxes_of_a_subset_keep_their_ids(tmp_path):
    from fastlabel.scan import Limits, scan_tables
    from fastlabel.scan.engine import run

    names = {f"{k}.jpg": jpeg(k) for k in range(5)}
    write_folder(tmp_path, names)
    write_coco(tmp_path / "labels.json", names, boxes=3)
    ds = fl.read(tmp_path)
    _, wanted = scan_tables(ds)
    jobs = jobs_of(ds).subset(np.array([2, 1], np.int64))
    ((images, boxes),) = run(jobs, 1, Limits(), None, 128)
    assert images["image_id"].to_pylist() == [2, 1]
    assert boxes.to_pylist() == wanted.take(boxes["annotation_id"]).to_pylist()
    assert boxes["image_id"].to_pylist() == [2] * 5 + [1] * 4


def write_coco(path: Path, names, boxes: int = 1) -> None:
    labels = {
        "images": [
            {"id": k, "file_name": name, "width": 48, "height": 40} for k, name in enumerate(names)
        ],
        "annotations": [
            {"id": 10 * k + b, "image_id": k, "category_id": 1, "bbox": [2 + b, 3, 12 + k, 15]}
            for k in range(len(names))
            for b in range(boxes + k % 3 if boxes > 1 else 1)
        ],
        "categories": [{"id": 1, "name": "thing"}],
    }
    path.write_text(json.dumps(labels))


# ---- labels from here, pictures from there ---------------------------------------------------


@pytest.mark.parametrize("kind", ["tar", "shards", "zip", "zip-deflated", "parquet", "parquets"])
def test_labels_with_pictures_from_an_archive(places, pictures, tmp_path, kind):
    labels = tmp_path / "labels.json"
    # Not in the archive's order; the parquet source is then read in its own.
    write_coco(labels, [*reversed(pictures), "absent.jpg"])
    write_coco(Path(places["folder"], "labels.json"), [*reversed(pictures), "absent.jpg"])
    wanted = fl.check(places["folder"] / "labels.json")
    Path(places["folder"], "labels.json").unlink()
    report = fl.check(labels, images=places[kind])
    rows, expected = report.image_stats.to_pylist(), wanted.image_stats.to_pylist()
    assert rows[-1].pop("status_detail") == "there is no such image in the source"
    assert expected[-1].pop("status_detail") == "No such file or directory"
    assert rows == expected
    assert report.box_stats.equals(wanted.box_stats)
    codes = report.findings["code"].to_pylist()
    assert codes == wanted.findings["code"].to_pylist()
    missing = [m for c, m in _told(report) if c == "FL004"]
    assert len(missing) == 1 and "absent.jpg" in missing[0]
    # What is wrong is named with its archive.
    unreadable = " ".join(m for c, m in _told(report) if c == "FL001")
    end = {"tar": "pax.tar/", "zip": "stored.zip/", "parquet": "set.parquet/"}.get(kind, "/")
    assert f"{end}part1/rubbish.jpg" in unreadable


def _told(report):
    return list(
        zip(
            report.findings["code"].to_pylist(), report.findings["message"].to_pylist(), strict=True
        )
    )


def test_yolo_boxes_get_their_sizes_from_the_archive(tmp_path):
    names = {f"images/train/{k}.jpg": jpeg(k, 64, 32) for k in range(3)}
    archive = write_tar(tmp_path / "images.tar", names)
    write_folder(
        tmp_path / "set",
        {n.replace("images", "labels")[:-3] + "txt": b"0 0.5 0.5 0.25 0.5" for n in names},
    )
    (tmp_path / "set" / "data.yaml").write_text("train: images/train\nnames: [a]\n")
    ds = fl.read(tmp_path / "set", images=archive)
    assert ds.format == "yolo"
    assert ds.boxes().tolist() == [[24.0, 8.0, 40.0, 24.0]] * 3
    assert fl.scan(ds)["status"].to_pylist() == ["ok"] * 3


@pytest.mark.parametrize("kind", ["tar", "zip-deflated", "parquet"])
def test_the_report_shows_pictures_from_archives(places, kind, tmp_path):
    report = fl.check(places[kind], select=["FL002", "FL5"])
    assert "FL002" in report.findings["code"].to_pylist()
    report.to_html(tmp_path / "report.html")
    assert "data:image/webp" in (tmp_path / "report.html").read_text()


def test_images_without_labels_from_a_folder_of_shards(places, pictures):
    folder = Path(places["shards"]).parent / "only"
    folder.mkdir()
    for k in range(2):
        os.link(places["shards"].replace("{000..001}", f"00{k}"), folder / f"train-00{k}.tar")
    ds = fl.read(folder)
    assert len(ds) == len(pictures) and ds.format == "images"
    assert set(ds.images["split"].to_pylist()) == {"train"}
    assert ds.select_split("train").source is ds.source
    assert fl.scan(ds)["content_hash"].equals(fl.scan(open_source(folder))["content_hash"])


def test_commands_that_need_files_say_so(places, tmp_path):
    with pytest.raises(DatasetError, match=r"pax\.tar.*unpack or copy"):
        fl.tile(places["tar"], tmp_path / "out", size=32)
    assert not (tmp_path / "out").exists()


def test_the_command_line_takes_archives_as_data_and_as_images(places, tmp_path, capsys):
    from fastlabel.cli import main

    (tmp_path / "set").mkdir()
    labels = tmp_path / "set" / "labels.json"
    write_coco(labels, ["part1/001.jpg", "absent.jpg"])
    for k, args in enumerate(
        ([places["tar"]], [labels, "--images", places["zip"]],
         [f"@{Path(places['folder']).parent / 'list.txt'}"], [places["shards"]],
         [labels, "--images", places["tar"], "--images", places["parquet"]])
    ):  # fmt: skip
        out = tmp_path / f"out{k}"
        with pytest.raises(SystemExit, match="1"):
            main(["check", *map(str, args), "--out", str(out), "--output-format", "concise"])
        said = capsys.readouterr().out
        assert "part1/cut.jpg" in said
        assert ("absent.jpg" in said) == (len(args) > 1)
        assert (out / "report.html").exists()
    with pytest.raises(SystemExit, match="2"):
        main(["check", str(labels), "--images", "nowhere.tar", "--out",
              str(tmp_path / "no")])  # fmt: skip
    assert "nowhere.tar: no such file" in capsys.readouterr().err


# ---- tar, as others may have made it ----------------------------------------------------------


def tar_with(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_members_agree_with_the_standard_library(tmp_path):
    rng = np.random.default_rng(5)
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        long = 40 if format == tarfile.USTAR_FORMAT else 150
        names = [
            f"{'d' * int(rng.integers(1, long))}/{'é' * int(rng.integers(1, long // 2 + 1))}{k}.jpg"
            for k in range(60)
        ]
        if format == tarfile.USTAR_FORMAT:
            names = [name.replace("é", "e") for name in names]
        contents = [rng.bytes(int(rng.integers(1, 3000))) for _ in names]
        path = tmp_path / f"{format}.tar"
        path.write_bytes(
            tar_with(*((member(n), c) for n, c in zip(names, contents, strict=True)), format=format)
        )
        source = TarSource([path])
        assert source.members.to_pylist() == names
        assert not source.problems
        with tarfile.open(path) as tar:
            wanted = [(m.offset_data, m.size) for m in tar.getmembers()]
        spans = source.fetch(np.arange(60))
        assert [(s.offset, s.length) for s in spans] == wanted


def test_links_absolute_and_climbing_names_are_rows_and_never_followed(tmp_path):
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(jpeg(1))
    path = tmp_path / "set" / "odd.tar"
    path.parent.mkdir()
    path.write_bytes(
        tar_with(
            (member("good.jpg"), jpeg(2)),
            (member("soft.jpg", tarfile.SYMTYPE, str(secret)), b""),
            (member("hard.jpg", tarfile.LNKTYPE, "good.jpg"), b""),
            (member("/etc/abs.jpg"), jpeg(3)),
            (member("../climbs.jpg"), jpeg(4)),
            (member("a/../../climbs2.jpg"), jpeg(4)),
            (member("a/../inside.jpg"), jpeg(5)),
            (member("C:\\x.jpg"), jpeg(5)),
            (member("pipe.jpg", tarfile.FIFOTYPE), b""),
            (member("device.jpg", tarfile.CHRTYPE), b""),
        )
    )
    report = fl.check(path)
    status = dict(
        zip(
            report.image_stats["file_name"].to_pylist(),
            report.image_stats["status"].to_pylist(),
            strict=True,
        )
    )
    assert status == {
        "odd.tar/good.jpg": "ok",
        "odd.tar/soft.jpg": "unreadable",
        "odd.tar/hard.jpg": "unreadable",
        "odd.tar//etc/abs.jpg": "escaped",
        "odd.tar/../climbs.jpg": "escaped",
        "odd.tar/a/../../climbs2.jpg": "escaped",
        "odd.tar/a/../inside.jpg": "ok",
        "odd.tar/C:\\x.jpg": "escaped",
        "odd.tar/pipe.jpg": "unreadable",
        "odd.tar/device.jpg": "unreadable",
    }
    told = _told(report)
    escapes = [m for c, m in told if c == "FL005"]
    assert len(escapes) == 4 and all("odd.tar" in m for m in escapes)
    assert sum("links are not followed" in m for c, m in told if c == "FL001") == 2
    assert sorted(p.name for p in path.parent.iterdir()) == ["odd.tar"]


def test_duplicate_names_are_a_finding_and_labels_go_to_the_last(tmp_path):
    path = tmp_path / "twice.tar"
    first, last = jpeg(1), jpeg(2)
    path.write_bytes(
        tar_with(
            (member("a.jpg"), first),
            (member("b.jpg"), jpeg(3)),
            (member("a.jpg"), last),
            (member("c.jpg"), jpeg(4)),
        )
    )
    report = fl.check(path)
    assert report.image_stats["file_name"].to_pylist() == [
        "twice.tar/a.jpg (1)",
        "twice.tar/b.jpg",
        "twice.tar/a.jpg",
        "twice.tar/c.jpg",
    ]
    hashes = report.image_stats["content_hash"].to_pylist()
    assert hashes[0] == fl.content_hash(first) and hashes[2] == fl.content_hash(last)
    (message,) = [m for c, m in _told(report) if "2 members" in m]
    assert "twice.tar" in message and "a.jpg" in message
    write_coco(tmp_path / "l.json", ["a.jpg"])
    ds = fl.read(tmp_path / "l.json", images=path)
    assert fl.scan(ds)["content_hash"][0].as_py() == fl.content_hash(last)


@pytest.mark.parametrize("keep", [100, 0])
def test_a_truncated_last_member(tmp_path, keep):
    data = tar_with((member("a.jpg"), jpeg(1)), (member("b.jpg"), jpeg(2)))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        at = tar.getmembers()[1].offset_data
    path = tmp_path / "cut.tar"
    path.write_bytes(data[: at + keep])
    report = fl.check(path)
    statuses = report.image_stats["status"].to_pylist()
    assert statuses[0] == "ok" and statuses[1] in ("truncated", "unreadable")
    assert any(c == "FL105" and "cut.tar ends inside a member" in m for c, m in _told(report))
    assert any("cut.tar/b.jpg" in m for c, m in _told(report))


def test_a_damaged_header_and_joined_archives_are_told(tmp_path):
    one = tar_with((member("a.jpg"), jpeg(1)), (member("b.jpg"), jpeg(2)))
    with tarfile.open(fileobj=io.BytesIO(one)) as tar:
        at = tar.getmembers()[1].offset
    path = tmp_path / "x.tar"
    path.write_bytes(one[:at] + b"?" * 512 + one[at + 512 :])
    source = TarSource([path])
    assert len(source) == 1
    (problem,) = source.problems
    assert problem.kind == "malformed-file" and f"byte {at:,}" in problem.message
    path.write_bytes(one + one)
    (problem,) = TarSource([path]).problems
    assert "goes on behind its end mark" in problem.message


@pytest.mark.parametrize("head", [b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"])
def test_compressed_archives_say_what_to_do(tmp_path, head):
    path = tmp_path / "x.tar"
    path.write_bytes(head + bytes(600))
    with pytest.raises(DatasetError, match=r"compressed with .* unpack"):
        TarSource([path])


def test_sparse_members_are_not_pieced_together(tmp_path):
    header = bytearray(tarfile.TarInfo("s.jpg").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[124:136] = b"00000001000\0"
    header[482] = 1  # one more block of the map follows
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    tail = tar_with((member("after.jpg"), jpeg(1)))
    path = tmp_path / "s.tar"
    path.write_bytes(bytes(header) + bytes(512) + bytes(512) + tail)
    rows = fl.scan(TarSource([path])).to_pylist()
    assert [(r["file_name"], r["status"]) for r in rows] == [
        ("s.tar/s.jpg", "unsupported"),
        ("s.tar/after.jpg", "ok"),
    ]


def test_mutated_archives_never_crash(tmp_path):
    rng = np.random.default_rng(11)
    names = {f"{'n' * (120 if k == 3 else 3)}{k}.jpg": jpeg(k, 16, 16) for k in range(6)}
    tar = bytearray(write_tar(tmp_path / "a.tar", names).read_bytes())
    archive = bytearray(write_zip(tmp_path / "a.zip", names, zipfile.ZIP_DEFLATED).read_bytes())
    path = tmp_path / "mutated"
    opened = 0
    for kind, original in ((TarSource, tar), (ZipSource, archive)):
        for _ in range(300):
            data = bytearray(original)
            for at in rng.integers(0, len(data), int(rng.integers(1, 6))).tolist():
                data[at] = int(rng.integers(0, 256))
            if rng.random() < 0.3:
                data = data[: int(rng.integers(0, len(data)))]
            path.write_bytes(data)
            try:
                source = kind([path])
            except DatasetError as error:
                assert "mutated" in str(error)
                continue
            opened += 1
            table = fl.scan(source, workers=1)
            assert table.num_rows == len(source)
            assert set(table["status"].to_pylist()) <= set(schema.STATUSES)
    assert opened > 200


# ---- zip --------------------------------------------------------------------------------------


def test_a_zip_bomb_is_refused_by_declared_and_by_real_size(tmp_path):
    path = write_zip(
        tmp_path / "b.zip", {"big.bmp": bytes(3_000_000), "a.jpg": jpeg(1)}, zipfile.ZIP_DEFLATED
    )
    assert path.stat().st_size < 20_000
    source = open_source(path)
    rows = np.arange(2)
    assert source.fetch(rows, most=1_000_000)[0] == Lost(
        "over_limit", "3000000 bytes, the limit is 1000000"
    )
    from fastlabel.scan import Limits

    told = fl.scan(source, limits=Limits(max_bytes=1_000_000)).to_pylist()
    assert [t["status"] for t in told] == ["over_limit", "ok"]
    # The same with a header that says 1000 bytes.
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")
    struct.pack_into("<L", data, at + 24, 1000)
    path.write_bytes(data)
    (lost, _) = open_source(path).fetch(rows, most=1_000_000)
    assert lost.status == "over_limit" and "more than the 1000 bytes" in lost.detail


def test_overlapping_members_are_a_bomb(tmp_path):
    path = write_zip(
        tmp_path / "o.zip", {f"{k}.bmp": bytes(9000) for k in range(4)}, zipfile.ZIP_DEFLATED
    )
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2")
    first = struct.unpack_from("<L", data, at + 42)[0]
    second = data.index(b"PK\1\2", at + 4)
    struct.pack_into("<L", data, second + 42, first)
    path.write_bytes(data)
    statuses = [getattr(i, "status", "ok") for i in open_source(path).fetch(np.arange(4))]
    assert statuses == ["over_limit", "over_limit", "ok", "ok"]


def test_encrypted_linked_and_other_members_of_a_zip(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("locked.jpg", jpeg(1))
        link = zipfile.ZipInfo("link.jpg")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bz.jpg", jpeg(1), zipfile.ZIP_BZIP2)
        archive.writestr("../up.jpg", jpeg(1))
        archive.writestr("folder/", b"")
        archive.writestr("labels.txt", b"0 0 0 0 0")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    ds = fl.read(path)
    rows = fl.scan(ds).to_pylist()
    assert [(r["status"], r["status_detail"]) for r in rows] == [
        ("unsupported", "encrypted; unpack it with its password"),
        ("unreadable", "a link in the archive; links are not followed"),
        ("unsupported", "packed with bzip2; pack it stored"),
        ("escaped", "the name leads outside the root"),
    ]
    assert "1 members are no pictures" in ds.meta["ignored_files"][0]["reason"]


def test_zip64_and_bytes_before_the_archive(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.jpg", "w", force_zip64=True) as to:
        to.write(jpeg(7))
    path.write_bytes(b"#!/bin/sh\n" * 9 + path.read_bytes())
    assert fl.scan(open_source(path))["content_hash"].to_pylist() == [fl.content_hash(jpeg(7))]


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6" + bytes(10), b"x" * 4000])
def test_no_zip_is_told(tmp_path, data):
    path = tmp_path / "z.zip"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"z\.zip: no zip archive"):
        open_source(path)


# ---- Parquet ----------------------------------------------------------------------------------


def test_parquet_columns_of_other_layouts(tmp_path):
    data = [jpeg(k) for k in range(4)]
    plain = pa.table(
        {"file_name": ["a.jpg", "b.jpg", None, "b.jpg"], "image": pa.array(data, pa.large_binary())}
    )
    keyed = pa.table({"__key__": ["1", "2", "3", "4"], "jpg": data, "json": ["{}"] * 4})
    noted = pa.table({"mask": [b""] * 4, "photo": data}).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": {"photo": {"_type": "Image"}}}})}
    )
    for table, names in (
        (plain, ["a.jpg", "b.jpg (1)", "row 2", "b.jpg"]),
        (keyed, ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]),
        (noted, [f"row {k}" for k in range(4)]),
    ):
        pq.write_table(table, tmp_path / "t.parquet")
        source = open_source(tmp_path / "t.parquet")
        assert source.names().to_pylist() == [f"t.parquet/{name}" for name in names]
        assert source.fetch(np.arange(4)) == data


def test_parquet_rows_without_bytes_and_extension_types(tmp_path):
    image = pa.array(
        [{"bytes": jpeg(1), "path": "a.jpg"}, {"bytes": None, "path": "b.jpg"}, None],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    pq.write_table(pa.table({"image": image}), tmp_path / "t.parquet")
    rows = fl.scan(open_source(tmp_path / "t.parquet")).to_pylist()
    assert [r["status"] for r in rows] == ["ok", "missing", "missing"]
    opaque = pa.ExtensionArray.from_storage(
        pa.opaque(pa.binary(), "picture", "vendor"), pa.array([jpeg(1), jpeg(2)])
    )
    pq.write_table(pa.table({"image": opaque}), tmp_path / "e.parquet")
    assert fl.scan(open_source(tmp_path / "e.parquet"))["status"].to_pylist() == ["ok", "ok"]
    uuid = pa.array([b"0123456789abcdef"] * 2, pa.uuid())
    pq.write_table(pa.table({"image": uuid}), tmp_path / "u.parquet")
    with pytest.raises(DatasetError, match="no column holds pictures"):
        open_source(tmp_path / "u.parquet")


def test_parquet_with_lying_offsets_is_rows_or_an_error(tmp_path, pictures):
    """Any change of a footer's numbers: an error in words, or rows that say so."""
    path = write_parquet(tmp_path / "t.parquet", pictures)
    original = path.read_bytes()
    footer = len(original) - 8 - struct.unpack_from("<L", original, len(original) - 8)[0]
    rng = np.random.default_rng(3)
    seen = set()
    for k in range(150):
        data = bytearray(original)
        low, high = (footer, len(data)) if k % 3 else (4, footer)
        for at in rng.integers(low, high, 3).tolist():
            data[at] = int(rng.integers(0, 256))
        path.write_bytes(data)
        try:
            source = open_source(path)
            table = fl.scan(source, workers=1)
        except DatasetError as error:
            assert "t.parquet" in str(error)
            seen.add("error")
            continue
        assert table.num_rows == len(source)
        seen.update(table["status"].to_pylist())
    assert {"error", "ok", "unreadable"} <= seen


def test_parquet_memory_does_not_grow_with_the_row_group(tmp_path):
    """One row group of 192 MiB, in pages of some pictures as most writers make them."""
    noise = np.random.default_rng(0).bytes(1 << 20)
    table = pa.table({"image": [noise[k:] for k in range(192)]})
    pq.write_table(table, tmp_path / "t.parquet", use_dictionary=False, write_batch_size=4)
    del table
    before = pa.total_allocated_bytes()
    source = open_source(tmp_path / "t.parquet")
    most = 0
    for start in range(0, 192, 8):
        source.fetch(np.arange(start, start + 8))
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 90 << 20


# ---- files that change, patterns, lists -------------------------------------------------------


def test_an_archive_replaced_after_listing_is_told(places, tmp_path, pictures):
    for kind in ("tar", "zip", "zip-deflated"):
        copy = tmp_path / Path(places[kind]).name
        copy.write_bytes(Path(places[kind]).read_bytes())
        source = open_source(copy)
        copy.write_bytes(copy.read_bytes()[512:] + bytes(700))
        rows = fl.scan(source).to_pylist()
        assert {r["status"] for r in rows if r["bytes"] != 0} <= {"unreadable"}
        assert any("changed since it was listed" in (r["status_detail"] or "") for r in rows)


def test_a_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(1) + bytes(80 << 20))
    stop = threading.Event()

    def change() -> None:
        with path.open("r+b") as file:
            while not stop.is_set():
                file.seek(0, 2)
                file.write(b"x")
                file.flush()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        details = {fl.scan([path], workers=1)["status_detail"][0].as_py() for _ in range(5)}
    finally:
        stop.set()
        thread.join()
    assert "the file changes while it is read: run it again" in details


def test_patterns():
    assert expand("a-{08..11}.tar") == [f"a-{k:02d}.tar" for k in (8, 9, 10, 11)]
    assert expand("{x,y}/{1..2}.zip") == ["x/1.zip", "x/2.zip", "y/1.zip", "y/2.zip"]
    assert expand("{2..0}.tar") == ["2.tar", "1.tar", "0.tar"]
    assert expand("plain.tar") == ["plain.tar"]
    with pytest.raises(DatasetError, match="no file fits"):
        expand("/nonexistent/*.tar")
    with pytest.raises(DatasetError, match="more than"):
        expand("{0..9999999}.tar")


def test_lists_name_what_is_not_there(tmp_path):
    write_folder(tmp_path, {"a.jpg": jpeg(1)})
    (tmp_path / "list.txt").write_text("# two\na.jpg\n\ngone.jpg\n" + str(tmp_path / "a.jpg"))
    rows = fl.scan(open_source(tmp_path / "list.txt")).to_pylist()
    assert [r["status"] for r in rows] == ["ok", "missing", "ok"]
    (tmp_path / "list.txt").write_text("\n# none\n")
    with pytest.raises(DatasetError, match="list is empty"):
        open_source(f"@{tmp_path / 'list.txt'}")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere.tar", "no such file"),
        ("nowhere", "no such file"),
        ("a.doc", "not an image, a tar"),
        ("empty", "no image and no tar"),
        ("nowhere://x/y", "nowhere"),
        ("@nowhere.txt", "cannot be read"),
        ("a\0b", "cannot be opened"),
    ],
)
def test_places_that_are_none(tmp_path, monkeypatch, place, said):
    monkeypatch.chdir(tmp_path)
    Path("a.doc").write_bytes(b"")
    Path("empty").mkdir()
    with pytest.raises(DatasetError, match=said):
        open_source(place)


def test_arguments():
    with pytest.raises(TypeError, match="at least one place"):
        open_source()
    with pytest.raises(TypeError, match="images: got int"):
        fl.read("/tmp", images=3)
