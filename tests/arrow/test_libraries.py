"""The same numbers from pyarrow, polars, DuckDB and pandas, shared where they can be."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

import fastlabel as fl
from fastlabel._arrays import as_boxes, as_ragged, to_numpy
from fastlabel.tables import Category, GroupedStats, Histogram, QuantileSketch, Regular

RNG = np.random.default_rng(7)
SIZE = RNG.random(1000) * 100
CLASS = RNG.integers(0, 4, 1000).astype(np.int32)
NAMES = ["ant", "bee", "cat", "a name longer than twelve bytes"]
KNOWN = RNG.random(1000) < 0.8


def arrow_table(chunks=1):
    table = pa.table(
        {
            "size": pa.array(SIZE, mask=~KNOWN),
            "class": pa.array(CLASS),
            "name": pa.array([NAMES[k] for k in CLASS]),
            "when": pa.array([0] * 1000, pa.timestamp("s")),
            "odd": pa.array([bool(k % 2) for k in range(1000)]),
        }
    )
    pieces = [table.slice(a, 1000 // chunks) for a in range(0, 1000, 1000 // chunks)]
    return pa.concat_tables(pieces)


def from_pyarrow():
    return arrow_table()


def chunked():
    return arrow_table(8)


def record_batch():
    return arrow_table().to_batches()[0]


def reader():
    return pa.RecordBatchReader.from_batches(arrow_table(4).schema, arrow_table(4).to_batches())


def dictionaries():
    table = arrow_table(2)
    return table.set_column(2, "name", table["name"].dictionary_encode())


def polars():
    pl = pytest.importorskip("polars")
    return pl.from_arrow(arrow_table())


def polars_categorical():
    pl = pytest.importorskip("polars")
    return pl.from_arrow(arrow_table()).with_columns(pl.col("name").cast(pl.Categorical))


def duckdb():
    db = pytest.importorskip("duckdb")
    table = arrow_table()
    return db.connect().from_arrow(table)


def pandas():
    pd = pytest.importorskip("pandas")
    return arrow_table().to_pandas(types_mapper=pd.ArrowDtype)


SOURCES = [
    from_pyarrow,
    chunked,
    record_batch,
    reader,
    dictionaries,
    polars,
    polars_categorical,
    duckdb,
    pandas,
]


@pytest.mark.parametrize("source", SOURCES)
def test_statistics_of_every_library_are_the_same(source):
    size = np.where(KNOWN, SIZE, np.nan)
    axes = (Category(NAMES, name="name"), Regular(20, 10, 90, name="size"))
    expected = Histogram(*axes).fill([NAMES[k] for k in CLASS], size)
    assert Histogram(*axes).fill_from(source(), ["name", "size"]) == expected
    by_class = Histogram(Category(4), Regular(20, 10, 90)).fill_from(source(), ["class", "size"])
    assert by_class.counts(flow=True).tolist() == expected.counts(flow=True).tolist()
    stats = GroupedStats(Category(4), values=["size"]).fill(CLASS, size)
    again = GroupedStats(Category(4), values=["size"]).fill_from(source(), ["class", "size"])
    assert again == stats
    sketch = QuantileSketch(Category(4)).fill_from(source(), ["class", "size"])
    assert sketch == QuantileSketch(Category(4)).fill(CLASS, size)
    odd = Histogram(Category(2)).fill_from(source(), ["odd"])
    assert odd.counts().tolist() == [500, 500]


def test_columns_in_different_chunks_meet():
    whole = pa.array(SIZE, mask=~KNOWN)
    sizes = pa.chunked_array([whole[:3], whole[3:700], whole[700:]])
    classes = pa.chunked_array([CLASS[:500], CLASS[500:500], CLASS[500:]])
    odd = pa.array([bool(k % 2) for k in range(1003)])[3:]
    axes = (Category(4), Category(2), Regular(9, 0, 100))
    h = Histogram(*axes).fill(classes, odd, sizes)
    known = np.where(KNOWN, SIZE, np.nan)
    assert h == Histogram(*axes).fill(CLASS, (np.arange(1000) + 1) % 2, known)


def test_a_column_that_is_not_there_or_not_read_adds_nothing():
    h = Histogram(Regular(4, 0, 1))
    with pytest.raises(ValueError, match="no such column: 'nope'"):
        h.fill_from(arrow_table(), ["nope"])
    with pytest.raises(TypeError, match=r"column 'when': got timestamp.*cast"):
        h.fill_from(arrow_table(), ["when"])
    with pytest.raises(TypeError, match="texts need a Category axis with names"):
        h.fill_from(arrow_table(), ["name"])
    with pytest.raises(TypeError, match="expected an object with __arrow_c_stream__"):
        h.fill_from({"x": [1]}, ["x"])

    def batches():
        yield pa.record_batch({"x": [0.5]})
        raise OSError("the disk is full")

    schema = pa.schema([("x", pa.float64())])
    broken = pa.RecordBatchReader.from_batches(schema, batches())
    with pytest.raises(ValueError, match="the disk is full"):
        h.fill_from(broken, ["x"])
    assert h.total == 0


def test_one_chunk_is_shared_and_several_are_joined():
    array = pa.array(SIZE)
    view = to_numpy(array, "v")
    assert view.ctypes.data == array.buffers()[1].address
    part = to_numpy(array[10:20], "v")
    assert part.ctypes.data == array.buffers()[1].address + 80
    assert to_numpy(pa.chunked_array([array, array[:5]]), "v").tolist() == [*SIZE, *SIZE[:5]]
    pl = pytest.importorskip("polars")
    series = pl.Series(SIZE)
    shared = to_numpy(series, "v")
    assert shared.ctypes.data == series.to_arrow().buffers()[1].address


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_number_type(dtype):
    x = np.arange(20).astype(dtype)
    found = to_numpy(pa.array(x)[3:], "v")
    assert found.dtype == x.dtype
    assert found.tolist() == x[3:].tolist()


def test_nulls_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match="v: got 1 nulls, expected none; fill or drop"):
        to_numpy(pa.array([1.0, None]), "v")
    table = pa.table({"x1": [0.0], "y1": [None], "x2": [1.0], "y2": [1.0]})
    table = table.set_column(1, "y1", pa.array([None], pa.float64()))
    with pytest.raises(ValueError, match="column 'y1': got 1 nulls"):
        as_boxes(table, "boxes")
    assert to_numpy(pa.array([1.0, None])[:1], "v").tolist() == [1.0]


BOXES = RNG.random((10, 4)) * 50
BOXES[:, 2:] += BOXES[:, :2]


def test_boxes_from_arrow():
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(BOXES.ravel()), 4)
    shared = as_boxes(fixed, "boxes")
    assert shared.ctypes.data == fixed.values.buffers()[1].address
    columns = pa.table({name: BOXES[:, k] for k, name in enumerate(("x1", "y1", "x2", "y2"))})
    shuffled = columns.select(["y2", "x1", "x2", "y1"])
    struct = shuffled.to_struct_array()
    for given in (fixed, columns, shuffled, struct, columns.to_batches()[0]):
        assert as_boxes(given, "boxes").tolist() == BOXES.tolist()
    assert as_boxes(fixed[2:5], "boxes").tolist() == BOXES[2:5].tolist()
    pl = pytest.importorskip("polars")
    assert as_boxes(pl.from_arrow(columns), "boxes").tolist() == BOXES.tolist()
    assert as_boxes(pl.Series(BOXES), "boxes").tolist() == BOXES.tolist()
    with pytest.raises(ValueError, match="expected one column, or x1, y1, x2, y2"):
        as_boxes(columns.select(["x1", "y1"]), "boxes")
    with pytest.raises(ValueError, match="boxes: got shape"):
        as_boxes(pa.FixedSizeListArray.from_arrays(pa.array(np.arange(6.0)), 3), "boxes")


def test_lists_of_boxes_are_ragged_batches():
    """An Arrow column of lists is boxes and offsets in one, for every function of ragged sets."""
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(BOXES.ravel()), 4)
    offsets = [0, 3, 3, 10]
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), fixed)
    pl = pytest.importorskip("polars")
    plain = (BOXES, offsets, BOXES[::-1], offsets)
    other = pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()),
        pa.FixedSizeListArray.from_arrays(pa.array(BOXES[::-1].ravel()), 4),
    )
    for column, second in [(lists, other), (pl.Series(lists), pl.Series(other))]:
        for ours, expected in [
            (fl.ragged_iou(column, None, second, None), fl.ragged_iou(*plain)),
            (fl.ragged_best(column, None, second, None), fl.ragged_best(*plain)),
            (fl.box_pairs(column, None, 0.01), fl.box_pairs(BOXES, offsets, 0.01)),
        ]:
            for got, want in zip(ours, expected, strict=True):
                np.testing.assert_array_equal(got, want)
        counts = fl.ragged_counts(column, None, *plain[2:], 0.01)
        assert counts.tolist() == fl.ragged_counts(*plain, 0.01).tolist()
    with pytest.raises(TypeError, match="offsets1: got None, expected offsets, as boxes1"):
        fl.ragged_iou(BOXES, None, lists, None)
    with pytest.raises(ValueError, match="offsets2: got 2 images, expected 3"):
        fl.ragged_iou(lists, None, other[1:], None)
    bad = pa.array([[[5.0, 0, 1, 1]], [], []], pa.list_(pa.list_(pa.float64(), 4)))
    with pytest.raises(ValueError, match=r"boxes2\[0\]: got \[5.0"):
        fl.ragged_iou(lists, None, bad, None)


def test_ragged_boxes():
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(BOXES.ravel()), 4)
    lists = pa.ListArray.from_arrays(pa.array([0, 3, 3, 10], pa.int32()), fixed)
    boxes, offsets = as_ragged(lists, "boxes")
    assert boxes.ctypes.data == fixed.values.buffers()[1].address
    assert boxes.tolist() == BOXES.tolist()
    assert offsets.tolist() == [0, 3, 3, 10]
    boxes, offsets = as_ragged(lists[2:], "boxes")
    assert boxes.tolist() == BOXES[3:].tolist()
    assert offsets.tolist() == [0, 7]
    large = lists.cast(pa.large_list(fixed.type))
    boxes, offsets = as_ragged(pa.chunked_array([large, large[:1]]), "boxes")
    assert boxes.tolist() == [*BOXES.tolist(), *BOXES[:3].tolist()]
    assert offsets.tolist() == [0, 3, 3, 10, 13]
    empty = as_ragged(pa.chunked_array([], lists.type), "boxes")
    assert empty[0].shape == (0, 4)
    assert empty[1].tolist() == [0]
    structs = pa.array([[{"x1": 0.0, "y1": 1.0, "x2": 2.0, "y2": 3.0}], []])
    boxes, offsets = as_ragged(structs, "boxes")
    assert boxes.tolist() == [[0.0, 1.0, 2.0, 3.0]]
    assert offsets.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="got 1 nulls"):
        as_ragged(pa.array([[[0.0] * 4], None], lists.type), "boxes")
    with pytest.raises(TypeError, match="expected lists of boxes"):
        as_ragged(pa.array([1.0]), "boxes")
    with pytest.raises(TypeError, match="boxes is a list and no Arrow column"):
        as_ragged([[1]], "boxes")


def test_ragged_boxes_of_polars():
    pl = pytest.importorskip("polars")
    dtype = pl.List(pl.Array(pl.Float32, 4))
    series = pl.Series([BOXES[:2].tolist(), [], BOXES[2:5].tolist()], dtype=dtype)
    boxes, offsets = as_ragged(series, "boxes")
    assert boxes.dtype == np.float32
    assert boxes.tolist() == BOXES[:5].astype(np.float32).tolist()
    assert offsets.tolist() == [0, 2, 2, 5]


def test_arrow_in_needs_no_pyarrow():
    code = (
        "import sys, fastlabel as fl, polars as pl; "
        "h = fl.histogram(pl.Series([1.0, 2.0]), 2, (0, 4)); "
        "print(h[0].tolist(), 'pyarrow' in sys.modules)"
    )
    pytest.importorskip("polars")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1, 1] False"


class OnlyDlpack:
    """A tensor of another library, as far as DLPack shows it."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_dlpack_and_buffers_are_shared():
    x = np.arange(12.0)
    assert to_numpy(OnlyDlpack(x), "v").ctypes.data == x.ctypes.data
    assert to_numpy(memoryview(x), "v").ctypes.data == x.ctypes.data
    assert to_numpy(bytearray(3), "v").dtype == np.uint8
    expected = Histogram(Regular(3, 0, 12)).fill(x)
    assert Histogram(Regular(3, 0, 12)).fill(OnlyDlpack(x)) == expected
    assert Histogram(Regular(3, 0, 12)).fill(memoryview(x)[::-1]) == expected

    class Elsewhere(OnlyDlpack):
        def __dlpack_device__(self):
            return (2, 0)

        def __dlpack__(self, **options):
            raise BufferError("on another device")

    with pytest.raises(TypeError, match="v: got Elsewhere that NumPy cannot share"):
        to_numpy(Elsewhere(x), "v")
