"""Columns of sentences equal the f-strings of each row; parts give what the whole gives."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlabel.rules import Context, phrases, run
from fastlabel.rules import context as contexts
from fastlabel.rules.wording import clean, count, number, quote


def values(seed: int, n: int = 20_000) -> np.ndarray:
    """Numbers of all sizes, ties of rounding and odd ones among them."""
    rng = np.random.default_rng(seed)
    sizes = rng.normal(0, 1, n) * 10.0 ** rng.integers(-8, 9, n)
    ties = np.round(rng.uniform(-50, 50, 400), 1) + 0.05
    halves = rng.integers(-2000, 2000, 400) + 0.5
    odd = [0.0, -0.0, np.nan, np.inf, -np.inf, 999.5, 999.49, 1000, 9.995, 0.9995, 1e300, 5e-324]
    return np.concatenate([sizes, ties, halves, odd, np.repeat([0.2, 1234.5, -15.04, -0.04], 100)])


@pytest.mark.parametrize("seed", range(3))
def test_numbers_are_written_as_one_by_one(seed):
    v = values(seed)
    listed = v.tolist()
    assert phrases.numbers(v).to_pylist() == [number(x) for x in listed]
    for digits in (1, 2):
        assert phrases.fixed(v, digits).to_pylist() == [f"{x:.{digits}f}" for x in listed]
    assert phrases.general(v, 6).to_pylist() == [f"{x:.6g}" for x in listed]
    finite = [x for x in listed if math.isfinite(x) and abs(x) < 1e9]
    rounded = phrases.fixed(np.array(finite), 4, lambda x: json.dumps(round(x, 4)))
    assert rounded.to_pylist() == [json.dumps(round(x, 4)) for x in finite]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.text(max_size=120)), max_size=20))
def test_texts_are_quoted_as_one_by_one(texts):
    given_ = [None if t is None else t.encode("utf-8", "replace").decode() for t in texts]
    column = pa.array(given_, pa.string())
    assert phrases.quoted(column).to_pylist() == [quote(t) for t in given_]
    assert phrases.cleaned(column).to_pylist() == [clean(t) for t in given_]
    assert phrases.json_texts(column).to_pylist() == [
        None if t is None else json.dumps(t) for t in given_
    ]


def test_counts_have_their_noun():
    n = np.array([0, 1, 1200, 1])
    want = [count(v, "box", "boxes") for v in n.tolist()]
    assert phrases.counts(n, "box", "boxes").to_pylist() == want


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("part", [90, 700])
def test_parts_find_what_the_whole_finds(monkeypatch, part, shuffled):
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    try:
        import make_tables
    finally:
        sys.path.pop(0)
    from dataclasses import replace

    from fastlabel import set_columns
    from fastlabel.rules import RULES
    from fastlabel.summary import summarise

    ds, stats, box_stats, planted = make_tables.make(120)
    if shuffled:
        order = pa.array(np.random.default_rng(0).permutation(ds.annotations.num_rows))
        ids = pa.array(np.arange(len(order)))
        ds = replace(ds, annotations=ds.annotations.take(order).set_column(0, "annotation_id", ids))
        box_stats = box_stats.take(order).set_column(0, "annotation_id", ids)
    whole = run(Context(ds, stats, box_stats), workers=1)
    summary = summarise(ds, stats, box_stats, whole, RULES, workers=1)
    assert len(set(planted) & set(whole["code"].to_pylist())) > 15
    monkeypatch.setattr(contexts, "PART", part)
    monkeypatch.setattr(set_columns, "PART", part)
    for workers in (1, 2, 5):
        again = run(Context(ds, stats, box_stats), workers=workers)
        assert again.equals(whole)
        assert summarise(ds, stats, box_stats, again, RULES, workers=workers) == summary
