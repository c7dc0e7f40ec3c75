"""What the machine can do and what a call takes of it: bandwidth, peak memory, one thread."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

__all__ = ["bandwidth", "one_thread", "peak_mb", "widest"]

#: Doubles of one array of the bandwidth measurement: far beyond any cache (256 MB).
DOUBLES = 1 << 25
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold every library to one thread: rows compare work, not core counts.

    Libraries that read the environment when they are loaded must not be loaded before.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    undo = [*_set(_opencv), *_set(_arrow), *_set(_torch)]
    try:
        yield
    finally:
        for put_back in undo:
            put_back()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _set(library: Callable[[], Callable[[], object]]) -> list[Callable[[], object]]:
    try:
        return [library()]
    except ImportError:
        return []


def _opencv() -> Callable[[], object]:
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    return lambda: cv2.setNumThreads(before)


def _arrow() -> Callable[[], object]:
    import pyarrow as pa

    before = pa.cpu_count()
    pa.set_cpu_count(1)
    return lambda: pa.set_cpu_count(before)


def _torch() -> Callable[[], object]:
    # Loading torch takes seconds, and where nobody loads it its environment is enough.
    torch = sys.modules.get("torch")
    if torch is None:
        raise ImportError
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    return lambda: torch.set_num_threads(before)


def bandwidth(doubles: int = DOUBLES, repetitions: int = 5) -> dict[str, float]:
    """Measure how fast one thread moves memory, in bytes a second, best of some repetitions.

    Parameters
    ----------
    doubles : int
        Length of each array.
    repetitions : int
        Times that each is done.

    Returns
    -------
    dict of str to float
        ``copy`` (a byte read and written counts twice), ``fill`` and ``read``.

    Notes
    -----
    As in McCalpin's STREAM, only what the program asks for is counted; a cache line that is
    fetched because part of it is written is not.
    """
    here, there = np.ones(doubles), np.zeros(doubles)
    # The largest of whole numbers is found a vector at a time; a sum would wait for itself.
    whole = here.view(np.int64)
    works: dict[str, tuple[int, Callable[[], Any]]] = {
        "copy": (2 * here.nbytes, lambda: np.copyto(there, here)),
        "fill": (here.nbytes, lambda: there.fill(2.0)),
        "read": (here.nbytes, whole.max),
    }
    best = dict.fromkeys(works, 0.0)
    for _ in range(repetitions):
        for name, (size, work) in works.items():
            start = perf_counter()
            work()
            best[name] = max(best[name], size / (perf_counter() - start))
    return best


def widest(*measured: dict[str, float]) -> dict[str, float]:
    """Give the best of several measurements of :func:`bandwidth`: other work only takes away."""
    return {name: max(m[name] for m in measured) for name in measured[0]}


def peak_mb(call: Callable[[], Any]) -> tuple[Any, float | None]:
    """Run something and tell by how many megabytes it raised the peak of the process.

    Returns
    -------
    answer : object
        Of the call.
    mb : float or None
        None where the system does not let a process set back its own peak.
    """
    gc.collect()
    _give_back()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status("VmRSS")
    except (OSError, ValueError):
        return call(), None
    answer = call()
    return answer, max(0.0, (_status("VmHWM") - before) / 1024)


def _give_back() -> None:
    """Return freed memory to the system, so that using it again is seen."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    raise ValueError(key)
