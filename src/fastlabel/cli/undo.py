"""``fastlabel undo``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("undo", short_help="Take the last plan back that was applied to a tree.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="NEW")
@click.option("--force", is_flag=True, help="Also overwrite files that were edited since.")
def command(folder: Path, force: bool) -> int:
    """Take the last plan back that was applied to NEW: every byte is as before.

    Goes on where an interrupted `apply` or `undo` has stopped.
    """
    from ..clean.undoing import undo
    from ..report.text import count, visible

    done = undo(folder, force=force)
    where = visible(str(folder))
    if done.files:
        click.echo(f"{where}: {count(done.files, 'file')} as before")
    else:
        click.echo(f"{where}: the change had not begun or was taken back; its remains are cleared")
    if done.left:
        click.echo(f"{count(done.left, 'earlier change')} can be taken back still")
    return 0
