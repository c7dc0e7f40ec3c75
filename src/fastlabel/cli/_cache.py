"""Results kept from scan to scan, as the command line asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._outside import keep_out_of

if TYPE_CHECKING:
    from ..config import Config
    from ..scan import Cache

__all__ = ["cache_to_use", "going_on", "say_reused"]


def cache_to_use(config: Config, options: Mapping[str, Any], data: Iterable[str]) -> Cache | None:
    """The cache that options and configuration name; the usual one by default.

    Raises
    ------
    click.UsageError
        For options that contradict each other.
    DatasetError
        For a named folder in the data set, or one that cannot be written to.
    """
    from ..scan import Cache

    named, none = options["cache"], options["no_cache"]
    if none and (named is not None or options["fresh"]):
        other = "--cache" if named is not None else "--fresh"
        raise click.UsageError(f"--no-cache and {other} contradict each other; leave one out")
    if none or (named is None and config.cache is False):
        return None
    if named is None and isinstance(config.cache, str):
        named = Path(config.cache)
    if named is not None:
        for place in data:
            if not Path(place).is_dir():  # an archive or a URL: nothing can be put into it
                continue
            keep_out_of(
                named,
                Path(place),
                what="the cache",
                remedy="choose another folder with --cache, or none with --no-cache",
            )
    return Cache.open(named, fresh=options["fresh"], notify=_say)


@contextmanager
def going_on(cache: Cache | None) -> Iterator[None]:
    """Let an interrupt say how to go on, once there are results that were kept."""
    from ..scan.cache import GO_ON

    try:
        yield
    except KeyboardInterrupt:
        if cache is None or cache.outcome is None:
            raise
        raise KeyboardInterrupt(GO_ON) from None


def say_reused(cache: Cache | None) -> None:
    """Say how many images were not decoded, if any: about this run, so not on stdout."""
    if cache is None or cache.outcome is None or not cache.outcome.reused:
        return
    told = cache.outcome
    _say(f"{told.reused:,} of {told.images:,} images from the cache {cache.folder}")


def _say(text: str) -> None:
    from ..report.text import visible

    click.echo(f"fastlabel: {visible(text)}", err=True)
