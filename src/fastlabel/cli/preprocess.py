"""``fastlabel preprocess``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ._options import as_size


def _numbers(
    _ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """One number, or one a channel."""
    if value is None:
        return None
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no list of numbers; write 0.5, or 0.485,0.456,0.406"
        ) from None


@click.command("preprocess", short_help="Write the recipe of a model's input.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Where the recipe goes: preprocess.json.",
)
@click.option("--deploy", metavar="NAME|FILE", help="Size and fit of this deployment profile.")
@click.option("--size", callback=as_size, metavar="PIXELS|WIDTHxHEIGHT", help="Of the input.")
@click.option(
    "--fit",
    type=click.Choice(["letterbox", "stretch"]),
    help="Keep the ratio of the sides, or not [default: of the profile, or letterbox].",
)
@click.option("--interpolation", type=click.Choice(["linear", "area"]), default="linear")
@click.option("--order", type=click.Choice(["rgb", "bgr", "gray"]), default="rgb")
@click.option("--layout", type=click.Choice(["nchw", "nhwc"]), default="nchw")
@click.option(
    "--dtype", type=click.Choice(["float32", "float16", "uint8", "int8"]), default="float32"
)
@click.option("--scale", type=float, metavar="A", help="Of a byte [default: 1/255; uint8: 1].")
@click.option("--mean", callback=_numbers, metavar="A,B,C", help="In units of the scaled byte.")
@click.option("--std", callback=_numbers, metavar="A,B,C", help="In units of the scaled byte.")
@click.option(
    "--quantize",
    nargs=2,
    type=(float, int),
    metavar="SCALE ZERO",
    help="Of an int8 or uint8 input.",
)
@click.option("--color", callback=_numbers, metavar="A,B,C", help="Of the padding [default: 114].")
@click.option("--top-left", is_flag=True, help="All padding right and below.")
@click.option("--no-enlarge", is_flag=True, help="Leave small pictures as small as they are.")
def command(out: Path, **options: Any) -> int:
    """Write how a picture becomes the model's input: size, colour, numbers, layout.

    Training (`fl.Preprocess.load`), `fastlabel predict --preprocess` and the device
    (`fl_recipe_read`) read the same file and make the same bytes of it; `fastlabel parity` shows
    that they do. Numbers of channels are in the order of the input.
    """
    from ..recipe import Preprocess

    size, deploy = options["size"], options["deploy"]
    if size is None and deploy is None:
        raise click.UsageError("which input? give --deploy, or --size")
    settings = {name: options[name] for name in ("interpolation", "order", "layout", "dtype")}
    for name in ("scale", "mean", "std", "quantize"):
        if options[name] is not None:
            value = options[name]
            settings[name] = value[0] if name != "quantize" and _one(value) else value
    if options["color"] is not None:
        color = [int(part) if part.is_integer() else part for part in options["color"]]
        settings["color"] = color[0] if _one(color) else color
    if options["fit"] is not None:
        settings["stretch"] = options["fit"] == "stretch"
    settings.update(center=not options["top_left"], scale_up=not options["no_enlarge"])
    try:
        if deploy is None:
            recipe = Preprocess(size, **settings)
        else:
            more = {} if size is None else {"size": size}
            recipe = Preprocess.from_deploy(deploy, **settings, **more)
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    recipe.save(out)
    width, height = recipe.size
    click.echo(f"{out}: {width} x {height} {recipe.order} {recipe.dtype} {recipe.layout}")
    return 0


def _one(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 1


__all__ = ["command"]
