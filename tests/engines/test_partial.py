"""Partial summaries: the same sum in any order and any tree, exact, and the same after a trip."""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from engine_sets import draw_set
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlabel import schema
from fastlabel.engines import PARTIAL, Partial, merged
from fastlabel.scan import scan_tables

FORMATS = ("jpeg", "png", "webp", "gif")


def images_table(rows):
    """IMAGE_STATS of (status, format, bytes, luma_mean, sharpness) rows; the rest null."""
    n = len(rows)
    columns = {
        "image_id": list(range(n)),
        "status": [r[0] for r in rows],
        "format": [r[1] for r in rows],
        "bytes": [r[2] for r in rows],
        "luma_mean": [r[3] for r in rows],
        "sharpness": [r[4] for r in rows],
    }
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(n, f.type)
        for f in schema.IMAGE_STATS
    ]
    return pa.Table.from_arrays(arrays, schema=schema.IMAGE_STATS)


numbers = st.none() | st.floats(0, 1e9) | st.sampled_from([0.0, 1e-300, 1e300, 0.1, 255.0])
row = st.tuples(
    st.sampled_from(schema.STATUSES),
    st.none() | st.sampled_from(FORMATS),
    st.none() | st.integers(0, 2**40),
    numbers,
    numbers,
)
parts = st.lists(st.lists(row, max_size=5), max_size=7)


def state(partial):
    return partial.to_arrow()


@settings(max_examples=60, deadline=None)
@given(parts, st.randoms(use_true_random=False))
def test_any_order_and_any_tree_give_the_whole_tables_summary(lists, rng: random.Random):
    whole = Partial.of(images_table([r for part in lists for r in part]))
    partials = [Partial.of(images_table(part)) for part in lists]
    rng.shuffle(partials)
    assert state(merged(partials)).equals(state(whole))
    # A random tree: any two neighbours, again and again.
    while len(partials) > 1:
        k = rng.randrange(len(partials) - 1)
        partials[k : k + 2] = [partials[k] + partials[k + 1]]
    assert state(partials[0] if partials else Partial()).equals(state(whole))


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=5), st.lists(row, max_size=5), st.lists(row, max_size=5))
def test_it_is_a_commutative_monoid_and_leaves_its_operands_alone(one, two, three):
    a, b, c = (Partial.of(images_table(rows)) for rows in (one, two, three))
    before = [state(p) for p in (a, b, c)]
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Partial() == a == Partial() + a
    assert merged([a, b, c, a]) == a + b + c + a
    assert [state(p) for p in (a, b, c)] == before


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=6))
def test_the_way_through_arrow_and_bytes_keeps_every_bit(rows):
    made = Partial.of(images_table(rows))
    assert Partial.from_arrow(made.to_arrow()) == made
    assert Partial.from_arrow(pa.Table.from_batches([made.to_arrow()])) == made
    assert Partial.from_bytes(made.to_bytes()) == made
    assert Partial.from_bytes(made.to_bytes()).to_bytes() == made.to_bytes()
    assert made.to_arrow().schema == PARTIAL


def test_what_it_says_is_what_the_tables_say(tmp_path):
    images, boxes = scan_tables(draw_set(tmp_path))
    said = Partial.of(images, boxes).to_dict()
    assert json.loads(json.dumps(said, allow_nan=False)) == said
    assert (said["images"], said["boxes"]) == (images.num_rows, boxes.num_rows)
    for key, column in (("statuses", "status"), ("formats", "format")):
        counted = {
            r["values"]: r["counts"] for r in images[column].drop_null().value_counts().to_pylist()
        }
        assert said[key] == counted
    for table, rows in (("images", images), ("boxes", boxes)):
        for name, got in said["columns"][table].items():
            values = rows[name].drop_null().to_numpy().astype(float)
            assert got["known"] == len(values)
            assert got["unknown"] == rows.num_rows - len(values)
            exact = sum(map(Fraction, values.tolist())) / len(values)
            assert got["mean"] == float(exact), name
            assert (got["min"], got["max"]) == (values.min(), values.max())
            assert math.isclose(got["std"], values.std(), rel_tol=1e-9, abs_tol=1e-9)
            counts, _ = np.histogram(values, got["edges"])
            assert got["counts"] == counts.tolist()
            assert got["below"] + got["above"] + counts.sum() == len(values)


def test_an_empty_one_says_so_in_plain_values():
    said = Partial().to_dict()
    assert (said["images"], said["boxes"], said["statuses"]) == (0, 0, {})
    assert said["columns"]["images"]["luma_mean"]["mean"] is None
    assert json.dumps(said, allow_nan=False)


def test_what_is_no_partial_is_refused():
    made = Partial.of(images_table([("ok", "jpeg", 5, 1.0, 2.0)]))
    with pytest.raises(ValueError, match="no partial summary"):
        Partial.from_bytes(b"something else")
    data = bytearray(made.to_bytes())
    data[len(data) // 2] ^= 1
    with pytest.raises(ValueError):
        Partial.from_bytes(bytes(data))
    with pytest.raises(ValueError, match="other statistics"):
        Partial.from_arrow(made.to_arrow().slice(1))
    rows = made.to_arrow().to_pylist()
    rows[2]["state"] = rows[3]["state"]  # the histogram of another column, with other bins
    with pytest.raises(ValueError, match="other axes"):
        Partial.from_arrow(pa.Table.from_pylist(rows, PARTIAL))
    with pytest.raises(TypeError, match="Partial"):
        made.merge({})
