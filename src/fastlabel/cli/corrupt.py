"""``fastlabel corrupt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import overwrite, read_as, seed, write_as
from ._progress import images_bar

if TYPE_CHECKING:
    from ..prepare.corrupt_set import CorruptResult

#: Images without a picture that are named.
_NAMED = 5


@click.command("corrupt", short_help="Make seeded label errors, with a ledger, as a new set.")
@click.argument("src", metavar="DATA", type=click.Path(path_type=Path))
@click.argument("dst", type=click.Path(path_type=Path))
@click.option(
    "--rate",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    metavar="R",
    help="Errors, as a share of the boxes that can have one.",
)
@click.option(
    "--kinds",
    multiple=True,
    metavar="KIND[=WEIGHT],...",
    help="drop, swap, shift, scale, spurious, duplicate, merge, split [default: all, alike].",
)
@seed("Same seed, same errors.")
@read_as(images=False)
@write_as
@click.option("--link", is_flag=True, help="Hard links instead of copies of the pictures.")
@overwrite
def command(src: Path, dst: Path, **options: Any) -> int:
    """Write DATA anew as DST, with label errors made on purpose.

    DST has ledger.parquet, a row an error, and corrupt.md to read. DATA is never changed. Try a
    detector on it, or a check: fastlabel evaluate-findings says what it found. Exits with 1 when
    a picture was missing, or less errors could be made than were wanted.
    """
    from ..prepare.corrupt_set import corrupt_set

    options["format"] = options.pop("fmt")
    options["kinds"] = _kinds(options["kinds"])
    try:
        with images_bar("writing") as progress:
            made = corrupt_set(src, dst, progress=progress, **options)
    except ValueError as error:  # of an option: its name, what it got and what is expected
        raise click.UsageError(f"--{error}") from error
    return _print(made)


def _kinds(given: tuple[str, ...]) -> dict[str, float] | None:
    weights = {}
    for word in (part.strip() for text in given for part in text.split(",")):
        if not word:
            continue
        name, sign, weight = word.partition("=")
        try:
            weights[name.strip()] = float(weight) if sign else 1.0
        except ValueError as error:
            raise click.UsageError(
                f"--kinds: got {word!r}, expected KIND or KIND=WEIGHT"
            ) from error
    return weights if given else None


def _print(made: CorruptResult) -> int:
    from ..report.text import count, percent, visible

    settings = made.settings
    errors = made.ledger.num_rows
    share = percent(errors / max(settings["boxes"], 1))
    click.echo(
        f"Errors     {errors:,}, {share} of {count(settings['boxes'], 'box', 'boxes')}; "
        f"seed {settings['seed']}"
    )
    short = False
    for kind, wanted in settings["wanted"].items():
        planted = settings["planted"][kind]
        lacking = "" if planted == wanted else f" of {wanted:,}: no more boxes allow it"
        short |= planted < wanted
        click.echo(f"{kind.capitalize():<10} {planted:,}{lacking}")
    for line in made.written.lines():
        click.echo(f"Not kept   {visible(line)}")
    if made.unread:
        click.echo(f"Unread     {count(made.unread, 'label row or file', 'label rows or files')}")
    missing = made.pictures.missing
    for name in missing[:_NAMED]:
        click.echo(f"No picture {visible(name)}")
    if len(missing) > _NAMED:
        click.echo(f"No picture and {len(missing) - _NAMED:,} more")
    click.echo(f"\n{made.folder}: {made.written.format} data set with wrong labels")
    return int(bool(missing) or short)
