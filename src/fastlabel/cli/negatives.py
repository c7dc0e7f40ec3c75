"""``fastlabel negatives``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import ConfigError
from ._options import read_as, workers
from ._progress import images_bar

if TYPE_CHECKING:
    from ..prepare.negatives import NegativesAdded

#: Failed files that are named.
_NAMED = 5


@click.group("negatives", short_help="Add frames with no object in them, as a new data set.")
def command() -> None:
    """Frames with no object in them, as labelled rows of a data set.

    fastlabel negatives add DATA FRAMES -o NEW
    """


@command.command("add")
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("frames", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), metavar="NEW",
    help="The new data set.",
)  # fmt: skip
@click.option(
    "--pred",
    "predictions",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What a model says of FRAMES: only its false alarms are added, the surest first.",
)
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Least score of a false alarm.",
)
@click.option(
    "--crop",
    type=click.IntRange(32, 65_500),
    default=640,
    show_default=True,
    help="Side of the window around a false alarm in a picture that has labels.",
)
@click.option(
    "--share", type=float, metavar="S", help="Add until this share of the split is empty."
)
@click.option("--count", type=int, metavar="N", help="Or: add so many [default: all].")
@click.option("--split", help="Where they go [default: train].")
@read_as(images=False)
@click.option(
    "--to", type=click.Choice(["coco", "yolo", "voc"]), help="Format to write [default: as DATA]."
)
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True)
@click.option("--link", is_flag=True, help="Hard links instead of copies of whole pictures.")
@workers
@click.option("--overwrite", is_flag=True, help="Replace NEW, as a whole, once all is written.")
def add(data: Path, frames: tuple[Path, ...], out: Path, **options: Any) -> int:
    """Write DATA anew as NEW, with the pictures of FRAMES as checked negatives.

    FRAMES are folders of pictures with no object in them, or labelled sets, of which the images
    with an empty label record are taken: those of `fastlabel tile`, for example. With --pred only
    what the model falsely calls an object: whole pictures, or windows that no label reaches into.
    NEW has negatives.parquet, a row each, and negatives.html to look at. Exit code 1: some
    pictures could not be used; the rest was added.
    """
    from .. import config
    from ..prepare.negatives import add_negatives
    from ..scan.limits import Limits

    options["format"] = options.pop("fmt")
    limits = Limits.of(config.load())
    try:
        with images_bar("adding") as progress:
            made = add_negatives(
                data, list(frames), out, limits=limits, progress=progress, **options
            )
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    _print(made)
    return int(bool(made.failures or made.pictures.missing))


def _print(made: NegativesAdded) -> None:
    from ..report.text import count, percent, visible

    s = made.summary
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in s["by_kind"].items())
    where = f" to {visible(s['split'])}" if s["split"] is not None else ""
    click.echo(
        f"Added      {count(s['added'], 'negative')}{where} ({kinds}) of {s['found']:,} found"
    )
    name = s["split"] or "all"
    after = s["after"][name]
    before = s["before"].get(name, {"negatives": 0, "images": 0, "share": 0.0})
    click.echo(
        f"Share      {percent(before['share'])} before ({before['negatives']:,} of "
        f"{before['images']:,}), {percent(after['share'])} now ({after['negatives']:,} of "
        f"{after['images']:,})"
    )
    for split, row in s["after"].items():
        if split != name:
            click.echo(f"           {visible(split)}: {percent(row['share'])}, as it was")
    short = s["wanted_share"] is not None and after["share"] < s["wanted_share"] - 1e-9
    if short or (s["wanted_count"] or 0) > s["added"]:
        asked = s["wanted_count"] or percent(s["wanted_share"])
        click.echo(f"Not met    {asked} was asked for; give more frames")
    for why, n in s["left_out"].items():
        click.echo(f"Left out   {n:,} {why}")
    for loss in made.written.losses:
        click.echo(f"Not kept   {loss.count:,} {visible(loss.kind)}: {visible(loss.message)}")
    for name, why in made.failures[:_NAMED]:
        click.echo(f"Failed     {visible(name)}: {visible(why)}")
    if len(made.failures) > _NAMED:
        click.echo(f"Failed     and {len(made.failures) - _NAMED:,} more")
    if made.pictures.missing:
        click.echo(f"Missing    {count(len(made.pictures.missing), 'picture')} of DATA itself")
    click.echo(f"\n{made.folder}: data set with its negatives; look at negatives.html")


__all__ = ["command"]
