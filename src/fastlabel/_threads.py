"""Work on several threads whose result does not depend on their number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from threading import Lock, Thread
from typing import TypeVar

__all__ = ["cpus", "in_threads"]

T = TypeVar("T")


def cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(jobs: Iterable[Callable[[], T]], workers: int) -> list[T]:
    """Do jobs, several at a time, and give what they returned in the jobs' order.

    Parameters
    ----------
    jobs : iterable of callable
        Taken one by one as threads are free, so that it may make them as it goes.
    workers : int
        Threads; with one of them the jobs run on the caller's own.

    Raises
    ------
    BaseException
        The first that a job or the iterable raised, by the order of the jobs. Jobs after it
        may not have been started.

    Examples
    --------
    >>> in_threads([lambda: 1, lambda: 2], 2)
    [1, 2]
    """
    if workers <= 1:
        return [job() for job in jobs]
    remaining, lock = enumerate(jobs), Lock()
    done: dict[int, T] = {}
    failed: dict[int, BaseException] = {}

    def work() -> None:
        at = -1
        try:
            while not failed:
                with lock:
                    taken = next(remaining, None)
                if taken is None:
                    return
                at, job = taken
                done[at] = job()
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
    return [done[at] for at in range(len(done))]
