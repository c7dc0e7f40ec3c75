"""The runner on tiny made-up rows: what agrees, what does not, what is absent or breaks."""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import time
import tomllib
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from fastlabel.bench import TOPICS, Peer, Row, choose, host, load, machine, runner
from fastlabel.bench.table import facts_text, lines, share_text, time_text, write
from fastlabel.config import ConfigError

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "faiss": "faiss-cpu"}
TOO_LARGE = {"torch", "torchvision"}
#: Installed by the Makefile without what it depends on, which would replace our OpenCV.
ALONE = {"sahi"}
PLAN = runner.Plan(seconds=0.005, least=3, most=5, least_slow=1)
NUMBER = {"type": ["number", "null"]}
TIMES = {
    "min_s": NUMBER,
    "median_s": NUMBER,
    "repetitions": {"type": "integer", "minimum": 0},
}


def strict(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT, MET = {"type": "string"}, {"type": ["boolean", "null"]}
PEER = strict(
    name=TEXT,
    status={"enum": ["ok", "absent", "disagrees", "failed"]},
    message=TEXT,
    ratio=NUMBER,
    promised=NUMBER,
    met=MET,
    **TIMES,
)
ROW = strict(
    topic=TEXT,
    name=TEXT,
    title=TEXT,
    status={"enum": ["ok", "disagrees", "failed", "skipped"]},
    message=TEXT,
    bytes_moved={"type": ["integer", "null"]},
    bandwidth_share=NUMBER,
    peak_mb=NUMBER,
    budget={"type": "object", "additionalProperties": strict(at_most=NUMBER, met=MET)},
    peers={"type": "array", "items": PEER},
    **TIMES,
)
HOST = {"type": "object", "required": ["cpu", "isa", "compiler", "versions", "time", "system"]}
DOCUMENT = strict(
    schema={"const": 1},
    complete={"type": "boolean"},
    host=HOST,
    seconds_a_rival={"type": "number"},
    bandwidth_bytes_per_second=strict(copy=NUMBER, fill=NUMBER, read=NUMBER),
    rows={"type": "array", "items": ROW},
)


def equal(ours, theirs):
    np.testing.assert_array_equal(ours, theirs)


def slow_sum(x):
    time.sleep(0.002)
    return x.sum()


def row(*peers, name="sum", run=np.sum, make=lambda: (np.arange(1000.0),), **more):
    return Row(name, f"sum of {name}", make, run, tuple(peers), equal, **more)


def measured(made):
    (outcome,) = runner.run([("fake", made)], PLAN)
    return outcome


def as_document(*outcomes, complete=True):
    speed = {"copy": 1e10, "fill": 2e10, "read": 3e10}
    made = runner.document(outcomes, host.facts(), speed, PLAN, complete)
    jsonschema.validate(json.loads(json.dumps(made, allow_nan=False)), DOCUMENT)
    return made


class TestOutcomes:
    def test_ratio_is_that_of_the_fastest(self):
        peer = Peer("slow", ("numpy",), slow_sum, promised=2)
        out = measured(row(peer, bytes_moved=lambda x: x.nbytes, budget={"seconds": 1, "mb": 500}))
        assert out.status == "ok"
        assert 3 <= len(out.seconds) <= 5
        (rival,) = out.rivals
        assert min(rival.seconds) >= 0.002
        assert out.ratio(rival) == min(rival.seconds) / min(out.seconds) > 2
        assert out.met(rival) is True
        assert out.bytes_moved == 8000
        assert out.share(1e9) == pytest.approx(8000 / min(out.seconds) / 1e9)
        made = as_document(out)
        assert made["rows"][0]["budget"]["seconds"] == {"at_most": 1, "met": True}

    def test_a_promise_that_is_not_kept(self):
        out = measured(row(Peer("same", (), slow_sum, promised=100), run=slow_sum))
        assert out.met(out.rivals[0]) is False
        out = measured(row(run=slow_sum, budget={"seconds": 1e-9}))
        assert out.within() == {"seconds": False}
        text = "".join(map(str, lines(as_document(out))))
        assert "NOT MET" in text

    def test_a_disagreeing_peer_is_named_and_nothing_is_timed(self):
        good = Peer("good", (), np.sum)
        out = measured(row(good, Peer("liar", (), lambda x: x.sum() + 1)))
        assert out.status == "disagrees"
        assert out.message.startswith("liar: ") and "499500" in out.message
        assert out.seconds == [] and [r.status for r in out.rivals] == ["ok", "disagrees"]
        assert as_document(out)["rows"][0]["min_s"] is None

    def test_an_absent_peer_is_named(self):
        out = measured(row(Peer("ghost", ("numpy", "no_such_module.part"), np.sum, promised=3)))
        (rival,) = out.rivals
        assert (rival.status, rival.message) == ("absent", "no_such_module.part")
        assert out.status == "ok" and out.ratio(rival) is None and out.met(rival) is None
        text = "\n".join(facts_text(as_document(out)))
        assert "not installed: no_such_module.part; pip install 'fastlabel[bench]'" in text

    def test_a_peer_that_breaks_is_no_fault_of_ours(self):
        out = measured(row(Peer("broken", (), lambda x: 1 / 0)))
        assert (out.status, out.rivals[0].status) == ("ok", "failed")
        assert out.rivals[0].message == "ZeroDivisionError: division by zero"
        assert len(out.seconds) >= 3

    @pytest.mark.parametrize("where", ["make", "run"])
    def test_when_ours_breaks(self, where):
        def broken(*_):
            raise ValueError("ours")

        out = measured(row(Peer("p", (), np.sum), **{where: broken}))
        assert (out.status, out.message) == ("failed", "ValueError: ours")

    def test_when_ours_needs_what_is_not_there(self):
        def absent(x):
            raise ImportError("pip install 'fastlabel[numba]'")

        out = measured(row(run=absent))
        assert (out.status, out.message) == ("skipped", "pip install 'fastlabel[numba]'")
        assert "skipped: pip install" in str(list(lines(as_document(out))))

    def test_rivals_take_turns(self):
        order = []

        def call(who):
            order.append(who)
            time.sleep(0.003)
            return 0

        peers = [Peer(who, (), lambda x, who=who: call(who)) for who in "ab"]
        measured(row(*peers, run=lambda x: call("us")))
        order = order[-9:]
        assert order == ["us", "a", "b"] * 3

    def test_a_slow_rival_is_asked_less_often(self):
        out = measured(row(Peer("slow", (), lambda x: (time.sleep(0.03), x.sum())[1])))
        assert len(out.rivals[0].seconds) == PLAN.least_slow < len(out.seconds)

    def test_rows_come_as_they_are_done(self):
        def stop(x):
            raise KeyboardInterrupt

        rows = runner.run([("t", row()), ("t", row(name="second", run=stop))], PLAN)
        assert next(rows).name == "sum"
        with pytest.raises(KeyboardInterrupt):
            next(rows)


class TestMachine:
    def test_one_thread_and_back(self, monkeypatch):
        import cv2

        monkeypatch.setenv("OMP_NUM_THREADS", "7")
        monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)
        before = cv2.getNumThreads()
        with machine.one_thread():
            assert os.environ["OMP_NUM_THREADS"] == os.environ["POLARS_MAX_THREADS"] == "1"
            assert cv2.getNumThreads() == 1
        assert os.environ["OMP_NUM_THREADS"] == "7" and "POLARS_MAX_THREADS" not in os.environ
        assert cv2.getNumThreads() == before

    def test_bandwidth_counts_what_is_moved(self, monkeypatch):
        clock = itertools.count()
        monkeypatch.setattr(machine, "perf_counter", lambda: next(clock))
        assert machine.bandwidth(1000, 2) == {"copy": 16000, "fill": 8000, "read": 8000}

    def test_the_best_of_two(self):
        assert machine.widest({"a": 1, "b": 5}, {"a": 2, "b": 3}) == {"a": 2, "b": 5}

    def test_peak_memory_is_that_of_the_call(self):
        answer, mb = machine.peak_mb(lambda: float(np.ones(8_000_000).sum()))
        assert answer == 8e6
        if mb is None:
            pytest.skip("this system does not let a process set back its peak")
        assert 55 < mb < 90
        assert machine.peak_mb(lambda: 1)[1] < 5


