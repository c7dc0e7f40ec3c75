"""Jobs on several threads: their order, and what happens when one fails."""

from __future__ import annotations

import time

import pytest

from fastlabel._threads import each_in_threads, in_threads


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_results_stand_in_the_order_of_the_jobs(workers):
    def job(at: int):
        def run() -> int:
            time.sleep(0.002 * (at % 3 == 0))
            return at

        return run

    assert in_threads((job(at) for at in range(40)), workers) == list(range(40))
    assert in_threads([], workers) == []


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_first_error_by_order_is_raised_and_no_job_is_started_for_ever(workers):
    started = []

    def job(at: int):
        def run() -> None:
            started.append(at)
            # A job without a wait could let one thread take them all in a single turn.
            time.sleep(0 if at == 6 else 0.002)
            if at in (5, 6):
                raise ValueError(str(at))

        return run

    taken: list[None] = []
    with pytest.raises(ValueError, match="5"):
        each_in_threads((job(at) for at in range(10_000)), workers, taken.append)
    assert len(started) < 10_000
    assert len(taken) <= 5 + workers


def test_an_error_of_the_jobs_themselves_or_of_the_taker_is_raised():
    def jobs():
        yield lambda: 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        in_threads(jobs(), 2)
    with pytest.raises(ZeroDivisionError):
        each_in_threads([lambda: 0] * 5, 2, lambda n: 1 // n)
