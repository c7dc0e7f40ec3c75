"""``fastlabel parity``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ._options import as_size


def _window(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        sides = tuple(int(part) for part in value.split(","))
    except ValueError:
        sides = ()
    if len(sides) != 4:
        raise click.BadParameter(f"{value!r} is no window; write X1,Y1,X2,Y2")
    return sides


@click.command("parity", short_help="Print the hash of a model's input.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["gray", "rgb", "bgr", "nv12", "nv21", "yuyv"]),
    help="The files are raw frames of this format; give --size too.",
)
@click.option("--size", callback=as_size, metavar="WIDTHxHEIGHT", help="Of the raw frames.")
@click.option("--matrix", type=click.Choice(["bt601", "bt709"]), default="bt601", help="Of YUV.")
@click.option("--full-range", is_flag=True, help="Y is 0 to 255, not 16 to 235.")
@click.option("--window", callback=_window, metavar="X1,Y1,X2,Y2", help="Only this part.")
def command(recipe: Path, images: tuple[Path, ...], **options: Any) -> int:
    """Print the hash of the input that RECIPE makes of each picture.

    The program `parity` of the C library prints the same lines on the device. The hash is XXH3-128
    of the input's bytes and of a text such as "int8 nchw 1x3x640x640": equal hashes are equal
    inputs. JPEG is decoded by the decoder of fastlabel, other formats by OpenCV. Exit code 1: some
    pictures could not be read.
    """
    from .. import config
    from ..predictions.run import decoded
    from ..recipe import Preprocess
    from ..report.text import visible
    from ..scan import Limits

    form, size = options["form"], options["size"]
    if (form is None) != (size is None):
        raise click.UsageError("--format and --size go together: they are of raw frames")
    loaded = Preprocess.load(recipe)
    limits = Limits.of(config.load())
    settings = {name: options[name] for name in ("matrix", "full_range", "window")}
    failed = 0
    for image in images:
        try:
            data = image.read_bytes()
            frame = decoded(data, limits) if form is None else _frame(data, form, size)
            if not hasattr(frame, "dtype"):
                raise ValueError(f"{frame.detail} ({frame.status})")
            line = f"{loaded.hash(frame, format=form, **settings)}  {image}"
            click.echo(visible(line))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            click.echo(visible(f"fastlabel: {image}: {reason}"), err=True)
            failed = 1
    return failed


def _frame(data: bytes, form: str, size: tuple[int, int]) -> Any:
    """A raw frame, its planes one after the other without padding."""
    import numpy as np

    width, height = size
    shared, pairs = form in ("nv12", "nv21"), form == "yuyv"
    if width < 1 or height < 1 or (shared and height % 2) or ((shared or pairs) and width % 2):
        even = ", even where the format shares colour" if shared or pairs else ""
        raise ValueError(f"--size: got {width}x{height}, expected sides of 1 or more{even}")
    if shared:
        shape: tuple[int, ...] = (height * 3 // 2, width)
    else:
        shape = {"gray": (height, width), "yuyv": (height, width, 2)}.get(form, (height, width, 3))
    expected = int(np.prod(shape))
    if len(data) != expected:
        raise ValueError(
            f"has {len(data)} bytes, expected {expected} for a {form} frame of {width} x {height}"
        )
    return np.frombuffer(data, np.uint8).reshape(shape)


__all__ = ["command"]
