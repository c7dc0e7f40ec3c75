"""``fastlabel mix``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import Decorator, kept_results, overwrite, read_as, seed, workers
from ._outside import keep_out_of
from ._progress import images_bar

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..difficulty import Difficulty
    from ..prepare.mix import Mix

#: Epochs that are printed.
_SHOWN = 8
_COLUMNS = ("easy", "medium", "hard", "negative")


def _share(name: str, default: float) -> Decorator:
    return click.option(
        f"--{name}",
        type=float,
        default=default,
        show_default=True,
        metavar="S",
        help=f"Share of {name} images.",
    )


@click.command("mix", short_help="List the images of each epoch: easy ones first, harder later.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    "dst",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="New folder of the lists, mix.json and mix.png.",
)
@_share("easy", 0.3)
@_share("medium", 0.5)
@_share("hard", 0.2)
@click.option("--epochs", type=int, default=50, show_default=True, metavar="N", help="Epochs.")
@click.option(
    "--warmup",
    type=int,
    default=5,
    show_default=True,
    metavar="N",
    help="Epochs from an easy start to that mix.",
)
@click.option(
    "--negatives",
    type=float,
    metavar="S",
    help="Share of images known to be empty [default: that of the set].",
)
@click.option("--size", type=int, metavar="N", help="Images an epoch [default: all usable].")
@click.option(
    "--balance",
    type=click.Choice(["keep", "even", "none"]),
    default="keep",
    show_default=True,
    help="Classes as often as in the set, all alike, or as it comes.",
)
@click.option(
    "--levels",
    type=click.Choice(["score", "rank"]),
    default="score",
    show_default=True,
    help="Levels by the cut-offs of the score, or the easiest, middle and hardest third.",
)
@click.option(
    "--max-repeat",
    type=int,
    default=3,
    show_default=True,
    metavar="N",
    help="Times an epoch may have an image, on average over its level.",
)
@click.option("--split", metavar="NAME", help="Images of this split only.")
@click.option("--deploy", metavar="NAME", help="Deployment to judge sizes for.")
@click.option(
    "--pred",
    "predictions",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Predictions of a model: what it finds badly is harder.",
)
@click.option(
    "--to",
    multiple=True,
    type=click.Choice(["txt", "jsonl", "parquet"]),
    help="Lists to write; may be repeated [default: txt].",
)
@seed("Same seed, same lists, on any machine.")
@read_as(images=False)
@kept_results
@workers
@overwrite
def command(data: Path, dst: Path | None, **options: Any) -> int:
    """List the images of each epoch of a training run on DATA.

    Each image is easy, medium or hard (`[difficulty]` of the configuration); an epoch has the
    shares that are asked for, the first ones more easy images. The folder has a list for each
    epoch, mix.json with the schedule and what could not be reached, and mix.png. Without -o the
    plan is only shown. DATA is never changed. Exits with 1 when the set cannot give the mix.
    """
    from ..difficulty.settings import checked_shares

    try:
        checked_shares(options["easy"], options["medium"], options["hard"])
        if dst is not None:
            keep_out_of(dst, data, what="the lists", remedy="choose another folder with -o")
        made, hardness = _planned(data, options)
    except ValueError as error:
        from ..config import ConfigError
        from ..dataset import DatasetError

        if isinstance(error, ConfigError | DatasetError):
            raise
        raise click.UsageError(f"--{error}") from error
    if dst is not None:
        made.write(dst, to=options["to"] or ("txt",), overwrite=options["overwrite"])
    _print(made, hardness, dst)
    return int(bool(made.notes))


def _planned(data: Path, options: dict[str, Any]) -> tuple[Mix, Difficulty]:
    from .. import config as configuration
    from ..difficulty import difficulty
    from ..formats import read
    from ..prepare.mix import mix
    from ..scan import Limits, scan_tables
    from ._cache import cache_to_use, going_on, say_reused

    config = configuration.load()
    ds = read(data, options["fmt"])
    names = ("easy", "medium", "hard", "epochs", "warmup", "negatives", "size", "balance")
    asked = {name: options[name] for name in (*names, "levels", "max_repeat", "split", "seed")}
    _refuse_early(ds, asked)
    cache = cache_to_use(config, options, [str(data)])
    with going_on(cache), images_bar("measuring") as progress:
        stats, box_stats = scan_tables(
            ds,
            workers=options["workers"] or config.workers or 0,
            limits=Limits.of(config),
            progress=progress,
            cache=cache,
            rings=True,
        )
    say_reused(cache)
    said = None
    if options["predictions"]:
        from ..predictions import read_predictions

        said = read_predictions(list(options["predictions"]), ds)
    hardness = difficulty(
        ds, stats, box_stats, deploy=options["deploy"], config=config, predictions=said
    )
    return mix(ds, hardness, **asked), hardness


def _refuse_early(ds: Dataset, asked: dict[str, Any]) -> None:
    """Find wrong settings before a scan: a mix of labels alone takes no time."""
    from .. import schema
    from ..difficulty import difficulty
    from ..prepare.mix import mix

    mix(ds, difficulty(ds, schema.IMAGE_STATS.empty_table()), **asked)


def _print(made: Mix, hardness: Difficulty, dst: Path | None) -> None:
    from ..report.text import count, percent, visible

    levels = hardness.counts("images")
    empty = int((made.group == 3).sum())
    parts = [f"{n:,} {name}" for name, n in levels.items()]
    click.echo(f"Images     {', '.join(parts)}, {empty:,} negative")
    parts = [f"{n:,} {name}" for name, n in hardness.counts("boxes").items()]
    click.echo(f"Boxes      {', '.join(parts)}")
    for why, n in made.left_out.items():
        click.echo(f"Left out   {count(n, 'image')} {why}")
    click.echo(f"{'Epoch':<11}{'images':>9}" + "".join(f"{name:>24}" for name in _COLUMNS))
    rows = made.table().to_pylist()
    shown = _epochs_shown(made)
    for e in shown:
        row = rows[e]
        cells = "".join(
            f"{row[k]:,} ({percent(row[f'{k}_share'])} of {percent(row[f'{k}_asked'])})".rjust(24)
            for k in _COLUMNS
        )
        more = f" to {len(rows) - 1}" if e == shown[-1] and e < len(rows) - 1 else ""
        click.echo(f"{f'{e}{more}':<11}{row['images']:>9,}{cells}")
    for note in made.notes:
        click.echo(f"Not reached  {visible(note)}")
    if dst is not None:
        click.echo(f"\n{dst}: lists of {count(len(made), 'epoch')}")


def _epochs_shown(made: Mix) -> list[int]:
    """The warm-up, thinned where it is long, and the first epoch after it."""
    last = min(int(made.settings["warmup"]), len(made) - 1)
    if last < _SHOWN:
        return list(range(last + 1))
    return sorted({round(k * last / (_SHOWN - 1)) for k in range(_SHOWN)})
