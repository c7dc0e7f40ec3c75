"""``fastlabel sample``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("sample", short_help="Draw a small labelled data set with planted faults.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["coco", "yolo", "voc"]),
    default="coco",
    show_default=True,
    help="Label format to write.",
)
@click.option(
    "--scenes",
    type=click.IntRange(56, 1000),
    default=60,
    show_default=True,
    help="Scenes to draw; about half of them carry a fault.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same bytes."
)
def command(folder: Path, fmt: str, scenes: int, seed: int) -> None:
    """Draw a labelled set into FOLDER, with faults that truth.json names.

    `fastlabel check FOLDER --deploy edge-640 --truth FOLDER/truth.json` then says how many
    of them it found.
    """
    from ..sample import make_sample

    truth = make_sample(folder, format=fmt, seed=seed, scenes=scenes)
    click.echo(f"{folder}: {fmt} data set with {len(truth['faults'])} planted faults")
