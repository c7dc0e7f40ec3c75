"""``fastlabel tile``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset import Dataset, DatasetError
from ._options import overwrite, read_as, seed, workers, write_as
from ._outside import keep_out_of
from ._progress import images_bar

if TYPE_CHECKING:
    from ..prepare.tile import TileResult

#: Beyond what any plan can have.
_ANY = 2**62


def _size(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[int, int]:
    """Height and width of "640" or "640x384"."""
    parts = value.lower().split("x")
    if len(parts) > 2 or not all(p.isascii() and p.isdigit() and len(p) < 12 for p in parts):
        raise click.BadParameter(
            f"{value!r} is no size; write 640, or 640x384 for width and height"
        )
    return int(parts[-1]), int(parts[0])


def _overlap(_ctx: click.Context, _param: click.Parameter, value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


@click.command("tile", short_help="Cut pictures and their boxes into tiles, as a new data set.")
@click.argument("src", type=click.Path(path_type=Path))
@click.argument("dst", type=click.Path(path_type=Path))
@click.option(
    "--size",
    callback=_size,
    default="640",
    show_default=True,
    metavar="PIXELS|WIDTHxHEIGHT",
    help="Of a tile.",
)
@click.option(
    "--overlap",
    callback=_overlap,
    default="0.2",
    show_default=True,
    metavar="SHARE|PIXELSpx",
    help="Of neighbours: a share of the tile below 1, or pixels (128px).",
)
@click.option(
    "--anchor",
    type=click.Choice(["origin", "center"]),
    default="origin",
    show_default=True,
    help="Where the grid begins: in the corner, or centred.",
)
@click.option(
    "--last",
    type=click.Choice(["shift", "pad"]),
    default="shift",
    show_default=True,
    help="Tiles over the edge: moved back inside, or padded.",
)
@click.option(
    "--min-visible",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="A tile that shows a smaller share of a box ignores it.",
)
@click.option(
    "--negatives",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of the tiles without boxes that is kept.",
)
@click.option("--lossless", is_flag=True, help="Cut JPEG by coefficients, without encoding again.")
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=95,
    show_default=True,
    help="Of JPEG tiles that are encoded again.",
)
@write_as
@read_as(images=True)
@click.option(
    "--table-only", is_flag=True, help="Write no pictures: DST is the tile table, a .parquet file."
)
@seed("Chooses the negatives.")
@workers
@click.option(
    "--max-tiles",
    type=click.IntRange(1),
    metavar="N",
    help="Ask before making more tiles [default: 1,000,000].",
)
@click.option("--yes", is_flag=True, help="Make them without asking.")
@overwrite
def command(src: Path, dst: Path, **options: Any) -> int:
    """Cut the pictures of the data set in SRC into tiles: a new data set in DST.

    Boxes are clipped to the tiles; where a tile shows too little of one it becomes a region to
    ignore, never background. DST/tiles.parquet maps every tile and box back to SRC, which is
    never changed. Exit code 1: some pictures could not be cut; the rest is complete.
    """
    from ..boxes.tiles import TileGrid
    from ..formats import read

    try:
        TileGrid.of(options["size"], options["overlap"], options["anchor"], options["last"])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not src.exists():
        raise DatasetError(f"{src}: no such file or folder; name the folder of the data set")
    if options["table_only"]:
        _check_table_place(src, dst, options["overwrite"])
    dataset = read(src, options["fmt"]).with_files()
    result = _tile(dataset, dst, options)
    if options["table_only"]:
        _write_table(result, dst)
    _print(result, dst)
    return int(bool(result.failed))


def _tile(dataset: Dataset, dst: Path, options: dict[str, Any]) -> TileResult:
    from ..boxes.tiles import MAX_TILES
    from ..prepare.tile import TooManyTiles, tile
    from ..report.text import visible

    names = (
        *("size", "overlap", "anchor", "last", "min_visible", "negatives", "lossless", "quality"),
        *("seed", "workers", "overwrite"),
    )
    chosen = {name: options[name] for name in names}

    def run(most: int) -> TileResult:
        with images_bar("cutting") as progress:
            return tile(
                dataset,
                None if options["table_only"] else dst,
                format=options["to"],
                max_tiles=most,
                progress=progress,
                **chosen,
            )

    try:
        return run(_ANY if options["yes"] else options["max_tiles"] or MAX_TILES)
    except TooManyTiles as plan:
        if not _can_ask():
            raise DatasetError(
                f"{dst}: the plan has {plan.count:,} tiles; choose larger tiles or a smaller "
                "overlap, or make them all with --yes"
            ) from None
        if not click.confirm(f"The plan has {plan.count:,} tiles. Make them?", err=True):
            click.echo(f"fastlabel: {visible(str(dst))}: not made", err=True)
            raise click.exceptions.Exit(130) from None
        return run(plan.count)


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _check_table_place(src: Path, dst: Path, overwrite: bool) -> None:
    if dst.suffix.lower() != ".parquet":
        raise click.UsageError(f"{dst}: with --table-only DST is a file, NAME.parquet")
    if dst.is_dir():
        raise DatasetError(f"{dst}: is a folder; name a file")
    if dst.exists() and not overwrite:
        raise DatasetError(
            f"{dst}: is there already; choose another file, or replace it with --overwrite"
        )
    keep_out_of(dst, src, what="the table", remedy="choose another place for DST")


def _write_table(result: TileResult, dst: Path) -> None:
    import pyarrow.parquet as pq

    from .._output import write_whole

    dst.parent.mkdir(parents=True, exist_ok=True)
    write_whole({dst: lambda part: pq.write_table(result.table, part, compression="zstd")})


def _print(result: TileResult, dst: Path) -> None:
    from ..report.text import count, visible

    n = {name: f"{number:,}" for name, number in result.counts.items()}
    empty = result.counts["negatives_kept"] + result.counts["negatives_dropped"]
    done = result.counts["images"] - result.counts["images_failed"]
    lines = [
        f"{dst}: {count(result.counts['tiles'], 'tile')} of {count(done, 'image')}",
        f"  tiles     {n['tiles_with_boxes']} with boxes, {n['negatives_kept']} of {empty:,} "
        f"empty ones kept as negatives, {n['tiles_unlabelled']} unlabelled",
        f"  boxes     {n['boxes']} in the source, at their best: {n['boxes_whole']} whole, "
        f"{n['boxes_cut']} cut, {n['boxes_ignore']} ignore, {n['boxes_left_out']} left out",
        f"  in tiles  {n['shown_whole']} whole, {n['shown_cut']} cut, {n['shown_ignore']} ignore",
    ]
    if result.path is not None:
        lines.append(
            f"  pictures  {n['lossless']} lossless, {n['reencoded']} encoded again, "
            f"{n['windows_moved']} windows moved"
        )
    for entry in result.ledger:
        shown = ", ".join(entry.examples[:3])
        more = f" ({shown}{', ...' if entry.count > 3 else ''})" if shown else ""
        lines.append(f"  {entry.kind}: {entry.count:,}: {entry.message}{more}")
    if result.report is not None:
        lines += [f"  {line}" for line in result.report.lines()]
    click.echo("\n".join(visible(line) for line in lines))
    for image in result.failed:
        click.echo(visible(f"  not cut: {image.file}: {image.status}: {image.detail}"), err=True)


__all__ = ["command"]
