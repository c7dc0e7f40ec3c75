"""What every number shares: where the data is, how a result looks, how to time fairly.

The machine may be noisy, so rivals are timed in turn and compared by medians; a number that
is a ratio is the median of the ratios of neighbouring timings, where the clock was the same.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parent


class Unavailable(Exception):
    """A number cannot be measured here; the text says what is missing."""


@dataclass(frozen=True)
class Setup:
    """What the measurements are run on."""

    data: Path
    floor: Path | None = None

    def raccoon(self) -> list[Path]:
        """The 200 photos most numbers are measured on."""
        files = sorted((self.data / "raccoon" / "images").glob("*.jpg"))
        if not files:
            raise Unavailable(f"no images in {self.data / 'raccoon' / 'images'}; see --data")
        return files


@dataclass
class Number:
    """One measured number beside the demanded one."""

    name: str
    samples: list[float]
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    #: What goes into ``measured``: the middle sample, or the worst where a limit is a limit.
    summary: Callable[[Sequence[float]], float] = statistics.median
    detail: dict[str, Any] = field(default_factory=dict)
    missing: str = ""

    @property
    def measured(self) -> float | None:
        return self.summary(self.samples) if self.samples else None

    @property
    def met(self) -> bool | None:
        """None when nothing is demanded or nothing could be measured."""
        value = self.measured
        if self.missing or value is None or (self.at_most is None and self.at_least is None):
            return None
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )

    @property
    def demanded(self) -> str:
        if self.at_most is not None:
            return f"at most {self.at_most:g}{self.unit}"
        return f"at least {self.at_least:g}{self.unit}" if self.at_least is not None else ""

    def as_json(self) -> dict[str, Any]:
        values = asdict(self)
        del values["summary"]
        return {**values, "measured": self.measured, "met": self.met}


class Neighbours:
    """How many CPUs other processes held since this was made: what disturbs a measurement."""

    def __init__(self) -> None:
        self._wall, self._busy, self._own = perf_counter(), _busy_seconds(), _own_seconds()

    def cpus(self) -> float:
        others = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return max(0.0, round(others / (perf_counter() - self._wall), 2))


def _busy_seconds() -> float:
    """Busy time of all CPUs; that of a host's other guests ("steal") counts."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq, steal, *_ = (int(word) for word in first.split()[1:])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    return sum(os.times()[:4])


#: CPUs of other processes, up to which a round of two workers counts as undisturbed.
QUIET = 0.1
FEWEST_QUIET = 3


@dataclass
class WorkerRounds:
    """Rounds of one worker and of two, in turn: seconds of either, and the neighbours' CPUs."""

    used: list[tuple[float, float, float]]
    all: int
    quiet: int

    def number(self, name: str, limit: float, detail: dict[str, Any]) -> Number:
        """How many times as fast two are."""
        counts = {"rounds": self.all, "quiet_rounds": self.quiet}
        number = Number(
            name,
            [one / two for one, two, _ in self.used],
            "x",
            at_least=1.7,
            detail={**detail, **counts, "neighbours_cpus": [r[2] for r in self.used]},
        )
        if self.quiet < FEWEST_QUIET:
            number.missing = (
                f"no two idle CPUs in {limit:g} s; with neighbours {number.measured:.2f}x"
            )
        return number


def one_and_two_workers(work: Callable[[int], object], wanted: int, limit: float) -> WorkerRounds:
    """Time `work(workers)` with 1 and 2 until `wanted` rounds were quiet, or `limit` seconds.

    Two workers need two idle CPUs. Rounds in which other processes held more than a little of
    one are left out, as long as enough quiet ones are found in time; the choice looks at the
    neighbours alone, never at the result.
    """
    if len(os.sched_getaffinity(0)) < 2:
        raise Unavailable("two workers need two CPUs")
    rounds: list[tuple[float, float, float]] = []
    start = perf_counter()
    quiet = 0
    while len(rounds) < wanted or (quiet < wanted and perf_counter() - start < limit):
        neighbours = Neighbours()
        seconds = []
        for workers in (1, 2):
            begin = perf_counter()
            work(workers)
            seconds.append(perf_counter() - begin)
        rounds.append((seconds[0], seconds[1], neighbours.cpus()))
        quiet += rounds[-1][2] <= QUIET
    used = [r for r in rounds if r[2] <= QUIET] if quiet >= FEWEST_QUIET else rounds
    return WorkerRounds(used, len(rounds), quiet)


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=True)]


def process_seconds(command: Sequence[str]) -> float:
    """Wall time of a whole process."""
    start = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=clean_environment())
    return perf_counter() - start


def child(script: str, *args: str) -> dict[str, Any]:
    """Run one of the programs of ``children/``; its JSON answer and ``process_s``."""
    command = [sys.executable, str(HERE / "children" / script), *args]
    start = perf_counter()
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=clean_environment()
    )
    seconds = perf_counter() - start
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**answer, "process_s": seconds}


def clean_environment() -> dict[str, str]:
    """Ours without what would slow one rival: Python's own switches, peers' progress bars."""
    unwanted = {"PYTHONPROFILEIMPORTTIME", "PYTHONVERBOSE", "PYTHONDONTWRITEBYTECODE"}
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    return {**kept, "TQDM_DISABLE": "1"}


def median_of(values: Sequence[float], digits: int = 4) -> float:
    return round(statistics.median(values), digits)
