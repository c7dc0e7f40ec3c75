"""Measure rows: answers first, then times, ours and the peers' in turn.

Rivals are timed in turn so that a drifting clock or a busy neighbour meets all of them; a ratio
is that of the fastest repetitions, because other work on the machine only adds time.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from time import perf_counter
from typing import Any

from .machine import peak_mb
from .row import Peer, Row

__all__ = ["QUICK", "THOROUGH", "Outcome", "Plan", "Rival", "document", "run"]

SCHEMA_VERSION = 1
#: A sample shorter than this says more about the clock than about the work.
SHORTEST_SAMPLE = 2e-3
MOST_WORDS = 300


@dataclass(frozen=True)
class Plan:
    """How long to measure.

    Attributes
    ----------
    seconds : float
        For each rival of a row.
    least, most : int
        Repetitions.
    least_slow : int
        Repetitions of a rival of which one call takes longer than ``seconds``.
    """

    seconds: float
    least: int
    most: int
    least_slow: int


THOROUGH = Plan(seconds=1.5, least=7, most=200, least_slow=3)
QUICK = Plan(seconds=0.2, least=3, most=20, least_slow=1)


@dataclass
class Rival:
    """One peer beside us.

    Attributes
    ----------
    status : {"ok", "absent", "disagrees", "failed"}
        Only one that agrees is timed.
    message : str
        What is missing, how it disagrees or why it failed.
    seconds : list of float
        Of each repetition.
    """

    name: str
    promised: float | None = None
    status: str = "ok"
    message: str = ""
    seconds: list[float] = field(default_factory=list)


@dataclass
class Outcome:
    """One row, measured.

    Attributes
    ----------
    status : {"ok", "disagrees", "failed", "skipped"}
        The worst of ours and the peers'; a peer that is absent or broken is no fault of ours.
    bytes_moved : int or None
        Least traffic to memory.
    peak_mb : float or None
        What our first call added to the memory of the process.
    """

    topic: str
    name: str
    title: str
    status: str = "ok"
    message: str = ""
    seconds: list[float] = field(default_factory=list)
    rivals: list[Rival] = field(default_factory=list)
    bytes_moved: int | None = None
    peak_mb: float | None = None
    budget: dict[str, float] = field(default_factory=dict)

    def ratio(self, rival: Rival) -> float | None:
        """How many times as long as we the peer takes."""
        return min(rival.seconds) / min(self.seconds) if rival.seconds else None

    def met(self, rival: Rival) -> bool | None:
        """Tell whether a promised ratio is kept; None: nothing promised, or not measured."""
        ratio = self.ratio(rival)
        return None if ratio is None or rival.promised is None else ratio >= rival.promised

    def within(self) -> dict[str, bool | None]:
        """For each limit of the row's own, whether it is kept; None: not measured."""
        measured = {"seconds": min(self.seconds, default=None), "mb": self.peak_mb}
        kept: dict[str, bool | None] = {}
        for name, limit in self.budget.items():
            value = measured[name] if self.seconds else None
            kept[name] = None if value is None else value <= limit
        return kept

    def share(self, limit: float) -> float | None:
        """Give the speed over memory as a share of what memory can do, in bytes a second."""
        if self.bytes_moved is None or not self.seconds:
            return None
        return self.bytes_moved / min(self.seconds) / limit


def run(rows: Iterable[tuple[str, Row]], plan: Plan = THOROUGH) -> Iterator[Outcome]:
    """Measure rows one after the other.

    Parameters
    ----------
    rows : iterable of (str, Row)
        Topic and row.
    plan : Plan
        How long to measure.

    Yields
    ------
    Outcome
        As soon as a row is done.
    """
    for topic, row in rows:
        yield _measured(topic, row, plan)


def _measured(topic: str, row: Row, plan: Plan) -> Outcome:
    out = Outcome(topic, row.name, row.title, budget=dict(row.budget))
    try:
        inputs = row.make()
        (answer, seconds), out.peak_mb = peak_mb(lambda: _once(row.run, inputs))
        first = [seconds]
        if row.bytes_moved is not None:
            out.bytes_moved = int(row.bytes_moved(*inputs))
    except ImportError as error:
        out.status, out.message = "skipped", _words(error)
        return out
    except Exception as error:
        out.status, out.message = "failed", _words(error)
        return out
    calls: list[Callable[[], Any]] = [lambda: row.run(*inputs)]
    timed = []
    for peer in row.peers:
        rival, seconds = _asked(row, peer, inputs, answer)
        out.rivals.append(rival)
        if rival.status == "ok":
            first.append(seconds)
            timed.append(rival)
            calls.append(lambda peer=peer: peer.run(*inputs))  # type: ignore[misc]
        elif rival.status == "disagrees":
            out.status, out.message = "disagrees", f"{peer.name}: {rival.message}"
    del answer
    if out.status == "ok":
        out.seconds, *theirs = _in_turn(calls, first, plan)
        for rival, times in zip(timed, theirs, strict=True):
            rival.seconds = times
    return out


