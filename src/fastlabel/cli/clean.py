"""``fastlabel clean``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..dataset import DatasetError
from ._checked import as_checked
from ._options import read_as
from ._outside import keep_out_of


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
    ds = as_checked(ds, findings)
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
