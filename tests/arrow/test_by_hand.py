"""Arrow structs made by hand: released once, and refused in words when they are broken."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from c_structs import Array, ArrayGiver, Made, ReleaseArray, ReleaseSchema, Stream, StreamGiver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastlabel._arrays import to_numpy
from fastlabel._arrow import arrow_batches, arrow_ragged

X = np.arange(8.0)
I4 = np.arange(8, dtype=np.int32)


def numbers(made, **kw):
    return made.schema(b"g"), made.array(8, [None, X], **kw)


def test_the_view_is_shared_and_released_once():
    made = Made()
    schema, array = numbers(made)
    view = to_numpy(ArrayGiver(schema, array), "v")
    assert view.tolist() == X.tolist()
    assert view.ctypes.data == X.ctypes.data
    assert not view.flags.writeable
    assert made.released == {"schema": 1, "array": 0, "stream": 0}
    part = view[2:4]
    del view
    gc.collect()
    assert made.released["array"] == 0  # a slice keeps the whole alive
    del part
    gc.collect()
    assert made.released == {"schema": 1, "array": 1, "stream": 0}


def test_the_offset_is_skipped():
    made = Made()
    view = to_numpy(ArrayGiver(made.schema(b"g"), made.array(3, [None, X], offset=4)), "v")
    assert view.tolist() == [4.0, 5.0, 6.0]


def test_a_stream_is_released_once_with_its_batches():
    made = Made()
    batches = [made.array(3, [None, X]), made.array(2, [None, X], offset=5)]
    view = to_numpy(StreamGiver(made.stream(made.schema(b"g"), batches)), "v")
    assert view.tolist() == [0.0, 1.0, 2.0, 5.0, 6.0]
    gc.collect()
    assert made.released == {"schema": 1, "array": 2, "stream": 1}


def test_a_stream_left_in_the_middle_is_released():
    made = Made()
    batches = [made.array(3, [None, X]), made.array(2, [None, X])]
    it = arrow_batches(StreamGiver(made.stream(made.schema(b"g"), batches)), "v")
    rows, columns = next(it)
    assert rows == 3
    it.close()
    del it, columns
    gc.collect()
    assert made.released == {"schema": 1, "array": 1, "stream": 1}


def test_a_released_struct_is_refused():
    made = Made()
    schema, array = numbers(made)
    giver = ArrayGiver(schema, array)
    to_numpy(giver, "v")
    with pytest.raises(ValueError, match=r"v: .*released"):
        to_numpy(giver, "v")  # the same capsules' structs again
    schema, array = numbers(made)
    array.release = ReleaseArray()
    with pytest.raises(ValueError, match="array is released"):
        to_numpy(ArrayGiver(schema, array), "v")
    schema, array = numbers(made)
    schema.release = ReleaseSchema()
    with pytest.raises(ValueError, match="schema is released"):
        to_numpy(ArrayGiver(schema, array), "v")
    stream = Stream()
    with pytest.raises(ValueError, match="stream is released"):
        to_numpy(StreamGiver(stream), "v")


def test_a_streams_own_words_are_shown():
    made = Made()
    with pytest.raises(ValueError, match="no schema: out of ink"):
        to_numpy(StreamGiver(made.stream(made.schema(b"g"), [], schema_error=5)), "v")
    made = Made()
    stream = made.stream(made.schema(b"g"), [made.array(3, [None, X])], errors=[0, 5])
    said = None
    try:
        to_numpy(StreamGiver(stream), "v")
    except ValueError as error:
        said = str(error)  # and no traceback, which would keep the batch
    assert said == "v: the Arrow stream broke off: out of ink"
    gc.collect()
    assert made.released == {"schema": 1, "array": 1, "stream": 1}
    made = Made()
    with pytest.raises(ValueError, match="Input/output error"):
        to_numpy(StreamGiver(made.stream(made.schema(b"g"), [], errors=[5], text=None)), "v")


def test_a_capsule_of_another_name_is_refused():
    class Wrong(ArrayGiver):
        def __arrow_c_array__(self, requested_schema=None):
            return tuple(reversed(super().__arrow_c_array__()))

    with pytest.raises(TypeError, match="capsule named arrow_schema"):
        to_numpy(Wrong(*numbers(Made())), "v")


def fixed(made, n, items, size=b"4", **kw):
    item = made.schema(b"g")
    return made.schema(b"+w:" + size, item), made.array(
        n, [None], made.array(items, [None, X]), **kw
    )


def listed(made, offsets, items=2, **kw):
    boxes, array = fixed(made, items, 8)
    return (
        made.schema(b"+l", boxes),
        made.array(len(offsets) - 1, [None, np.array(offsets, np.int32)], array, **kw),
    )


def text_views(made, views, *buffers, sizes):
    data = [None, np.frombuffer(views, np.uint8), *buffers, np.array(sizes, np.int64)]
    return made.schema(b"vu"), made.array(1, data)


def with_field(pair, field, value):
    setattr(pair[1], field, value)
    return pair


def with_format(pair, value):
    pair[0].format = value
    return pair


def with_schema(pair, field, value):
    setattr(pair[0], field, value)
    return pair


def deep(made):
    schema, array = numbers(made)
    for _ in range(40):
        schema = made.schema(b"+s", schema)
        array = made.array(8, [None], array)
    return schema, array


def dictionary(made, indices, n=2):
    text = made.array(n, [None, np.array([0, 1, 2], np.int32), np.frombuffer(b"ab", np.uint8)])
    return (
        made.schema(b"i", dictionary=made.schema(b"u")),
        made.array(len(indices), [None, np.array(indices, np.int32)], dictionary=text),
    )


LONG = np.zeros(30, np.uint8)

BROKEN = {
    "length": (lambda m: numbers_with(m, "length", -1), "length -1"),
    "offset": (lambda m: numbers_with(m, "offset", -1), "offset -1"),
    "overflow": (lambda m: numbers_with(m, "offset", 2**63 - 4), "overflow"),
    "null_count": (lambda m: numbers_with(m, "null_count", -2), "null_count -2"),
    "null_count above": (lambda m: numbers_with(m, "null_count", 9), "null_count 9"),
    "nulls without bits": (lambda m: numbers_with(m, "null_count", 2), "without a validity"),
    "n_buffers": (lambda m: numbers_with(m, "n_buffers", 1), "got 1 buffers, expected 2"),
    "no buffers": (lambda m: numbers_with(m, "buffers", None), "null pointer"),
    "no data": (lambda m: (m.schema(b"g"), m.array(8, [None, None])), "values buffer is a null"),
    "n_children": (lambda m: numbers_with(m, "n_children", 2), "got 2 children"),
    "format": (lambda m: with_format(numbers(m), b""), "empty format"),
    "no format": (lambda m: with_format(numbers(m), None), "no format"),
    "schema children": (lambda m: with_schema(numbers(m), "n_children", -3), "-3"),
    "schema pointers": (lambda m: with_schema(numbers(m), "n_children", 3), "null pointer"),
    "depth": (deep, "nested deeper"),
    "a dictionary missing": (
        lambda m: (m.schema(b"i", dictionary=m.schema(b"u")), m.array(8, [None, I4])),
        "no dictionary",
    ),
    "a dictionary too many": (
        lambda m: (m.schema(b"i"), dictionary(m, [0])[1]),
        "has a dictionary",
    ),
    "an index": (lambda m: dictionary(m, [0, 1, 2]), r"row 2: got dictionary index 2"),
    "an index below": (lambda m: dictionary(m, [-1]), "index -1"),
    "float indices": (
        lambda m: (m.schema(b"g", dictionary=m.schema(b"u")), m.array(1, [None, X])),
        "whole numbers",
    ),
    "a list size": (lambda m: fixed(m, 2, 8, size=b"x"), "names no list size"),
    "a negative list size": (lambda m: fixed(m, 2, 8, size=b"-4"), "names no list size"),
    "a huge list size": (lambda m: fixed(m, 2, 8, size=b"9223372036854775807"), "overflow"),
    "too few items": (lambda m: fixed(m, 3, 8), "too few for lists of 4"),
    "falling offsets": (lambda m: listed(m, [0, 2, 1]), "offset 2: got 1 after 2"),
    "negative offsets": (lambda m: listed(m, [-1, 2]), "offset 0: got -1"),
    "offsets past the end": (lambda m: listed(m, [0, 3]), "the list's items are 2"),
    "a short struct": (
        lambda m: (
            m.schema(b"+s", m.schema(b"g", name=b"x")),
            m.array(9, [None], m.array(8, [None, X])),
        ),
        "column 'x': got an array of length 8, expected at least 9",
    ),
    "a null child": (
        lambda m: (m.schema(b"+s", m.schema(b"g")), m.array(8, [None], None)),
        "child 0 of the Arrow array is a null pointer",
    ),
    "a text past its buffer": (
        lambda m: text_views(
            m,
            np.array([30, 0, 0, 1], np.int32).tobytes(),
            LONG,
            sizes=[30],
        ),
        "outside the text buffers",
    ),
    "a text in no buffer": (
        lambda m: text_views(m, np.array([30, 0, 7, 0], np.int32).tobytes(), LONG, sizes=[30]),
        "outside the text buffers",
    ),
}


def numbers_with(made, field, value):
    return with_field(numbers(made), field, value)


@pytest.mark.parametrize("case", BROKEN, ids=lambda name: name.replace(" ", "-"))
def test_broken_structs_are_refused_in_words_and_released(case):
    make, text = BROKEN[case]
    made = Made()
    giver = ArrayGiver(*make(made))
    with pytest.raises(ValueError, match=text):
        for _ in arrow_batches(giver, "v"):
            pass
    gc.collect()
    assert made.released["array"] == 1
    assert made.released["schema"] == 1


def test_a_released_child_is_refused():
    made = Made()
    inner = made.array(8, [None, X])
    inner.release = ReleaseArray()
    schema = made.schema(b"+s", made.schema(b"g", name=b"x"))
    with pytest.raises(ValueError, match="column 'x': the Arrow array is released"):
        to_numpy(ArrayGiver(schema, made.array(8, [None], inner)), "v")


@pytest.mark.parametrize(
    "fmt,word",
    [
        (b"e", "half float"),
        (b"tsu:UTC", "timestamp"),
        (b"tdD", "date"),
        (b"d:19,10", "decimal"),
        (b"z", "binary"),
        (b"+vl", "list_view"),
        (b"what", "'what'"),
    ],
)
def test_types_that_are_not_read_are_named(fmt, word):
    made = Made()
    table = made.schema(b"+s", made.schema(b"g", name=b"x"), made.schema(fmt, name=b"odd"))
    rows = made.array(8, [None], made.array(8, [None, X]), made.array(8, [None, X]))
    giver = ArrayGiver(table, rows)
    ((_, columns),) = arrow_batches(giver, "v", ["x"])  # the rest of the table can be read
    assert columns[0].values.tolist() == X.tolist()
    made = Made()
    with pytest.raises(TypeError, match=f"{word}.*not read"):
        to_numpy(ArrayGiver(made.schema(fmt), made.array(8, [None, X])), "v")


FIELDS = ("length", "offset", "null_count", "n_buffers", "n_children")
SMALL = st.integers(-3, 9) | st.sampled_from([2**31, 2**62, 2**63 - 1, -(2**63)])


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_damage_is_an_error_or_harmless(data):
    """Only what a reader can detect: counts that stay within the buffers stay readable."""
    made = Made()
    schema, array = data.draw(
        st.sampled_from([numbers, lambda m: fixed(m, 2, 8), lambda m: listed(m, [0, 1, 2])])
    )(made)
    field = data.draw(st.sampled_from(FIELDS))
    value = data.draw(SMALL)
    if field in ("length", "offset"):
        # More rows than the buffer holds cannot be told from fewer: nothing says how long it is.
        value = value if value < 0 or value > 2**61 else 0
    if (field == "n_children" and value > array.n_children) or (field == "n_buffers" and value > 3):
        value = -1
    setattr(array, field, value)
    if data.draw(st.booleans()):
        schema.format = data.draw(
            st.sampled_from([b"g", b"+l", b"+w:4", b"+s", b"u", b"+w:", b"i"])
        )
    giver = ArrayGiver(schema, array)
    try:
        for _, columns in arrow_batches(giver, "v"):
            for column in columns:
                assert column.length <= 8
    except (TypeError, ValueError) as error:
        assert str(error).startswith("v: ")
    gc.collect()
    assert made.released["schema"] == 1
    assert made.released["array"] <= 1


def test_lists_of_boxes():
    made = Made()
    boxes, offsets = arrow_ragged(ArrayGiver(*listed(made, [1, 1, 2])), "v")
    assert boxes.tolist() == [[4.0, 5.0, 6.0, 7.0]]
    assert offsets.tolist() == [0, 0, 1]
    assert boxes.ctypes.data == X.ctypes.data + 32
    del boxes
    assert isinstance(made.array(0, []), Array)
