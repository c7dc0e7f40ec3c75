"""Work on several threads whose result does not depend on their number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from threading import Lock, Thread
from typing import TypeVar

__all__ = ["cpus", "each_in_threads", "in_threads"]

T = TypeVar("T")


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(jobs: Iterable[Callable[[], T]], workers: int) -> list[T]:
    """Do jobs, several at a time, and give what they returned in the jobs' order.

    Parameters and errors are those of :func:`each_in_threads`.

    Examples
    --------
    >>> in_threads([lambda: 1, lambda: 2], 2)
    [1, 2]
    """
    out: list[T] = []
    each_in_threads(jobs, workers, out.append)
    return out


def each_in_threads(
    jobs: Iterable[Callable[[], T]], workers: int, take: Callable[[T], object]
) -> None:
    """Do jobs, several at a time, and hand what they return on in the jobs' order.

    Parameters
    ----------
    jobs : iterable of callable
        Taken one by one as threads are free, so that it may make them as it goes.
    workers : int
        Threads; with one of them the jobs run on the caller's own.
    take : callable
        Given each result, one at a time.

    Raises
    ------
    BaseException
        The first that a job raised, by their order; jobs after it may not have been started.
        Or what ``jobs`` or ``take`` raised.
    """
    if workers <= 1:
        for job in jobs:
            take(job())
        return
    remaining = enumerate(jobs)
    taking, handing = Lock(), Lock()
    done: dict[int, T] = {}
    failed: dict[int, BaseException] = {}
    handed = 0

    def work() -> None:
        nonlocal handed
        at = -1
        try:
            while not failed:
                with taking:
                    taken = next(remaining, None)
                if taken is None:
                    return
                at, job = taken
                result = job()
                with handing:
                    done[at] = result
                    while handed in done:
                        take(done.pop(handed))
                        handed += 1
        except BaseException as error:
            failed[at] = error

    # The caller's thread works too: an interrupt reaches it there.
    others = [Thread(target=work, daemon=True) for _ in range(workers - 1)]
    for thread in others:
        thread.start()
    try:
        work()
    finally:
        for thread in others:
            thread.join()
    if failed:
        raise failed[min(failed)]
