"""The rows of `fastlabel bench` for pytest-benchmark: each beside its peers, answers compared."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from time import perf_counter

import pytest

from fastlabel.bench import load

#: Seconds for each case, and the least and most rounds.
SECONDS, LEAST, MOST = 1.0, 3, 50
SHORTEST_ROUND = 2e-3

ROWS = {f"{topic}/{row.name}": row for topic, row in load()[0]}
CASES = [(name, None) for name in ROWS]
CASES += [(name, peer.name) for name, row in ROWS.items() for peer in row.peers]
# All cases of a row stand together, so that its inputs are made once and kept no longer.
CASES.sort(key=lambda case: list(ROWS).index(case[0]))


@lru_cache(maxsize=1)
def made(name):
    inputs = ROWS[name].make()
    return inputs, ROWS[name].run(*inputs)


def installed(name):
    try:
        return find_spec(name) is not None
    except ImportError:
        return False


def timed(benchmark, call, inputs):
    """Run a case about a second; the answer of its first call."""
    start = perf_counter()
    answer = call(*inputs)
    seconds = perf_counter() - start
    loops = max(1, round(SHORTEST_ROUND / seconds))
    rounds = max(LEAST, min(MOST, int(SECONDS / (seconds * loops))))
    benchmark.pedantic(call, args=inputs, rounds=rounds, iterations=loops)
    return answer


@pytest.mark.parametrize(("name", "peer"), CASES, ids=lambda part: part or "fastlabel")
def test_row(benchmark, name, peer):
    row = ROWS[name]
    benchmark.group = f"{name}: {row.title}"
    if peer is None:
        inputs, _ = made(name)
        timed(benchmark, row.run, inputs)
        return
    theirs = next(p for p in row.peers if p.name == peer)
    absent = [module for module in theirs.needs if not installed(module)]
    if absent:
        pytest.skip(f"PEER ABSENT: {', '.join(absent)}: pip install 'fastlabel[bench]'")
    inputs, ours = made(name)
    row.agree(ours, timed(benchmark, theirs.run, inputs))
