"""The scan on files: statuses, formats, limits, order, and the boxes' statistics."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

import fastlabel as fl
from fastlabel.scan import Limits, scan_tables


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (24, 32, 3), np.uint8)
    return cv2.resize(small, (321, 243), interpolation=cv2.INTER_CUBIC)


def encoded(picture, ending, *params):
    return cv2.imencode(ending, picture, list(params))[1].tobytes()


def scan_one(data: bytes, **limits) -> dict:
    (row,) = fl.scan([data], workers=1, limits=Limits(**limits) if limits else None).to_pylist()
    return row


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        (".jpg", "jpeg"),
        (".png", "png"),
        (".bmp", "bmp"),
        (".tiff", "tiff"),
        (".webp", "webp"),
        (".gif", "gif"),
    ],
)
def test_every_format_is_measured_like_opencvs_luma(picture, ending, name):
    data = encoded(picture, ending)
    luma = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    row = scan_one(data)
    assert (row["status"], row["format"], row["width"], row["height"]) == ("ok", name, 321, 243)
    expected = cv2.Laplacian(luma, cv2.CV_64F).var()
    # OpenCV's own JPEG decoder may round luma of a colour file differently by one level.
    near = 0.01 if ending == ".jpg" else 1e-9
    assert row["laplacian_variance"] == pytest.approx(expected, rel=near)
    assert row["luma_mean"] == pytest.approx(luma.mean(), rel=near)
    assert row["bytes"] == len(data)
    assert row["content_hash"] == fl.content_hash(data)


def test_gray_jpeg_equals_opencv_exactly(picture):
    data = encoded(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), ".jpg")
    luma = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    row = scan_one(data)
    assert row["channels"] == 1
    assert row["laplacian_variance"] == pytest.approx(
        cv2.Laplacian(luma, cv2.CV_64F).var(), rel=1e-12
    )


def test_progressive_equals_baseline(picture):
    baseline = scan_one(encoded(picture, ".jpg"))
    progressive = scan_one(encoded(picture, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
    for name in ("luma_mean", "laplacian_variance", "noise_sigma", "phash", "luma_p50"):
        assert baseline[name] == progressive[name]


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp", ".webp"])
def test_a_cut_file_is_not_ok(picture, ending):
    data = encoded(picture, ending)
    row = scan_one(data[: len(data) * 2 // 3])
    assert row["status"] in ("truncated", "unreadable")
    assert row["status_detail"]
    assert (row["width"], row["height"]) == (321, 243)


def test_a_cut_jpeg_is_measured_as_far_as_it_goes(picture):
    data = encoded(picture, ".jpg")
    row = scan_one(data[: len(data) * 2 // 3])
    assert row["status"] == "truncated"
    assert row["luma_mean"] is not None
    assert row["phash"] is None  # of a whole picture or not at all


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"not a picture at all", b"\x89PNG\r\n\x1a\n"])
def test_rubbish_is_unreadable(data):
    row = scan_one(data)
    assert row["status"] == "unreadable"
    assert row["status_detail"]
    assert row["luma_mean"] is None


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x20ftypavif" + bytes(40), "AVIF"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "HEIF"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "JPEG 2000"),
        (b"P6\n2 2\n255\n" + bytes(12), "PNM"),
    ],
)
def test_known_formats_that_are_not_read_are_named(head, name):
    row = scan_one(head)
    assert (row["status"], row["status_detail"]) == ("unsupported", name)


def giant_png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_limits_refuse_before_decoding(picture):
    jpeg = encoded(picture, ".jpg")
    assert scan_one(jpeg, max_pixels=321 * 243)["status"] == "ok"
    row = scan_one(jpeg, max_pixels=321 * 243 - 1)
    assert row["status"] == "over_limit"
    assert "78002" in row["status_detail"]
    assert scan_one(giant_png())["status"] == "over_limit"
    progressive = encoded(picture, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert scan_one(progressive, max_scans=2)["status"] == "over_limit"


def test_a_second_size_in_a_tiff_does_not_get_past_the_limit(picture):
    entries = [(0x0100, 20000), (0x0101, 20000), (0x0100, 8), (0x0101, 8)]
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + b"\0\0\0\0"
    assert scan_one(tiff, max_pixels=1_000_000)["status"] == "over_limit"


def test_max_bytes_is_of_the_file(picture, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture, ".png"))
    size = path.stat().st_size
    rows = [fl.scan([path], limits=Limits(max_bytes=n)).to_pylist()[0] for n in (size, size - 1)]
    assert [r["status"] for r in rows] == ["ok", "over_limit"]


def test_files_that_are_not_there_or_not_files(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    import os

    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "empty.jpg").touch()
    names = ["none.jpg", "folder.jpg", "pipe.jpg", "empty.jpg"]
    rows = fl.scan([tmp_path / n for n in names]).to_pylist()
    assert [r["status"] for r in rows] == ["missing", "unreadable", "unreadable", "unreadable"]
    assert [Path(r["file_name"]).name for r in rows] == names


def test_order_and_bytes_do_not_depend_on_workers_or_batches(picture):
    rng = np.random.default_rng(1)
    items = []
    for k in range(70):
        part = picture[: int(rng.integers(20, 240)), : int(rng.integers(20, 320))]
        items.append(encoded(part, (".jpg", ".png", ".webp")[k % 3]))
    items[13] = b"broken"
    one = fl.scan(items, workers=1)
    assert one["image_id"].to_pylist() == list(range(70))
    for workers, size in ((2, 7), (7, 64), (3, 1)):
        batches = fl.scan_batches(items, workers=workers, batch_size=size)
        import pyarrow as pa

        other = pa.Table.from_batches(list(batches)).combine_chunks()
        assert other.equals(one.combine_chunks())


def test_progress_is_told(picture):
    seen = []
    fl.scan(
        [encoded(picture, ".jpg")] * 20, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (20, 20)
    assert all(0 <= done <= 20 and total == 20 for done, total in seen)


def test_arguments_are_checked(picture):
    data = encoded(picture, ".jpg")
    with pytest.raises(ValueError, match="workers"):
        fl.scan([data], workers=-1)
    with pytest.raises(ValueError, match="max_pixels"):
        Limits(max_pixels=0)
    for one in ("a.jpg", data, Path("a.jpg")):
        with pytest.raises(TypeError, match="put it into a list"):
            fl.scan(one)
    with pytest.raises(ValueError, match="contiguous"):
        fl.scan([memoryview(data)[::-1]])
    with pytest.raises(ValueError, match="workers"):
        fl.scan([data], workers=5000)
    assert fl.scan(["a.jpg\0b"])["status"].to_pylist() == ["missing"]
    with pytest.raises(TypeError, match="mixed"):
        fl.scan([data, "a.jpg"])


def voc_set(root: Path, picture, box, declared, orientation):
    """One JPEG with an EXIF orientation, and one box in VOC."""
    data = encoded(picture, ".jpg")
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    app1 = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    (root / "a.jpg").write_bytes(data[:2] + app1 + data[2:])
    x1, y1, x2, y2 = box
    (root / "a.xml").write_text(
        f"<annotation><filename>a.jpg</filename><size><width>{declared[0]}</width>"
        f"<height>{declared[1]}</height><depth>3</depth></size><object><name>n</name><bndbox>"
        f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        "<object><name>n</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>9</xmax><ymax>9</ymax>"
        "</bndbox></object></annotation>"
    )


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_of_a_turned_picture_are_measured_where_they_lie(tmp_path, picture, orientation):
    """The labels declare the turned size: the pixels under a box are those a viewer shows."""
    voc_set(tmp_path, picture, (100, 40, 160, 140), (243, 321), orientation)
    shown = cv2.imread(str(tmp_path / "a.jpg"), cv2.IMREAD_GRAYSCALE)  # OpenCV turns it
    assert shown.shape == (321, 243)
    images, boxes = scan_tables(fl.read(tmp_path))
    assert images["orientation"].to_pylist() == [orientation]
    assert (images["width"][0].as_py(), images["height"][0].as_py()) == (321, 243)
    row = boxes.to_pylist()[0]
    under = shown[40:140, 100:160]
    assert row["pixels"] == under.size
    assert row["luma_mean"] == pytest.approx(under.mean(), abs=0.6)
    assert row["contrast"] == pytest.approx(under.std(), abs=0.6)


def test_boxes_come_back_in_the_order_of_the_annotations(shared_data):
    ds = fl.read(shared_data / "bccd")
    images, boxes = scan_tables(ds)
    assert boxes["annotation_id"].to_pylist() == list(range(4888))
    assert boxes["image_id"].to_pylist() == ds.annotations["image_id"].to_pylist()
    assert images["status"].to_pylist() == ["ok"] * 364
    # A hand-picked one, by NumPy.
    k = 1234
    image = ds.images["path"][ds.annotations["image_id"][k].as_py()].as_py()
    data = (ds.root / image).read_bytes()
    luma = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    x1, y1, x2, y2 = ds.boxes()[k]
    under = luma[int(np.floor(y1)) : int(np.ceil(y2)), int(np.floor(x1)) : int(np.ceil(x2))]
    assert boxes["pixels"][k].as_py() == under.size
    assert boxes["luma_mean"][k].as_py() == pytest.approx(under.mean(), abs=0.6)


def test_jpeg_torture(shared_data):
    files = sorted(
        f for f in (shared_data / "jpeg-torture").rglob("*") if f.suffix in (".jpg", ".jpeg")
    )
    assert len(files) == 241
    rows = fl.scan(files).to_pylist()
    assert len(rows) == 241
    by_name = {Path(r["file_name"]).name: r for r in rows}
    assert by_name["max_size.jpg"]["status"] == "over_limit"
    assert by_name["monkey12.jpg"]["status"] == "unsupported"
    assert by_name["incomplete_image.jpg"]["status"] == "truncated"
    assert by_name["truncated_jpeg.jpg"]["status"] == "truncated"
    assert by_name["jpg-size-6x6.jpg"]["format"] == "png"
    assert by_name["rgb.jpg"]["status"] == "ok"
    for r in rows:
        assert r["status"] == "ok" or r["status_detail"]
        assert (r["luma_mean"] is None) <= (r["status"] != "ok")


def test_luma_of_real_jpegs_is_libjpegs(shared_data):
    """Pillow's draft mode asks libjpeg for the luma plane itself: the same bytes as ours."""
    from PIL import Image

    for file in sorted((shared_data / "raccoon" / "images").glob("*.jpg"))[:40]:
        with Image.open(file) as image:
            image.draft("L", image.size)
            luma = np.asarray(image.convert("L"))
        row = fl.scan([file]).to_pylist()[0]
        assert row["luma_mean"] == pytest.approx(luma.mean(), rel=1e-12)
        expected = cv2.Laplacian(luma, cv2.CV_64F).var()
        assert row["laplacian_variance"] == pytest.approx(expected, rel=1e-12)