class TestRows:
    def test_every_module_of_rows_is_in_the_list(self):
        import fastlabel.bench

        folder = Path(fastlabel.bench.__file__).parent
        there = {p.stem.removeprefix("rows_") for p in folder.glob("rows_*.py")}
        assert there <= set(TOPICS)

    def test_all_rows_are_well_formed(self):
        rows, _ = load()
        names = [r.name for _, r in rows]
        assert len(names) == len(set(names)) > 0
        assert not set(names) & set(TOPICS)
        for _, r in rows:
            assert r.name == r.name.lower() and " " not in r.name
            assert set(r.budget) <= {"seconds", "mb"}
            assert r.title and len(r.title) <= 70

    def test_what_peers_need_can_be_had(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        wanted = [*project["dependencies"], *project["optional-dependencies"]["bench"]]
        there = {re.split(r"[<>=\[]", text)[0] for text in wanted}
        makefile = (ROOT / "Makefile").read_text()
        assert all(f"install --no-deps {name}" in makefile for name in ALONE)
        there |= ALONE
        for _, r in load()[0]:
            for name in {n.split(".")[0] for peer in r.peers for n in peer.needs} - TOO_LARGE:
                assert DISTRIBUTIONS.get(name, name.replace("_", "-")) in there, (r.name, name)

    def test_loading_rows_loads_no_peer(self):
        import subprocess

        code = (
            "import sys; from fastlabel.bench import load; load(); "
            "print([m for m in ('polars','duckdb','shapely','torch','numba','cv2',"
            "'boost_histogram','ensemble_boxes','pycocotools') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == "[]", done.stderr

    def test_absent_topics_are_told_and_broken_ones_raise(self, monkeypatch):
        assert load(["no_such_topic"]) == ([], ["no_such_topic"])

    def test_choosing(self):
        rows = [("a", row(name="one")), ("a", row(name="two")), ("b", row(name="three"))]

        def names(*patterns):
            return [r.name for _, r in choose(rows, patterns)]

        assert names() == ["one", "two", "three"]
        assert names("a") == names("a/two", "one") == ["one", "two"]
        assert names("b", "two") == ["two", "three"]
        with pytest.raises(ConfigError, match="no benchmark 'thre'; did you mean 'three'"):
            names("thre")


def test_times_and_shares_in_words():
    texts = [time_text(t) for t in (12.345, 0.5, 0.0123, 4.2e-5, 4.2e-8, 2e-10, None)]
    assert texts == ["12.3 s", "500 ms", "12.3 ms", "42.0 µs", "42.0 ns", "0.20 ns", ""]
    assert [share_text(s) for s in (0.494, 1.0, 1.2, None)] == ["49 %", "100 %", "in cache", ""]


def test_the_table(tmp_path):
    peers = (Peer("slow", (), slow_sum, promised=2), Peer("ghost", ("no_such_module",), np.sum))
    outcome = measured(row(*peers, bytes_moved=lambda x: x.nbytes, budget={"mb": 100}))
    path = tmp_path / "t.txt"
    with path.open("w") as file:
        write(as_document(outcome, complete=False), file)
    text = path.read_text()
    head, first, second, third, *_ = text.splitlines()
    assert head.split() == [
        *("work,", "one", "thread", "us", "peer"),
        "peer's",
        "ratio",
        "promised",
        "of",
        "memory",
    ]
    assert first.startswith("sum of sum") and "slow" in first and "2x met" in first
    assert "ghost: not installed" in second
    assert third.split()[0] == "memory" and "at most 100 MB met" in third
    assert "interrupted" in text and "\x1b" not in text
