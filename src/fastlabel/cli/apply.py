"""``fastlabel apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ._progress import images_bar


@click.command("apply", short_help="Carry out a plan, in a new tree or in place.")
@click.argument("plan", type=click.Path(path_type=Path), metavar="PLAN.parquet")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="NEW", help="The new tree to make."
)
@click.option("--in-place", is_flag=True, help="Change the data set itself; a journal leads back.")
@click.option("--unsafe", is_flag=True, help="Also carry out what takes something away.")
@click.option("--safe-only", is_flag=True, help="Leave out what takes something away.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DATA",
    help="Where the data set is now, if it was moved since the plan was made.",
)
@click.option(
    "--link/--copy", default=True, help="NEW: reflinks or hard links to the pictures, or copies."
)
@click.option("--overwrite", is_flag=True, help="Replace what is at NEW, as a whole.")
def command(plan: Path, out: Path | None, **options: Any) -> int:
    """Carry out PLAN.parquet, made by `fastlabel clean`, in a new tree or in place.

    Every row of a label file that the plan does not name stays byte for byte. A plan that
    was made for another version of the data is refused. `fastlabel undo` takes it back.
    """
    from ..clean.applying import apply
    from ..report.text import count, visible

    if (out is None) == (not options["in_place"]):
        raise click.UsageError("give one of -o NEW and --in-place")
    if options["unsafe"] and options["safe_only"]:
        raise click.UsageError("--unsafe and --safe-only exclude each other")
    with images_bar("writing") as progress:
        done = apply(
            plan,
            out,
            in_place=options["in_place"],
            unsafe=options["unsafe"],
            safe_only=options["safe_only"],
            data=options["data"],
            link=options["link"],
            overwrite=options["overwrite"],
            progress=progress,
        )
    for action, rows in done.counts.items():
        click.echo(f"{action:<18}{rows:>9,}")
    if done.left_out:
        click.echo(f"left out: {count(done.left_out, 'row')} that would take something away")
    for note in done.notes:
        click.echo(f"note: {visible(note)}")
    where = visible(str(done.folder))
    click.echo(
        f"{where}: {count(len(done.edited), 'label file')} changed; "
        f"`fastlabel undo {where}` takes it back"
    )
    return 0
