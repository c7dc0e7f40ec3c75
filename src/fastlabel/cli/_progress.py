"""The progress bar: on a terminal a bar with rate and time left, in a pipe silence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["images_bar"]


@contextmanager
def images_bar(text: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give a ``progress(done, total)`` for :func:`fastlabel.scan`, or None off a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=None, rate="")

        def progress(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:,.0f} images/s" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield progress
