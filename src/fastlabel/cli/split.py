"""``fastlabel split``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset import DatasetError
from ._options import overwrite, read_as, seed, workers, write_as
from ._outside import keep_out_of
from ._progress import images_bar

if TYPE_CHECKING:
    from ..dedup import SplitResult

#: Classes printed; the table has them all.
_SHOWN = 20
_ASSIGNMENTS = "assignments.parquet"


def _ratios(
    _ctx: click.Context, _param: click.Parameter, value: str
) -> tuple[float, ...] | dict[str, float]:
    """Numbers of "80/10/10", or of "train=80,val=20"."""
    try:
        if "=" in value:
            parts = [part.partition("=") for part in value.split(",")]
            named = {name.strip(): float(share) for name, _, share in parts}
            if len(named) != len(parts):
                raise click.BadParameter(f"{value!r} names a split twice")
            return named
        return tuple(float(part) for part in value.split("/"))
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} are no ratios; write 80/10/10, or train=80,val=20"
        ) from error


@click.command("split", short_help="Deal a data set to train, val and test.")
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("dst", required=False, type=click.Path(path_type=Path))
@click.option(
    "--ratios",
    callback=_ratios,
    default="80/10/10",
    show_default=True,
    metavar="A/B[/C]",
    help="Of train, val and test; or train=80,val=20.",
)
@click.option(
    "--group",
    "groups",
    multiple=True,
    type=click.Choice(["near-duplicates", "exact-duplicates", "tiles", "none"]),
    help="What stays together [default: near-duplicates]; may be given again.",
)
@click.option(
    "--group-by",
    multiple=True,
    metavar="REGEX",
    help="Images whose paths agree in what it finds stay together: 'cam(\\d+)_'.",
)
@click.option(
    "--tiles",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Tile table, where it is not DATA/tiles.parquet.",
)
@click.option(
    "--distance",
    type=click.IntRange(0, 64),
    default=6,
    show_default=True,
    help="Bits by which near duplicates may differ.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Assignments: FILE.parquet, FILE.csv, or a folder for train.txt, val.txt, ... "
    "[default without DST: fastlabel-split.parquet].",
)
@seed("Deals units that are alike.")
@read_as(images=True)
@write_as
@click.option("--link/--copy", default=False, help="DST: hard links to the pictures, not copies.")
@workers
@overwrite
def command(data: Path, dst: Path | None, out: Path | None, **options: Any) -> int:
    """Deal DATA to train, val and test so that no group of copies straddles two of them.

    Writes which image goes where to --out, or a whole new set to DST; DATA is never changed.
    Exit code 1: pictures were missing, or a share of the images could not be reached.
    """
    from .. import config
    from ..dedup import split
    from ..dedup.assign import ratios_of
    from ..formats import read
    from ..scan import Limits, scan

    try:
        ratios_of(options["ratios"])
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    kinds = options["groups"] or ("near-duplicates",)
    if "none" in kinds:
        if len(kinds) > 1:
            raise click.UsageError("--group none excludes the others")
        kinds = ()
    if out is None and dst is None:
        out = Path("fastlabel-split.parquet")
    if out is not None and out.suffix not in ("", ".parquet", ".csv"):
        raise click.UsageError(f"--out: {out}: use FILE.parquet, FILE.csv or a folder")
    limits = Limits.of(config.load())
    dataset = read(data, options["fmt"])
    if out is not None:
        keep_out_of(out, dataset.root, what="the assignments", remedy="choose another --out")
    target = options["to"] or dataset.format
    if dst is not None and target == "images":
        raise DatasetError(f"{data}: has no labels; name a format for DST with --to")
    if dst is not None:
        _refuse_early(dst, dataset.root, options["overwrite"])
    stats = None
    if {"near-duplicates", "exact-duplicates"} & set(kinds):
        with images_bar("decoding") as progress:
            stats = scan(dataset, workers=options["workers"], limits=limits, progress=progress)
    result = split(
        dataset,
        options["ratios"],
        group=kinds or None,
        group_by=options["group_by"],
        tiles=options["tiles"],
        distance=options["distance"],
        seed=options["seed"],
        image_stats=stats,
        workers=options["workers"],
    )
    missing: list[str] = []
    if dst is not None:
        missing = _new_set(result, dataset, dst, target, options)
    if out is not None:
        _write(result, out)
    _print(result, dst if dst is not None else out, missing)
    return int(bool(missing or result.unreached))


def _refuse_early(dst: Path, root: Path, replace: bool) -> None:
    """Find out before a scan whether DST can be used."""
    keep_out_of(dst, root, what="the new set", remedy="choose another folder")
    if dst.is_dir() and any(dst.iterdir()) and not replace:
        raise DatasetError(f"{dst}: is not empty; choose another folder, or give --overwrite")


def _new_set(
    result: SplitResult, dataset: Any, dst: Path, target: str, options: dict[str, Any]
) -> list[str]:
    from dataclasses import replace

    import pyarrow as pa
    import pyarrow.parquet as pq

    from .._output import new_folder
    from ..formats import layout, write
    from ..prepare.pictures import place_pictures

    places = layout(result.dataset.images, target)
    at = dataset.images.schema.get_field_index("path")
    images = result.dataset.images.set_column(at, "path", pa.array(places, pa.string()))
    with (
        new_folder(dst, sources=[dataset.root], overwrite=options["overwrite"]) as folder,
        images_bar("writing") as progress,
    ):
        placed = place_pictures(dataset, places, folder, link=options["link"], progress=progress)
        write(replace(result.dataset, images=images), folder, target)
        pq.write_table(result.assignments, folder / _ASSIGNMENTS, compression="zstd")
    return placed.missing


def _write(result: SplitResult, out: Path) -> None:
    import pyarrow.parquet as pq

    from .._output import write_whole

    if out.suffix == ".parquet":
        table = result.assignments
        write_whole({out: lambda part: pq.write_table(table, part, compression="zstd")})
    elif out.suffix == ".csv":
        write_whole({out: lambda part: _csv(result, part)})
    else:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(
            {
                out / f"{name}.txt": partial(_list, result, name)
                for name in result.settings["ratios"]
            }
        )


def _csv(result: SplitResult, part: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv

    table = result.assignments
    for at, column in enumerate(table.schema):
        if pa.types.is_string(column.type):
            # The quote keeps a spreadsheet from running a file name.
            texts = [
                f"'{v}" if v and v[0] in "=+-@\t\r" else v for v in table[column.name].to_pylist()
            ]
            table = table.set_column(at, column, pa.array(texts, pa.string()))
    csv.write_csv(table, part)


def _list(result: SplitResult, name: str, part: Path) -> None:
    import pyarrow.compute as pc

    table = result.assignments
    paths = table["path"].filter(pc.equal(table["split"], name)).to_pylist()
    if any(path is None or "\n" in path or "\r" in path for path in paths):
        raise DatasetError(f"{name}.txt: a path has a line break; write a .parquet instead")
    part.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8", newline="\n")


def _print(result: SplitResult, place: Path | None, missing: list[str]) -> None:
    from ..report.text import count, visible

    images = result.assignments.num_rows
    click.echo(f"Images     {images:,} in {count(result.groups, 'group')}")
    names = list(result.settings["ratios"])
    head = "".join(f"{visible(name, 18):>20}" for name in names)
    click.echo(f"{'':<24}{head}")
    rows = result.shares.to_pylist()
    features = [rows[k : k + len(names)] for k in range(0, len(rows), len(names))]
    for cells in features[: _SHOWN + 1]:
        texts = "".join(
            f"{c['count']:>9,} {c['reached']:>4.0%} of {c['wanted']:>3.0%}"[-20:].rjust(20)
            for c in cells
        )
        click.echo(f"{visible(cells[0]['name'], 22):<24}{texts}")
    if len(features) > _SHOWN + 1:
        click.echo(f"and {count(len(features) - _SHOWN - 1, 'class', 'classes')} more")
    before = result.leaks_before
    was = "the set had no splits" if before is None else f"{before:,} before"
    click.echo(f"Straddling {count(result.leaks_after, 'group')}; {was}")
    for note in (*result.notes, *result.unreached):
        click.echo(f"Note       {visible(note)}")
    for name in missing[:5]:
        click.echo(f"No picture {visible(name)}")
    if len(missing) > 5:
        click.echo(f"No picture and {len(missing) - 5:,} more")
    click.echo(f"\n{place}")
