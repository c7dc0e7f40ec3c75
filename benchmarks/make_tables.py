"""Make the tables of a large set as readers and scan give them, with planted faults.

    python make_tables.py OUT --images 1000000 [--flood]

Writes ``images.arrow``, ``annotations.arrow``, ``categories.arrow``, ``image_stats.arrow`` and
``box_stats.arrow`` (Arrow IPC files) for N images and 10 N boxes in the layout of a YOLO set. The
same arguments give the same bytes. There is no picture behind them: rules and summary never open
one. Every box rule and image rule has something to find, in about the shares of a real set;
``--flood`` makes three boxes of ten too small, as aerial sets have them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fastlabel import schema
from fastlabel.dataset import Dataset, null_column

BOXES_PER_IMAGE = 10
CLASSES = 20
SPLITS = ("train", "valid")
SIZES = np.array([[1920, 1080], [1280, 720], [640, 480], [1080, 1920], [800, 600]], np.int32)
TABLES = ("images", "annotations", "categories", "image_stats", "box_stats")
#: What a scan does not hold once more, but takes from the labels.
SHARED = {
    "image_stats": ("images", ("image_id", "file_name")),
    "box_stats": ("annotations", ("annotation_id", "image_id")),
}
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def make(
    images: int, seed: int = 0, flood: bool = False
) -> tuple[Dataset, pa.Table, pa.Table, dict[str, int]]:
    """Give the data set, its image_stats and box_stats, and how many faults were planted."""
    rng = np.random.default_rng(seed)
    planted: dict[str, int] = {}

    def some(share: float, n: int, code: str) -> Ints:
        """Rows of a share of n, drawn without order; at least one of them."""
        rows = np.unique(rng.integers(0, n, max(int(share * n), 1)))
        planted[code] = len(rows)
        return rows

    size = SIZES[rng.integers(0, len(SIZES), images)]
    split = (rng.random(images) < 0.1).astype(np.int64)
    names = numbered([f"images/{name}/" for name in SPLITS], split, ".jpg")
    stats = _image_stats(rng, size, names, some)
    image_table = _images(size, split, names, stats, some)
    boxes, image_of, category = _boxes(rng, size, flood, some)
    annotations = _annotations(boxes, image_of, category, size, split)
    box_stats = _box_stats(rng, image_of, stats, some)
    ids = np.arange(CLASSES, dtype=np.int32)
    categories = pa.table(
        [
            pa.array(ids),
            pa.array(map(str, ids)),
            pa.array(f"class {i}" for i in ids),
            pa.nulls(CLASSES, pa.string()),
        ],
        schema=schema.CATEGORIES,
    )
    ds = Dataset(
        image_table,
        annotations,
        categories,
        schema.PROBLEMS.empty_table(),
        Path("generated"),
        "yolo",
        {"inclusive": False, "label_file_count": images},
    )
    return ds, stats, box_stats, planted


def numbered(prefixes: list[str], which: Ints, suffix: str, of: Ints | None = None) -> pa.Array:
    """Texts ``prefix0000017suffix``, all of one length, written as bytes at once."""
    rows = np.arange(len(which)) if of is None else of
    head = np.frombuffer("".join(prefixes).encode(), np.uint8).reshape(len(prefixes), -1)
    tail = np.frombuffer(suffix.encode(), np.uint8)
    text = np.empty((len(rows), head.shape[1] + 8 + len(tail)), np.uint8)
    text[:, : head.shape[1]] = head[which if of is None else which[of]]
    _digits(text[:, head.shape[1] : head.shape[1] + 8], rows)
    text[:, head.shape[1] + 8 :] = tail
    return _texts(text)


def _digits(out: npt.NDArray[np.uint8], values: Ints) -> None:
    for at in range(out.shape[1] - 1, -1, -1):
        values, digit = np.divmod(values, 10)
        out[:, at] = digit + ord("0")


def _texts(text: npt.NDArray[np.uint8]) -> pa.Array:
    offsets = np.arange(len(text) + 1, dtype=np.int64) * text.shape[1]
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), len(text), buffers)


def _repeated(value: str, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), n)


def _image_stats(rng: np.random.Generator, size: Ints, names: pa.Array, some) -> pa.Table:
    n = len(size)
    luma = rng.normal(120, 25, n).clip(40, 220)
    std = rng.normal(55, 8, n).clip(30, 90)
    low, high = (luma - 2 * std).clip(0, 255), (luma + 2 * std).clip(0, 255)
    sharp = np.exp(rng.normal(6.5, 0.4, n))
    acutance = rng.normal(0.9, 0.15, n).clip(0.4, 1.8)
    noise = rng.gamma(2.0, 0.5, n).clip(0, 8)
    entropy = rng.normal(7.2, 0.3, n).clip(5, 8)
    orientation = np.ones(n, np.int8)
    orientation[some(0.002, n, "FL007")] = 6
    luma[some(0.01, n, "FL402")] = 12.0
    luma[some(0.005, n, "FL403")] = 240.0
    flat = some(0.005, n, "FL404")
    low[flat], high[flat] = 100, 130
    noise[some(0.005, n, "FL405")] = 20.0
    acutance[some(0.02, n, "FL401")] = 0.15
    std[some(0.001, n, "FL407")] = 2.0
    stored = size.copy()
    turned = orientation >= 5
    stored[turned] = size[turned, ::-1]
    wrong = some(0.002, n, "FL104")
    stored[wrong] = stored[wrong] // 2
    hashes = rng.integers(0, 2**63, (n, 2))
    weight = (stored[:, 0].astype(np.int64) * stored[:, 1] // 8) + rng.integers(0, 5000, n)
    copies = some(0.005, n, "FL501")
    copies = copies[copies > 0]
    hashes[copies], weight[copies] = hashes[copies - 1], weight[copies - 1]
    status = np.zeros(n, np.int8)
    for code, at in (("FL001", 3), ("FL002", 1), ("FL004", 6)):
        status[some(0.0005, n, code)] = at
    kinds = np.zeros(n, np.int8)
    kinds[some(0.001, n, "FL003")] = 1
    unread = np.isin(status, [3, 6])
    bits = lambda values: pa.array(values, mask=unread)  # noqa: E731
    hex_digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    nibbles = hashes.view(np.uint8).reshape(n, 16)
    text = np.empty((n, 32), np.uint8)
    text[:, 0::2], text[:, 1::2] = hex_digits[nibbles >> 4], hex_digits[nibbles & 15]
    levels = lambda v: pa.FixedSizeListArray.from_arrays(  # noqa: E731
        pa.array((v[:, None] * np.array([1.3, 1.5, 1.6])).ravel()), 3
    )
    columns = {
        "image_id": pa.array(np.arange(n)),
        "file_name": names,
        "bytes": pa.array(weight),
        "format": pa.array(["jpeg", "png"]).take(pa.array(kinds)),
        "status": pa.array(schema.STATUSES).take(pa.array(status)),
        "status_detail": pa.nulls(n, pa.string()),
        "width": bits(stored[:, 0].astype(np.int32)),
        "height": bits(stored[:, 1].astype(np.int32)),
        "channels": bits(np.full(n, 3, np.int8)),
        "orientation": bits(orientation),
        "content_hash": _texts(text),
        "luma_mean": bits(luma),
        "luma_std": bits(std),
        "luma_p01": bits(low.astype(np.uint8)),
        "luma_p05": bits(low.astype(np.uint8)),
        "luma_p50": bits(luma.astype(np.uint8)),
        "luma_p95": bits(high.astype(np.uint8)),
        "luma_p99": bits(high.astype(np.uint8)),
        "dark_fraction": bits(rng.random(n) * 0.1),
        "bright_fraction": bits(rng.random(n) * 0.1),
        "entropy": bits(entropy),
        "laplacian_variance": bits(sharp + 20 * noise**2),
        "noise_sigma": bits(noise),
        "sharpness": bits(sharp),
        "acutance": bits(acutance),
        "scale_sharpness": levels(sharp),
        "scale_acutance": levels(acutance),
        "phash": bits(hashes[:, 0].astype(np.uint64)),
    }
    return pa.table(columns, schema=schema.IMAGE_STATS)


def _images(size: Ints, split: Ints, names: pa.Array, stats: pa.Table, some) -> pa.Table:
    n = len(size)
    state = np.zeros(n, np.int8)
    state[some(0.01, n, "empty")] = 1
    state[some(0.005, n, "FL101")] = 2
    columns = [
        pa.array(np.arange(n)),
        pa.nulls(n, pa.string()),
        names,
        names,
        pa.array(SPLITS).take(pa.array(split)),
        pa.array(size[:, 0]),
        pa.array(size[:, 1]),
        _repeated("declared", n),
        pa.array(schema.LABEL_STATES).take(pa.array(state)),
        pa.nulls(n, pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=schema.IMAGES)


def _boxes(rng: np.random.Generator, size: Ints, flood: bool, some) -> tuple[Floats, Ints, Ints]:
    images = len(size)
    n = images * BOXES_PER_IMAGE
    image_of = np.repeat(np.arange(images), BOXES_PER_IMAGE)
    category = np.minimum(rng.geometric(0.25, n) - 1, CLASSES - 1).astype(np.int32)
    side = np.exp(rng.normal(-2.4, 0.45, n)) * np.sqrt(size.prod(1, dtype=np.float64))[image_of]
    if flood:
        tiny = rng.random(n) < 0.3
        side[tiny] *= 0.06
    ratio = np.exp(rng.normal(0.2, 0.12, n))
    ratio[some(0.001, n, "FL206")] = 9.0
    side[some(0.001, n, "FL207")] *= 0.02
    w, h = side / np.sqrt(ratio), side * np.sqrt(ratio)
    wide, tall = size[image_of, 0].astype(np.float64), size[image_of, 1].astype(np.float64)
    w, h = np.minimum(w, wide * 0.9), np.minimum(h, tall * 0.9)
    x, y = rng.random(n) * (wide - w), rng.random(n) * (tall - h)
    boxes = np.stack([x, y, x + w, y + h], 1)
    del side, ratio, w, h, x, y, wide, tall
    again = some(0.003, n, "FL204")
    again = again[again % BOXES_PER_IMAGE > 0]
    boxes[again], category[again] = boxes[again - 1] + 0.25, category[again - 1]
    clash = some(0.001, n, "FL205")
    clash = clash[clash % BOXES_PER_IMAGE > 0]
    boxes[clash], category[clash] = boxes[clash - 1], (category[clash - 1] + 1) % CLASSES
    out = some(0.002, n, "FL201")
    boxes[out, 2] = size[image_of[out], 0] + 7.5
    flat = some(0.0005, n, "FL202")
    boxes[flat, 2] = boxes[flat, 0]
    swap = some(0.0005, n, "FL203")
    boxes[swap] = boxes[swap][:, [2, 1, 0, 3]]
    boxes[some(0.0001, n, "FL208"), 1] = np.nan
    category[some(0.0002, n, "FL102")] = -1
    return boxes, image_of, category


def _annotations(
    boxes: Floats, image_of: Ints, category: npt.NDArray[np.int32], size: Ints, split: Ints
) -> pa.Table:
    n = len(boxes)
    files = numbered([f"labels/{name}/" for name in SPLITS], split, ".txt", image_of)
    line = (np.arange(n) % BOXES_PER_IMAGE + 1).astype(np.int32)
    origin = pa.StructArray.from_arrays(
        [files, pa.array(line), pa.nulls(n, pa.string()), _tokens(boxes, category, image_of, size)],
        fields=list(schema.ORIGIN),
    )
    known = {
        "annotation_id": pa.array(np.arange(n)),
        "image_id": pa.array(image_of),
        "category_id": pa.array(category, mask=category < 0),
        "source_category": pa.array([str(c) for c in range(-1, CLASSES)]).take(
            pa.array(category + 1)
        ),
        "origin": origin,
        **{name: pa.array(boxes[:, at].copy()) for at, name in enumerate(("x1", "y1", "x2", "y2"))},
    }
    columns = [
        known[f.name] if f.name in known else null_column(n, f.type) for f in schema.ANNOTATIONS
    ]
    return pa.Table.from_arrays(columns, schema=schema.ANNOTATIONS)


def _tokens(boxes: Floats, category: npt.NDArray[np.int32], image_of: Ints, size: Ints) -> pa.Array:
    """The row as it stood in the file: class and four numbers of four digits."""
    n = len(boxes)
    text = np.full((n, 2 + 4 * 7), ord(" "), np.uint8)
    _digits(text[:, :2], category.astype(np.int64).clip(0))
    for at in range(4):
        unit = boxes[:, at] / size[image_of, at % 2]
        fraction = (np.nan_to_num(unit) * 10_000).astype(np.int64).clip(0, 9999)
        left = 2 + 7 * at
        text[:, left + 1], text[:, left + 2] = ord("0"), ord(".")
        _digits(text[:, left + 3 : left + 7], fraction)
    return _texts(text)


def _box_stats(rng: np.random.Generator, image_of: Ints, stats: pa.Table, some) -> pa.Table:
    n = len(image_of)
    acutance = rng.normal(0.9, 0.2, n).clip(0.3, 2)
    acutance[some(0.002, n, "FL406")] = 0.05
    sharp = np.exp(rng.normal(6.5, 0.6, n))
    columns = [
        np.arange(n),
        image_of,
        rng.integers(100, 50_000, n),
        rng.normal(120, 30, n).clip(0, 255),
        rng.normal(40, 10, n).clip(1, 100),
        sharp * 1.1,
        sharp,
        acutance,
    ]
    arrays = [*(pa.array(c) for c in columns), _profiles(rng, n)]
    return pa.Table.from_arrays(arrays, schema=schema.BOX_STATS)


def _profiles(rng: np.random.Generator, n: int) -> pa.Array:
    """Strips of things that are darker than the ground, and noise."""
    look = np.full((4, schema.PROFILE_BINS), 11)
    look[::2, 4:20] = 3
    look[1::2, [4, 19]] = 2
    codes = np.clip(look + rng.integers(-3, 4, (n, *look.shape), dtype=np.int8), 0, 14)
    packed = (codes[..., ::2] | codes[..., 1::2] << 4).astype(np.uint8)
    data = pa.py_buffer(np.ascontiguousarray(packed))
    return pa.Array.from_buffers(pa.binary(schema.PROFILE_BYTES), n, [None, data])


def write(out: Path, images: int, flood: bool = False) -> dict[str, int]:
    """Write the tables of a set of so many images into a folder, as Arrow files."""
    ds, stats, box_stats, planted = make(images, flood=flood)
    tables = (ds.images, ds.annotations, ds.categories, stats, box_stats)
    out.mkdir(parents=True, exist_ok=True)
    for name, table in zip(TABLES, tables, strict=True):
        with pa.OSFile(str(out / f"{name}.arrow"), "wb") as file:
            used = [c for c in table.column_names if table[c].null_count < len(table)]
            used = [c for c in used if c not in SHARED.get(name, ("", ()))[1]]
            table = table.select(used).combine_chunks()
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
    return planted


def read(folder: Path) -> tuple[Dataset, pa.Table, pa.Table]:
    """Read what :func:`write` wrote into memory: nothing is mapped."""
    tables: dict[str, pa.Table] = {}
    for name in TABLES:
        with pa.OSFile(str(folder / f"{name}.arrow"), "rb") as file:
            table = pa.ipc.open_file(file).read_all()
        labels, shared = SHARED.get(name, ("", ()))
        for column in shared:
            table = table.append_column(column, tables[labels][column])
        tables[name] = _completed(table, name)
    images, annotations, categories, stats, box_stats = tables.values()
    problems = schema.PROBLEMS.empty_table()
    meta = {"inclusive": False, "label_file_count": len(images)}
    ds = Dataset(images, annotations, categories, problems, Path("generated"), "yolo", meta)
    return ds, stats, box_stats


def _completed(table: pa.Table, name: str) -> pa.Table:
    """Put back the columns that hold nothing, which are not in the file, in their order."""
    fields = getattr(schema, name.upper())
    have = set(table.column_names)
    columns = [table[f.name] if f.name in have else null_column(len(table), f.type) for f in fields]
    if "origin" in fields.names:
        (origin,) = columns[-1].chunks
        parts = [origin.field(at) for at in range(len(schema.ORIGIN))]
        lean = [null_column(len(p), p.type) if p.null_count == len(p) else p for p in parts]
        columns[-1] = pa.StructArray.from_arrays(lean, fields=list(schema.ORIGIN))
    return pa.table(columns, schema=fields)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--flood", action="store_true")
    given = parser.parse_args()
    planted = write(given.out, given.images, given.flood)
    print(f"{given.out}: {given.images:,} images, {given.images * BOXES_PER_IMAGE:,} boxes")
    print(", ".join(f"{code} {n:,}" for code, n in sorted(planted.items())))


if __name__ == "__main__":
    main()
