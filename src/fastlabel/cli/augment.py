"""``fastlabel augment``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import overwrite, read_as, seed, workers, write_as
from ._progress import images_bar

if TYPE_CHECKING:
    from ..augment import AugmentResult, Recipe
    from ..dataset import Dataset

#: Failed files that are named; the rest is counted and stands in augment.json.
_NAMED = 20


@click.command("augment", short_help="Write a set with augmented copies of its images.")
@click.argument("src", type=click.Path(path_type=Path))
@click.argument("dst", type=click.Path(path_type=Path))
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML with [[stages]] [default: the restrained recipe].",
)
@click.option(
    "--copies",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    metavar="N",
    help="Augmented copies of each image.",
)
@click.option("--no-originals", is_flag=True, help="Write the augmented copies alone.")
@click.option(
    "--split",
    "splits",
    multiple=True,
    help="Split to augment [default: train; all where none is declared].",
)
@read_as(images=False)
@write_as
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=95,
    show_default=True,
    help="Of the JPEGs written.",
)
@click.option("--link", is_flag=True, help="Hard links instead of copies of unchanged files.")
@seed("Same seed, same bytes.")
@workers
@click.option(
    "--sheet", is_flag=True, help="Write augment-sheet.html: each operation at three strengths."
)
@click.option(
    "--force", is_flag=True, help="Go on with a recipe that `lint-augment` calls an error for SRC."
)
@overwrite
def command(src: Path, dst: Path, **options: Any) -> int:
    """Write the data set SRC with augmented copies of its images, as the new set DST.

    Boxes, polygons, oriented boxes and regions to ignore move with the pixels. DST has the
    recipe, ledger.parquet (a row a stage that a copy got), ledger-boxes.parquet (a row a box of
    a copy, and how tight it is) and augment.json. Splits other than the one augmented are
    carried unchanged. SRC is never changed. Exit code 1: some images could not be used; the rest
    is complete.
    """
    from ..augment import Recipe, augment_set
    from ..formats import read

    recipe = options.pop("recipe")
    chosen = Recipe.default() if recipe is None else Recipe.from_toml(recipe)
    dataset = read(src, options.pop("fmt"))
    if not options.pop("force"):
        _refuse_errors(chosen, dataset)
    options["originals"] = not options.pop("no_originals")
    options["splits"] = list(options["splits"]) or None
    with images_bar("augmenting") as progress:
        made = augment_set(dataset, dst, chosen, progress=progress, **options)
    _print(made)
    return int(bool(made.failures))


def _refuse_errors(recipe: Recipe, dataset: Dataset) -> None:
    """Stop before anything is written, where the linter of settings finds an error."""
    from ..config import ConfigError
    from ..lint import errors

    wrong = errors(recipe, dataset)
    if wrong:
        raise ConfigError(
            f"{'; '.join(wrong)} Change the recipe (--recipe), say in [lint.classes] of "
            "fastlabel.toml what a class is, or --force"
        )


def _print(made: AugmentResult) -> None:
    from ..report.text import count, percent, visible

    s = made.summary
    ops = ", ".join(f"{op} {n:,}" for op, n in s["operations"].items()) or "none"
    lines = [
        f"{made.folder}: {count(s['images'] + s['augmented'], 'image')}, "
        f"{s['augmented']:,} of them augmented copies",
        f"  operations  {ops}",
        f"  boxes       {s['boxes']:,} in the copies, {s['ignored']:,} regions to ignore, "
        f"{s['gone']:,} out of the picture",
    ]
    lost = s["tightness_lost"]
    if lost["boxes"]:
        lines.append(
            f"  tightness   {count(lost['boxes'], 'box', 'boxes')} without an outline drawn "
            f"around the inscribed ellipse: {percent(lost['mean'])} less area on average than "
            f"around the corners, {percent(lost['most'])} at most"
        )
    if s["unchanged"]:
        lines.append(
            f"  unchanged   {count(s['unchanged'], 'copy', 'copies')} that no stage touched, "
            "not written"
        )
    if s["skipped"]:
        lines.append(f"  skipped     {count(s['skipped'], 'stage')} that would have left no box")
    lines += [f"  not kept    {line}" for line in s["not_carried"]]
    click.echo("\n".join(visible(line) for line in lines))
    for name, why in made.failures[:_NAMED]:
        click.echo(visible(f"  failed      {name}: {why}"), err=True)
    if len(made.failures) > _NAMED:
        click.echo(
            f"  failed      and {len(made.failures) - _NAMED:,} more, see augment.json", err=True
        )


__all__ = ["command"]
