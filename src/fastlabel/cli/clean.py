"""``fastlabel clean``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset import DatasetError
from ._options import read_as
from ._outside import keep_out_of

if TYPE_CHECKING:
    import pyarrow as pa

    from ..dataset import Dataset


def _codes(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(code.strip() for code in (value or "").split(",") if code.strip())


@click.command("clean", short_help="Write a plan of what could be done about the findings.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--findings",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="What `fastlabel check` wrote about DATA.",
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    metavar="PLAN.parquet",
    help="The plan; beside it PLAN.md, for people.",
)
@click.option("--select", callback=_codes, metavar="CODES", help="Only these: FL2,FL501.")
@click.option("--ignore", callback=_codes, metavar="CODES", help="Not these.")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Leave findings that are less sure.",
)
@click.option(
    "--images",
    type=click.Choice(["quarantine", "exclude", "keep"]),
    default="quarantine",
    show_default=True,
    help="What becomes of pictures that cannot be learnt from, and of copies.",
)
@read_as(images=False)
def command(data: Path, findings: Path, out: Path, **options: Any) -> int:
    """Write a plan of what could be done about the findings in DIR.

    Nothing is changed: look at the plan, strike out rows, then `fastlabel apply` it.
    """
    import pyarrow.parquet as pq

    from ..clean.findings import plan
    from ..formats import read

    ds = read(data, options["fmt"])
    keep_out_of(out, ds.root, what="the plan", remedy="choose another -o")
    path = findings / "findings.parquet"
    if not path.is_file():
        raise DatasetError(f"{findings}: has no findings.parquet; run `fastlabel check --out DIR`")
    ds = _as_checked(ds, findings)
    file = None if data.is_dir() else data.resolve().relative_to(ds.root.resolve()).as_posix()
    made = plan(
        ds,
        pq.read_table(path),
        select=options["select"],
        ignore=options["ignore"],
        min_score=options["min_score"],
        images=options["images"],
        file=file,
    )
    _print(made, made.write(out))
    return 0


def _as_checked(ds: Dataset, findings: Path) -> Dataset:
    """The part of the data that the report is of, when it is of this version of the data."""
    images, annotations = _table(findings, "images"), _table(findings, "annotations")
    candidates = [ds]
    splits = images["split"].unique().to_pylist()
    if len(splits) == 1 and splits[0] is not None and images.num_rows != len(ds):
        candidates = [ds.select_split(splits[0])]
    for candidate in candidates:
        same = all(
            candidate.images[name].combine_chunks().equals(images[name].combine_chunks())
            for name in ("path", "file_name", "split")
        )
        mine = candidate.annotations
        names = ("image_id", "category_id", "x1", "y1", "x2", "y2", "origin")
        if same and all(_equal(mine[name], annotations[name]) for name in names):
            return candidate
    raise DatasetError(
        f"{findings}: is about {images.num_rows:,} images and {annotations.num_rows:,} boxes, "
        f"which are not those of {ds.root} ({len(ds):,} and {ds.annotations.num_rows:,}) any "
        "more; run `fastlabel check` again"
    )


def _table(folder: Path, name: str) -> pa.Table:
    import pyarrow.parquet as pq

    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise DatasetError(f"{folder}: has no {path.name}; run `fastlabel check --out DIR`")
    return pq.read_table(path)


def _equal(a: pa.ChunkedArray, b: pa.ChunkedArray) -> bool:
    import numpy as np
    import pyarrow as pa

    if len(a) != len(b):
        return False
    if pa.types.is_floating(a.type):  # NaN is no number, but the same as before
        return bool(np.array_equal(a.to_numpy(), b.to_numpy(), equal_nan=True))
    return bool(a.combine_chunks().equals(b.combine_chunks()))


def _print(made: Any, files: list[Path]) -> None:
    from ..report.text import count, visible

    safe = dict(zip(made.table["action"].to_pylist(), made.table["safe"].to_pylist(), strict=True))
    for action, rows in made.counts().items():
        click.echo(f"{action:<18}{rows:>9,}  {'safe' if safe[action] else 'needs --unsafe'}")
    if not len(made):
        click.echo("nothing that can be done without a person; the plan is empty")
    for note in made.notes:
        click.echo(f"note: {visible(note)}")
    click.echo(
        f"{visible(str(files[0]))}: {count(len(made), 'row')}; read {visible(str(files[1]))}"
    )
