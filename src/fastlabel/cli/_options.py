"""Options that several commands have, so that they read and refuse alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = [
    "as_channels",
    "as_size",
    "engine",
    "kept_results",
    "overwrite",
    "read_as",
    "seed",
    "workers",
    "write_as",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

overwrite = click.option(
    "--overwrite", is_flag=True, help="Replace what is at DST, as a whole, once all is written."
)

write_as = click.option(
    "--to", type=click.Choice(["coco", "yolo", "voc"]), help="Format to write [default: as SRC]."
)

workers = click.option(
    "--workers",
    type=click.IntRange(0, 1024),
    default=0,
    metavar="N",
    help="Threads; 0 means one a CPU [default: 0].",
)

engine = click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="What decodes the images: this process, or tasks of Ray, on this machine or where "
    "RAY_ADDRESS says; then --workers is the number of tasks at a time.",
)


def read_as(*, images: bool) -> Decorator:
    """``--format``, passed as ``fmt``; with `images`, a folder without labels will do."""
    return click.option(
        "--format",
        "fmt",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", "coco", "yolo", "voc", *(["images"] if images else [])]),
        help="What to read the labels as.",
    )


def kept_results(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--cache``, ``--no-cache`` and ``--fresh``: results that are kept from scan to scan."""
    for option in (
        click.option(
            "--fresh", is_flag=True, help="Measure every image, and replace what is kept."
        ),
        click.option("--no-cache", is_flag=True, help="Keep no results, and use none."),
        click.option(
            "--cache",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Where results are kept, so that the next run decodes only what changed "
            "[default: $FASTLABEL_CACHE, or fastlabel/ in your cache folder].",
        ),
    ):
        command = option(command)
    return command


def seed(text: str) -> Decorator:
    """``--seed``; `text` says what it chooses."""
    return click.option(
        "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help=text
    )


def as_size(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """``640``, or ``640x384`` for width and height."""
    if value is None:
        return None
    parts = value.lower().split("x")
    if len(parts) > 2 or not all(p.isascii() and p.isdigit() and len(p) < 6 for p in parts):
        raise click.BadParameter(
            f"{value!r} is no size; write 640, or 640x384 for width and height"
        )
    return int(parts[0]), int(parts[-1])


def as_channels(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """``0.485,0.456,0.406``."""
    if value is None:
        return None
    try:
        numbers = tuple(float(part) for part in value.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 3:
        raise click.BadParameter(f"{value!r} is not three numbers; write 0.485,0.456,0.406")
    return numbers
