"""``fastlabel ignore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import overwrite, read_as, write_as
from ._progress import images_bar

if TYPE_CHECKING:
    from ..prepare.ignore_set import Result

#: Names of images that are printed of each kind; all are in the tables.
SHOWN = 10


@click.command("ignore", short_help="Turn boxes that cannot be learnt into ignore regions.")
@click.argument("src", type=click.Path(path_type=Path))
@click.argument("dst", type=click.Path(path_type=Path))
@click.option(
    "--deploy",
    metavar="NAME|FILE",
    help="Judge sizes for this deployment (edge-640, ..., or a TOML file).",
)
@read_as(images=False)
@write_as
@click.option(
    "--mask/--no-mask",
    default=False,
    help="Paint ignored regions over with the mean around them; targets stay as they are.",
)
@click.option("--link/--copy", default=False, help="Hard links to the pictures, not copies.")
@overwrite
def command(src: Path, dst: Path, **options: Any) -> int:
    """Write the data set SRC anew as DST, with ignore regions and training weights.

    The rules are those of [ignore_regions] in fastlabel.toml; without one, boxes under the
    deployment's smallest target are ignored (under 15 x 15 px at 1080p where none is named).
    SRC is never changed. DST/ignored.parquet names every changed box, the rule, the value and
    the threshold.
    """
    from dataclasses import replace

    from .. import config as settings
    from ..prepare.ignore import IgnoreRules
    from ..prepare.ignore_set import ignore

    config = settings.load()
    rules = IgnoreRules.from_table(config.ignore_regions, config.where("ignore_regions"))
    rules = replace(rules, box_convention=config.box_convention)
    with images_bar("writing") as progress:
        result = ignore(
            src,
            dst,
            rules,
            deploy=options["deploy"] or config.deploy,
            format=options["fmt"],
            to=options["to"],
            mask=options["mask"],
            link=options["link"],
            overwrite=options["overwrite"],
            progress=progress,
        )
    _print(result, dst)
    return int(bool(result.pictures.missing or result.pictures.unmasked))


def _print(result: Result, dst: Path) -> None:
    from ..report.text import count, visible

    marked, written, pictures = result.marked, result.written, result.pictures
    for change, rule, category, boxes in marked.counts():
        click.echo(f"{change:<7}{rule:<17}{visible(category):<20}{boxes:>9,}")
    ignored = len({r for r, c in _pairs(marked) if c == "ignore"})
    weighted = len({r for r, c in _pairs(marked) if c == "weight"})
    click.echo(f"{ignored:,} of {marked.judged:,} boxes ignored, {weighted:,} given a weight")
    if not ignored and not weighted:
        click.echo("no box meets a rule; the labels are written as they were")
    if marked.unjudged:
        click.echo(f"{marked.unjudged:,} boxes not judged by size: their image's is unknown")
    for note in marked.notes:
        click.echo(f"note: {visible(note)}")
    if result.unread:
        click.echo(
            f"not read: {result.unread:,} rows or files of the source, so not in the new set; "
            "`fastlabel check` names them"
        )
    for line in written.lines():
        click.echo(f"not carried: {visible(line)}")
    if pictures.masked:
        click.echo(f"{count(pictures.masked, 'picture')} with regions painted over")
    _list("no picture", pictures.missing)
    _list("not masked", [f"{name}: {reason}" for name, reason in pictures.unmasked])
    click.echo(f"{visible(str(dst))}: {count(written.images, 'image')} as {written.format}")


def _pairs(marked: Any) -> list[tuple[int, str]]:
    changes = marked.changes
    return list(
        zip(changes["annotation_id"].to_pylist(), changes["change"].to_pylist(), strict=True)
    )


def _list(what: str, names: list[str]) -> None:
    from ..report.text import visible

    for name in names[:SHOWN]:
        click.echo(f"{what}: {visible(name)}")
    if len(names) > SHOWN:
        click.echo(f"{what}: and {len(names) - SHOWN:,} more")
