"""``fastlabel paste``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import ConfigError
from ._options import overwrite, read_as, seed, workers, write_as
from ._progress import images_bar

if TYPE_CHECKING:
    from ..prepare.paste import PasteResult

#: Failed files that are named; the rest is counted and stands in paste.json.
_NAMED = 20


@click.command("paste", short_help="Paste shrunken objects onto other pictures, as a new set.")
@click.argument("src", type=click.Path(path_type=Path))
@click.argument("dst", type=click.Path(path_type=Path))
@click.option(
    "--deploy",
    metavar="NAME|FILE",
    help="Sizes are those at this deployment's input [default: 640 x 640, stride 8].",
)
@click.option("--share", type=float, metavar="S", help="Share of all boxes wanted in the band.")
@click.option("--count", type=int, metavar="N", help="Or: how many objects to paste.")
@click.option(
    "--between",
    default="1,3",
    show_default=True,
    metavar="LOW,HIGH",
    help="The band: short side of a box at the input, in strides.",
)
@click.option(
    "--distribution",
    metavar="LOW-HIGH:S,...",
    help="Or: several bands and the share wanted of each, e.g. 1-2:0.1,2-4:0.1.",
)
@click.option(
    "--classes",
    multiple=True,
    metavar="NAME[=WEIGHT],...",
    help="Classes to paste, by weight [default: all, as often as they occur].",
)
@click.option("--split", "splits", multiple=True, help="Split to paste into [default: train].")
@click.option(
    "--backgrounds",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="A set or folder of pictures that hold none of the classes; may be given again.",
)
@read_as(images=True)
@write_as
@click.option(
    "--blend",
    type=click.Choice(["feather", "alpha", "rectangle", "poisson", "multiband"]),
    default="feather",
    show_default=True,
    help="How an object meets the picture.",
)
@click.option("--no-match", is_flag=True, help="Do not match noise, sharpness and brightness.")
@click.option(
    "--max-hidden",
    type=float,
    default=0.3,
    show_default=True,
    metavar="S",
    help="Most of an existing box that may be hidden.",
)
@click.option(
    "--when-hidden",
    type=click.Choice(["refuse", "ignore"]),
    default="refuse",
    show_default=True,
    help="Where more would be hidden: seek another place, or make the box an ignore region.",
)
@click.option(
    "--max-on-boxes",
    type=float,
    default=0.3,
    show_default=True,
    metavar="S",
    help="Most of a pasted object that may lie on existing boxes.",
)
@click.option("--max-per-image", type=int, default=10, show_default=True, metavar="N")
@click.option(
    "--placement",
    type=click.Choice(["learnt", "uniform"]),
    default="learnt",
    show_default=True,
    help="Rows by the perspective learnt from the boxes, or all alike.",
)
@click.option("--flip", is_flag=True, help="Mirror half of the objects.")
@click.option("--own-image", is_flag=True, help="Let an object go into the image it comes from.")
@click.option("--grabcut", is_flag=True, help="Cut objects that have only a box by GrabCut.")
@click.option("--min-quality", type=float, metavar="Q", help="Least quality of an object, 0 to 1.")
@click.option("--quality", type=int, default=95, show_default=True, help="Of the JPEGs written.")
@click.option("--link", is_flag=True, help="Hard links instead of copies of unchanged files.")
@seed("Same seed, same bytes.")
@workers
@click.option("--sheet", is_flag=True, help="Write a contact sheet, paste-sheet.html, into DST.")
@click.option("--audit", is_flag=True, help="Say how well pasted objects are told from real ones.")
@overwrite
def command(src: Path, dst: Path, **options: Any) -> int:
    """Paste shrunken objects of the set SRC onto its images, as the new data set DST.

    Objects are cut out of polygons, masks or boxes alone; only good ones are taken, and nothing
    is enlarged. DST has ledger.parquet, a row a paste, and paste.json. SRC is never changed.
    Exits with 1 when a file could not be used, or less was reached than was wanted.
    """
    from ..prepare.paste import paste

    options["format"] = options.pop("fmt")
    options["match"] = not options.pop("no_match")
    options["between"] = _interval(options["between"], "--between")
    options["classes"] = _classes(options["classes"])
    options["splits"] = list(options["splits"]) or None
    options["distribution"] = _distribution(options["distribution"])
    try:
        with images_bar("pasting") as progress:
            made = paste(src, dst, progress=progress, **options)
    except ConfigError:
        raise
    except ValueError as error:  # of an option: its name, what it got and what is expected
        raise click.UsageError(str(error)) from error
    _print(made, options["deploy"])
    reached = all(band["reached"] for band in made.summary["bands"])
    return int(bool(made.failures) or not reached)


def _interval(text: str, name: str) -> tuple[float, float]:
    parts = text.split(",")
    try:
        low, high = (float(part) for part in parts)
    except ValueError as error:
        raise click.UsageError(f"{name}: got {text!r}, expected LOW,HIGH, e.g. 1,3") from error
    return low, high


def _classes(given: tuple[str, ...]) -> dict[str, float] | None:
    weights = {}
    for word in (part.strip() for text in given for part in text.split(",")):
        if not word:
            continue
        name, sign, weight = word.rpartition("=")
        try:
            weights[name if sign else word] = float(weight) if sign else 1.0
        except ValueError as error:
            raise click.UsageError(
                f"--classes: got {word!r}, expected NAME or NAME=WEIGHT"
            ) from error
    return weights if given else None


def _distribution(text: str | None) -> list[tuple[float, float, float]] | None:
    if text is None:
        return None
    rows = []
    for part in text.split(","):
        band, _, share = part.partition(":")
        low, _, high = band.partition("-")
        try:
            rows.append((float(low), float(high), float(share)))
        except ValueError as error:
            raise click.UsageError(
                f"--distribution: got {part!r}, expected LOW-HIGH:SHARE, e.g. 1-2:0.1"
            ) from error
    return rows


def _print(made: PasteResult, deploy: str | None) -> None:
    from ..report.text import count, number, percent, visible

    s = made.summary
    settings = s["settings"]
    width, height = settings["input"]
    assumed = "" if deploy else " (assumed: no --deploy)"
    click.echo(f"Input      {width} x {height}, stride {settings['stride']}{assumed}")
    good = s["bank"].get("accepted", 0)
    refused = [f"{n:,} {why}" for why, n in s["bank"].items() if why != "accepted"]
    tail = f"; refused: {visible(', '.join(refused))}" if refused else ""
    click.echo(f"Bank       {count(good, 'object')} good enough{tail}")
    for band in s["bands"]:
        name = f"{number(band['low'])} to {number(band['high'])} strides"
        if band["wanted_share"] is not None:
            click.echo(
                f"Wanted     {percent(band['wanted_share'])} of boxes at {name}: "
                f"{percent(band['share_before'])} before, {percent(band['share_after'])} now, "
                f"by {count(band['pasted'], 'paste')}"
            )
        else:
            click.echo(
                f"Wanted     {count(band['wanted_count'], 'paste')} at {name}: "
                f"{band['pasted']:,} made, {percent(band['share_before'])} of boxes before, "
                f"{percent(band['share_after'])} now"
            )
        if not band["reached"]:
            click.echo(f"Not met    {count(band['lacking'], 'paste')} short: {band['why_not']}")
    others = [f"{n:,} {visible(why)}" for why, n in s["outcomes"].items() if why != "pasted"]
    if others:
        click.echo(f"Tries      {'; '.join(others)}")
    for why, n in s["left_out"].items():
        click.echo(f"Aside      {why}: {n:,}")
    if s["covered_boxes"]:
        click.echo(
            f"Covered    {count(s['covered_boxes'], 'existing box', 'existing boxes')} in part, "
            f"{s['ignored_boxes']:,} so far that they are ignore regions now"
        )
    if s["too_faint"]:
        where = "it came to stand: an ignore region"
        if s["too_faint"] > 1:
            where = "they came to stand: ignore regions"
        click.echo(
            f"Faint      {count(s['too_faint'], 'paste')} too faint to be seen where {where}"
        )
    if "audit" in s:
        click.echo(f"Seams      {_audit(s['audit'])}")
    for line in s["not_carried"]:
        click.echo(f"Not kept   {visible(line)}")
    for name, why in made.failures[:_NAMED]:
        click.echo(f"Failed     {visible(name)}: {visible(why)}")
    if len(made.failures) > _NAMED:
        click.echo(f"Failed     and {len(made.failures) - _NAMED:,} more, see paste.json")
    boxes = count(s["pasted"], "object")
    click.echo(f"\n{made.folder}: {settings['format']} data set with {boxes} pasted")


def _audit(found: dict[str, Any] | None) -> str:
    if found is None:
        return "too few objects of 4 px and more for a judgement"
    low, high = found["interval"]
    return (
        f"AUC {found['auc']:.2f} ({low:.2f} to {high:.2f}), 0.5 is invisible. Compared were "
        f"{found['real']:,} objects in their own pictures and {found['pasted']:,} pasted into "
        "others, at this run's sizes, in pictures shrunk as a whole"
    )
