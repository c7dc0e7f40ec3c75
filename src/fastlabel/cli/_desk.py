"""The page of ``fastlabel review``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset import DatasetError
from ._checked import as_checked
from ._outside import keep_out_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..dataset import Dataset
    from ..predictions import Predictions
    from ..sandbox.desk import Desk

__all__ = ["look"]


def look(
    data: Path,
    file: Path,
    findings: pa.Table,
    target: Path,
    *,
    fmt: str,
    predictions: Callable[[Dataset], Predictions | None],
    first: int | None,
    port: int,
    browser: bool,
) -> int:
    """Start the desk and serve it until Ctrl-C.

    Parameters
    ----------
    data : pathlib.Path
        The data set.
    file, findings
        ``findings.parquet``, and what stands in it.
    target : pathlib.Path
        Where the plan goes.
    fmt, predictions, first, port, browser
        As the options of the command say.
    """
    from ..sandbox.serving import missing_extra

    lacking = missing_extra()
    if lacking is not None:
        raise click.ClickException(lacking)
    folder = file.parent
    keep_out_of(target, data, what="the plan", remedy="choose another place with -o")
    keep_out_of(
        folder, data, what="the journal of the review", remedy="run check with another --out"
    )
    from ..config import load
    from ..formats import read
    from ..sandbox.desk import JOURNAL, Desk, stamp_of
    from ..sandbox.journal import Journal

    dataset = as_checked(read(data, fmt), folder)
    guesses = predictions(dataset)
    root = Path(dataset.root).resolve()
    inside = data.is_file() and data.resolve().is_relative_to(root)
    journal = Journal(folder / JOURNAL, stamp_of(file))
    try:
        desk = Desk(
            dataset,
            findings,
            journal,
            predictions=guesses,
            config=load(),
            file=data.resolve().relative_to(root).as_posix() if inside else None,
        )
        _require(desk, first, file)
        return _serve(desk, target, first, port, browser)
    finally:
        journal.close()


def _require(desk: Desk, first: int | None, file: Path) -> None:
    """Refuse a finding that no card shows, before the page does."""
    if first is None:
        return
    if first >= len(desk.cards.at):
        raise DatasetError(f"{file}: has {len(desk.cards.at):,} findings; row {first:,} is none")
    if desk.cards.at[first] < 0:
        raise DatasetError(
            f"{file}: finding {first:,} is about the set as a whole, so no picture shows it"
        )


def _serve(desk: Desk, target: Path, first: int | None, port: int, browser: bool) -> int:
    from ..report.text import count
    from ..sandbox.desk_app import desk_app
    from ..sandbox.serving import serve

    about: dict[str, Any] = desk.about()
    before = about["earlier"]
    told = f", {count(before, 'decision')} from before" if before else ""
    click.echo(
        f"{count(about['cards'], 'finding')} to look at{told}; Ctrl-C ends it, decisions are kept",
        err=True,
    )
    if about["moved"] is not None:
        click.echo(
            "These findings are not those of the last review: its decisions are in "
            f"{about['moved']}",
            err=True,
        )
    return serve(
        lambda token, chosen: desk_app(desk, target, token=token, port=chosen, first=first),
        port=port,
        browser=browser,
        say=click.echo,
    )