def _asked(row: Row, peer: Peer, inputs: Sequence[Any], answer: Any) -> tuple[Rival, float]:
    """Let a peer do the work once, and compare."""
    rival = Rival(peer.name, peer.promised)
    absent = [name for name in peer.needs if not _installed(name)]
    if absent:
        rival.status, rival.message = "absent", ", ".join(absent)
        return rival, 0.0
    try:
        theirs, seconds = _once(peer.run, inputs)
        row.agree(answer, theirs)
    except AssertionError as error:
        rival.status, rival.message = "disagrees", _words(error)
    except Exception as error:
        rival.status, rival.message = "failed", _words(error)
    else:
        return rival, seconds
    return rival, 0.0


def _once(call: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, float]:
    start = perf_counter()
    answer = call(*inputs)
    return answer, perf_counter() - start


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    if not isinstance(error, AssertionError | ImportError):
        text = f"{type(error).__name__}: {text}"
    return text[:MOST_WORDS] or type(error).__name__


def _in_turn(
    calls: Sequence[Callable[[], Any]], first: Sequence[float], plan: Plan
) -> list[list[float]]:
    """Seconds of each call, one list a rival; the rounds go through all of them in turn."""
    loops, rounds = [], []
    for seconds in map(_warm, calls, first):
        loops.append(max(1, round(SHORTEST_SAMPLE / max(seconds, 1e-9))))
        least = plan.least if seconds <= plan.seconds else plan.least_slow
        sample = max(seconds, SHORTEST_SAMPLE)
        rounds.append(max(least, min(plan.most, int(plan.seconds / sample))))
    times: list[list[float]] = [[] for _ in calls]
    collecting = gc.isenabled()
    gc.disable()
    try:
        for turn in range(max(rounds)):
            for call, loop, wanted, mine in zip(calls, loops, rounds, times, strict=True):
                if turn < wanted:
                    start = perf_counter()
                    for _ in range(loop):
                        call()
                    mine.append((perf_counter() - start) / loop)
    finally:
        if collecting:
            gc.enable()
    return times


def _warm(call: Callable[[], Any], first: float) -> float:
    """Time a short call once more: the first one may have loaded something."""
    if first > 50 * SHORTEST_SAMPLE:
        return first
    call()
    start = perf_counter()
    call()
    return perf_counter() - start


def document(
    outcomes: Sequence[Outcome],
    host: dict[str, Any],
    bandwidth: dict[str, float],
    plan: Plan,
    complete: bool = True,
) -> dict[str, Any]:
    """Give all results as plain JSON values.

    Parameters
    ----------
    outcomes : sequence of Outcome
        The rows that were measured.
    host : dict
        As :func:`fastlabel.bench.host.facts` gives them.
    bandwidth : dict of str to float
        As :func:`fastlabel.bench.machine.bandwidth` gives them.
    plan : Plan
        How long was measured.
    complete : bool
        Whether all rows were measured that were asked for.
    """
    limit = max(bandwidth.values())
    return {
        "schema": SCHEMA_VERSION,
        "complete": complete,
        "host": host,
        "seconds_a_rival": plan.seconds,
        "bandwidth_bytes_per_second": bandwidth,
        "rows": [_row(outcome, limit) for outcome in outcomes],
    }


def _times(seconds: Sequence[float]) -> dict[str, Any]:
    if not seconds:
        return {"min_s": None, "median_s": None, "repetitions": 0}
    return {
        "min_s": min(seconds),
        "median_s": statistics.median(seconds),
        "repetitions": len(seconds),
    }


def _row(out: Outcome, limit: float) -> dict[str, Any]:
    return {
        "topic": out.topic,
        "name": out.name,
        "title": out.title,
        "status": out.status,
        "message": out.message,
        **_times(out.seconds),
        "bytes_moved": out.bytes_moved,
        "bandwidth_share": out.share(limit),
        "peak_mb": out.peak_mb,
        "budget": {
            name: {"at_most": out.budget[name], "met": met} for name, met in out.within().items()
        },
        "peers": [
            {
                "name": rival.name,
                "status": rival.status,
                "message": rival.message,
                **_times(rival.seconds),
                "ratio": out.ratio(rival),
                "promised": rival.promised,
                "met": out.met(rival),
            }
            for rival in out.rivals
        ],
    }