def test_mpo_reads_its_first_picture(shared_data):
    rows = fl.scan(sorted((shared_data / "highres" / "brighton-beach").glob("*.JPG"))).to_pylist()
    assert [(r["format"], r["status"], r["width"], r["height"]) for r in rows] == [
        ("mpo", "ok", 4000, 2250)
    ] * 2


def test_acutance_tells_blur_where_the_laplacian_does_not(shared_data):
    """Area under the curve of sharp photos against their own copies blurred by 1.5 px."""
    files = [
        *sorted((shared_data / "raccoon" / "images").glob("*.jpg"))[::6],
        *sorted((shared_data / "garbage-yolo" / "valid" / "images").glob("*.jpg"))[::4],
        *sorted((shared_data / "bccd" / "JPEGImages").glob("*.jpg"))[::80],
    ]
    sharp, soft = [], []
    for file in files:
        luma = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        sharp.append(encoded(luma, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 95))
        soft.append(encoded(cv2.GaussianBlur(luma, (0, 0), 1.5), ".jpg"))
    a, b = fl.scan(sharp), fl.scan(soft)

    def auc(name: str) -> float:
        x, y = (np.array(t[name].to_pylist(), float) for t in (a, b))
        return float((x[:, None] > y[None, :]).mean())

    assert auc("acutance") > 0.99
    assert auc("laplacian_variance") < 0.95
