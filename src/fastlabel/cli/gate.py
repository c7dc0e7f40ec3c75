"""``fastlabel gate``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from ._options import read_as, workers
from ._outside import keep_out_of
from ._progress import images_bar

_SHOWN = 20


def _size(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    if value is None:
        return None
    sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", value.lower())
    if sides is None:
        raise click.BadParameter(f"{value!r} is no size; write WIDTHxHEIGHT, such as 320x240")
    return int(sides[1]), int(sides[2])


@click.command("gate", short_help="Fit a camera's frame gate to the good images of a set.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE.h",
    help="C header to write; the same limits go to FILE.json beside it.",
)
@click.option(
    "--size",
    callback=_size,
    metavar="WIDTHxHEIGHT",
    help="Of the camera's frames [default: those of --deploy].",
)
@click.option("--deploy", metavar="NAME|FILE", help="Deployment whose camera it is.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.98,
    show_default=True,
    help="Of the good images, so many pass at least.",
)
@click.option(
    "--light",
    type=click.Choice(["full", "limited"]),
    default="full",
    show_default=True,
    help="Range of the camera's luma: 0 to 255, or 16 to 235 as video has it.",
)
@click.option(
    "--min-motion",
    type=click.FloatRange(0, 255),
    default=1.5,
    show_default=True,
    metavar="LEVELS",
    help="A frame is still when no cell of the grid changes by so many grey levels; 0: never.",
)
@click.option("--prefix", default="gate", show_default=True, help="Of the names in the header.")
@click.option("--split", metavar="S", help="Only this split.")
@workers
@read_as(images=True)
def command(
    data: Path,
    out: Path,
    size: tuple[int, int] | None,
    deploy: str | None,
    share: float,
    light: str,
    min_motion: float,
    prefix: str,
    split: str | None,
    workers: int,
    fmt: str,
) -> int:
    """Fit the limits of a frame gate to the good images of DATA, and write them for C.

    Good images have no finding of family FL4 (see `fastlabel check DATA --select FL4`). Exit code
    1: some images could not be read; the limits are those of the rest.
    """
    from .. import config
    from .. import deploy as deployments
    from .._output import write_whole
    from ..dataset import DatasetError
    from ..formats import read
    from ..gate import fit_gate
    from ..report.text import visible

    if size is None:
        camera = None if deploy is None else deployments.load(deploy).camera
        if camera is None:
            raise click.UsageError("which camera? give --size WIDTHxHEIGHT, or a --deploy with one")
        size = (camera.width, camera.height)
    if out.suffix.lower() == ".json":
        raise DatasetError(f"{out}: is what the JSON beside the header is called; write FILE.h")
    if not data.exists():
        raise DatasetError(f"{data}: no such file or folder; name the folder of the data set")
    ds = read(data, fmt)
    keep_out_of(out, ds.root, what="the header", remedy="choose another place for it with -o")
    try:
        with images_bar("measuring") as progress:
            fit = fit_gate(
                ds,
                *size,
                share=share,
                light=light,
                min_motion=min_motion,
                split=split,
                config=config.load(),
                workers=workers,
                progress=progress,
            )
        text, numbers = fit.header(prefix), fit.json()
    except ValueError as error:
        if isinstance(error, (DatasetError, config.ConfigError)):
            raise
        raise click.UsageError(str(error)) from error
    beside = out.with_suffix(".json")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(
        {
            out: lambda part: part.write_text(text, encoding="ascii"),
            beside: lambda part: part.write_text(numbers, encoding="ascii"),
        }
    )
    click.echo(
        f"{visible(str(out))}: {fit.passed:,} of {fit.good:,} good images pass at {fit.width} x "
        f"{fit.height}"
    )
    for why, n in fit.left_out.items():
        click.echo(f"  left out       {n:,} {why}")
    if fit.smaller:
        click.echo(f"  as they are    {fit.smaller:,} with fewer pixels than a frame")
    for name in fit.limits.fixed():
        click.echo(f"  {name:<14} {getattr(fit.limits, name):.6g}")
    if fit.few:
        click.echo(f"  {fit.good:,} images are few to fit limits to", err=True)
    for name in fit.unreadable[:_SHOWN]:
        click.echo(f"  unreadable: {visible(name)}", err=True)
    if len(fit.unreadable) > _SHOWN:
        click.echo(f"  and {len(fit.unreadable) - _SHOWN:,} more", err=True)
    return int(bool(fit.unreadable))
