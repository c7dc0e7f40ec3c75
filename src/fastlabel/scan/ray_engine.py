"""The engine ``ray``: the same work as tasks of Ray Data, on this machine or on a cluster."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from ..config import ConfigError
from ..dataset import as_numpy
from ..source import ImageSource
from .jobs import Jobs
from .limits import Limits
from .partial import Partial, Tree
from .transport import agree, measure_rows, parted, tool, work

__all__ = ["ray_data", "run"]

#: Bytes of pictures a task, some half a second of decoding: starting it does not show, and the
#: last ones do not keep one CPU waiting for another.
_TASK_BYTES = 32 << 20
_FEWEST, _MOST = 16, 4096
#: A small set is cut finer, into this many tasks for each CPU.
_TASKS_A_CPU = 4
#: Taken for the size of a picture where the source does not know it.
_USUAL = 64 << 10


def run(
    jobs: Jobs,
    workers: int,
    limits: Limits,
    progress: Callable[[int, int], None] | None,
    batch_size: int = 0,
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Scan all jobs; yields (image_stats, box_stats) batches as they are done, in any order.

    ``workers`` is the number of tasks at a time, each with one native thread; 0 means one a CPU
    of the cluster. The cluster is the one that the program is connected to, else the one that
    ``RAY_ADDRESS`` names, else one of this machine's CPUs that ends with the scan. The workers
    must see the files, if the source gives paths, and have the same version of fastlabel.
    ``batch_size`` is the number of images a task; 0: as many as are some 32 MB.

    Raises
    ------
    ImportError
        Without Ray.
    ConfigError
        If there is no cluster at ``RAY_ADDRESS``.
    RuntimeError
        If Ray gives up a task, or does not give every image back once.
    """
    if not 0 <= workers <= 1024:
        raise ValueError(f"workers: got {workers}, expected 0 (one a CPU) to 1024")
    if len(jobs) == 0:
        return
    jobs = jobs.in_reading_order()
    ray = ray_data()
    with _cluster(ray, workers) as cpus, _quiet(ray):
        size = batch_size or _task_size(jobs, cpus)
        tree = Tree()
        done = 0
        for images, boxes, parts in _results(ray, jobs, limits, workers, size):
            for partial in parts:
                tree.add(partial)
            done += images.num_rows
            yield images, boxes
            if progress is not None:
                progress(done, len(jobs))
        total = tree.total()
        if (total.images, done, total.boxes) != (len(jobs), len(jobs), len(jobs.box_ids)):
            raise RuntimeError(
                f"ray: got {done:,} images, and summaries of {total.images:,} images and "
                f"{total.boxes:,} boxes, expected {len(jobs):,} and {len(jobs.box_ids):,}"
            )


def _task_size(jobs: Jobs, cpus: int) -> int:
    """Images a task, by the size of some of them."""
    there = jobs.rows[(jobs.rows >= 0) & ~jobs.escaped]
    some = there[np.linspace(0, max(len(there) - 1, 0), min(len(there), 64)).astype(np.int64)]
    sizes = as_numpy(jobs.source.stamps(some).field("size").drop_null())
    usual = max(float(sizes.mean()), 1.0) if len(sizes) else _USUAL
    fair = -(-len(jobs) // (cpus * _TASKS_A_CPU))
    return max(min(int(_TASK_BYTES / usual), _MOST, fair), _FEWEST)


def ray_data() -> Any:
    """The package ray, with ray.data.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(
            'the engine ray needs Ray Data, which is not installed: pip install "fastlabel[ray]"'
        ) from error
    return ray


@contextmanager
def _cluster(ray: Any, workers: int) -> Iterator[int]:
    """A cluster to use, and how many of its CPUs; one that was made for this is ended after."""
    mine = not ray.is_initialized()
    if mine:
        _connect(ray, workers)
    try:
        cpus = max(int(ray.cluster_resources().get("CPU", 1)), 1)
        yield min(cpus, workers) if workers else cpus
    finally:
        if mine:
            ray.shutdown()


def _connect(ray: Any, workers: int) -> None:
    # An audit of local files calls nobody.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    address = os.environ.get("RAY_ADDRESS")
    if not address or address == "local":
        cpus = workers or len(os.sched_getaffinity(0))
        ray.init(address="local", num_cpus=cpus, include_dashboard=False, **quiet)
        return
    try:
        _knock(address)
        ray.init(address=address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"RAY_ADDRESS: {address}: no Ray cluster answers ({error}); start one with `ray start "
            "--head` (where it wants tokens, set RAY_AUTH_MODE=token), or unset it to use this "
            "machine"
        ) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray would end the process, with the code of findings."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _results(
    ray: Any, jobs: Jobs, limits: Limits, workers: int, size: int
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch, list[Partial]]]:
    ranges = [(k, min(k + size, len(jobs))) for k in range(0, len(jobs), size)]
    source = ray.put(jobs.source) if jobs.source.slow else None

    here = tool()

    def measured(batch: pa.Table) -> pa.Table:
        agree(here)
        return pa.Table.from_batches(
            [measure_rows(batch, workers=1, limits=limits, source=_here(source))]
        )

    try:
        given = ray.data.from_arrow(
            [pa.Table.from_batches([work(jobs, a, b, limits.max_bytes)]) for a, b in ranges]
        )
        found = given.map_batches(
            measured,
            batch_size=None,
            batch_format="pyarrow",
            zero_copy_batch=True,
            num_cpus=1,
            concurrency=workers or None,
        )
        for block in found.iter_batches(batch_size=None, batch_format="pyarrow"):
            yield parted(block)
    except ray.exceptions.RayError as error:
        raise RuntimeError(f"ray: {_cause(error)}") from error


@contextmanager
def _quiet(ray: Any) -> Iterator[None]:
    """Ray Data without bars and notes of its own; as it was afterwards."""
    context = ray.data.DataContext.get_current()
    log = logging.getLogger("ray.data")
    bars, level = context.enable_progress_bars, log.level
    context.enable_progress_bars = False
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = bars
        log.setLevel(level)


#: In a worker: the source that its tasks read from, unpacked once.
_unpacked: dict[Any, ImageSource] = {}


def _here(source: Any) -> ImageSource | None:
    if source is None:
        return None
    if source not in _unpacked:
        import ray

        _unpacked.clear()
        _unpacked[source] = ray.get(source)
    return _unpacked[source]


def _cause(error: BaseException) -> str:
    """What went wrong in a worker, on one line: the end of the first traceback."""
    text = str(error).partition("\n\nThe above exception was")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
