"""``fastlabel dedup``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset import DatasetError
from ._options import read_as, seed, workers
from ._outside import keep_out_of
from ._progress import images_bar

if TYPE_CHECKING:
    from ..dedup import DedupResult

#: Groups named on the terminal; the table has them all.
_NAMED = 5


@click.command("dedup", short_help="Find copies and near copies, and write the groups.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--distance",
    type=click.IntRange(0, 64),
    default=6,
    show_default=True,
    help="Bits of the 64-bit hash that may differ.",
)
@click.option("--turned", is_flag=True, help="Find mirrored and turned copies too.")
@click.option(
    "--linkage",
    type=click.Choice(["single", "complete"]),
    default="single",
    show_default=True,
    help="single: all that is linked step by step; complete: no two further apart.",
)
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="FILE.npy or FILE.parquet with one row an image: near by cosine as well.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="Least cosine of embeddings.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("fastlabel-dedup"),
    show_default=True,
    help="Folder for groups.parquet and groups.html.",
)
@click.option(
    "--show",
    type=click.IntRange(0, 1000),
    default=40,
    show_default=True,
    help="Groups on the page.",
)
@seed("Chooses the groups on the page.")
@read_as(images=True)
@workers
def command(data: Path, out: Path, **options: Any) -> int:
    """Find pictures of DATA that are the same, or nearly, and put them into groups.

    Nothing is deleted or changed. OUT gets groups.parquet, one row for each image of a group,
    and groups.html, some of the groups to look at. Exit code 1: some pictures could not be read;
    the rest is compared.
    """
    from .. import config
    from .._output import write_whole
    from ..dedup import dedup
    from ..dedup.embeddings import as_embeddings, load
    from ..dedup.sheet import groups_page
    from ..formats import read
    from ..scan import Limits, scan

    if options["turned"] and options["linkage"] == "complete":
        raise click.UsageError("--turned and --linkage complete exclude each other")
    limits = Limits.of(config.load())
    dataset = read(data, options["fmt"])
    keep_out_of(out, dataset.root, what="the groups")
    embeddings = None
    if options["embeddings"] is not None:
        embeddings = load(options["embeddings"])
        try:
            as_embeddings(embeddings, len(dataset))
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{options['embeddings']}: {error}") from error
    with images_bar("decoding") as progress:
        stats = scan(dataset, workers=options["workers"], limits=limits, progress=progress)
    result = dedup(
        dataset,
        distance=options["distance"],
        turned=options["turned"],
        linkage=options["linkage"],
        embeddings=embeddings,
        threshold=options["threshold"],
        image_stats=stats,
        workers=options["workers"],
    )
    page = groups_page(result, dataset, most=options["show"], seed=options["seed"])
    out.mkdir(parents=True, exist_ok=True)
    write_whole(
        {
            out / "groups.parquet": lambda place: _parquet(result, place),
            out / "groups.html": lambda place: place.write_text(page, encoding="utf-8"),
        }
    )
    _print(result, [str(n) for n in dataset.images["file_name"].to_pylist()], out)
    return int(bool(len(result.unreadable)))


def _parquet(result: DedupResult, place: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(result.groups, place, compression="zstd")


def _print(result: DedupResult, names: Sequence[str], out: Path) -> None:
    import pyarrow.compute as pc

    from ..report.text import count, visible

    click.echo(f"Images     {result.images:,}")
    groups = result.count()
    click.echo(
        f"Groups     {groups:,}: {result.count('exact'):,} of the same bytes, "
        f"{result.count('near'):,} of near copies; "
        f"{count(result.redundant, 'image')} beyond the first of each"
    )
    click.echo(f"Exact      {count(result.exact_sets, 'file')} there more than once")
    leaks = result.count(leaking=True)
    click.echo(f"Splits     {count(leaks, 'group')} across splits")
    if len(result.flat):
        click.echo(f"Flat       {count(len(result.flat), 'image')} compared by bytes only")
    if result.settings.get("unembedded"):
        click.echo(f"Embedding  {count(result.settings['unembedded'], 'row')} without a direction")
    if len(result.unreadable):
        click.echo(
            f"Unread     {count(len(result.unreadable), 'image')} could not be decoded whole; "
            "compared by bytes at best:"
        )
        for row in result.unreadable[:_NAMED].tolist():
            click.echo(f"           {visible(names[row])}")
        if len(result.unreadable) > _NAMED:
            click.echo(f"           and {len(result.unreadable) - _NAMED:,} more")
    shown = min(groups, _NAMED)
    for group in range(shown):
        rows = result.groups.filter(pc.equal(result.groups["group_id"], group)).to_pylist()
        shown_names = [visible(str(row["file_name"]), 60) for row in rows[:3]]
        more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
        far = rows[0]["diameter"]
        how = "same bytes" if rows[0]["kind"] == "exact" else f"near, {far} bits at most"
        if far is None and rows[0]["kind"] == "near":
            how = "near by embedding"
        click.echo(f"           {', '.join(shown_names)}{more} ({how})")
    if groups > shown:
        click.echo(f"           and {count(groups - shown, 'group')} more in the table")
    chained = _chained(result)
    if chained:
        click.echo(
            f"Chains     {count(chained, 'group')} with members further apart than "
            f"{result.settings['distance']} bits; part them with --linkage complete"
        )
    click.echo(f"\n{out}: groups.parquet, groups.html")


def _chained(result: DedupResult) -> int:
    import pyarrow.compute as pc

    wide = pc.fill_null(pc.greater(result.groups["diameter"], result.settings["distance"]), False)
    return len(pc.unique(result.groups["group_id"].filter(wide)))
