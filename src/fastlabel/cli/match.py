"""``fastlabel match``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import ConfigError
from ..dataset import DatasetError
from ._options import read_as, workers
from ._outside import keep_out_of
from ._progress import images_bar

if TYPE_CHECKING:
    from ..match import Match

#: Unread files that are named.
_NAMED = 5


@click.command("match", short_help="Weigh images by how much they look like the deployment.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--reference",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FRAMES",
    help="Some hundred frames of the deployment, unlabelled or a data set; or a TOML file with a "
    "[scene] that describes it.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("fastlabel-match"),
    show_default=True,
    help="Folder for match.html, match.json and the tables.",
)
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    metavar="PLAN.parquet",
    help="Write a plan of the weights and exclusions too, for `fastlabel apply`.",
)
@click.option(
    "--dropped",
    type=click.Choice(["exclude", "quarantine", "weigh"]),
    default="exclude",
    show_default=True,
    help="What the plan does to images that are to be dropped.",
)
@click.option(
    "--groups",
    metavar="LIST",
    help="Compare only these: light,detail,noise,colour,viewpoint,boxes,embedding.",
)
@click.option(
    "--learner",
    type=click.Choice(["histogram", "sklearn"]),
    default="histogram",
    show_default=True,
    help="What estimates the ratio; sklearn needs the extra `match`.",
)
@click.option("--keep", type=float, default=0.5, show_default=True, help="Least ratio to keep.")
@click.option("--drop", type=float, default=0.1, show_default=True, help="Drop below this ratio.")
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="FILE.npy or FILE.parquet, one row an image: vectors of a model of your own.",
)
@click.option(
    "--reference-embeddings",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The same of the reference frames.",
)
@click.option("--deploy", metavar="NAME|FILE", help="Sharpness and noise are those at its input.")
@read_as(images=True)
@workers
def command(data: Path, reference: Path, out: Path, **options: Any) -> int:
    """Weigh the images of DATA by how much more frequent their scene is in FRAMES.

    Says which images to keep, weigh down or drop, and why; how much of the deployment the best k
    of them cover; and what of it none of them shows. Nothing is changed or deleted. Exit code 1:
    some pictures could not be read; the rest was matched.
    """
    from .. import config
    from ..formats import read
    from ..match import match
    from ..scan.limits import Limits

    limits = Limits.of(config.load())
    ds = read(data, options["fmt"])
    keep_out_of(out, ds.root, what="the match")
    plan = options["plan"]
    if plan is not None:
        keep_out_of(plan, ds.root, what="the plan", remedy="choose another --plan")
        if plan.suffix != ".parquet":
            raise DatasetError(f"{plan}: a plan is a Parquet file; name it {plan.stem}.parquet")
        if ds.format == "images":
            raise DatasetError(
                f"{ds.root}: has no labels, so there is nothing to plan on; leave out --plan"
            )
    try:
        with images_bar("matching") as progress:
            found = match(
                ds,
                reference,
                groups=options["groups"],
                learner=options["learner"],
                keep=options["keep"],
                drop=options["drop"],
                embeddings=_vectors(options["embeddings"]),
                reference_embeddings=_vectors(options["reference_embeddings"]),
                deploy=options["deploy"],
                workers=options["workers"],
                limits=limits,
                progress=progress,
            )
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:  # of an option: its name, value and what is expected
        raise click.UsageError(str(error)) from error
    found.write(out)
    _print(found, out)
    if plan is not None:
        made = found.plan(drop=options["dropped"])
        made.write(plan)
        counts = ", ".join(f"{n:,} {action}" for action, n in made.counts().items()) or "no rows"
        click.echo(f"{plan}: {counts}; look at it, then `fastlabel apply`")
    return int(bool(found.summary["unread_images"] or found.summary["unread_frames"]))


def _vectors(path: Path | None) -> Any:
    if path is None:
        return None
    from ..dedup.embeddings import load

    return load(path)


def _print(found: Match, out: Path) -> None:
    from ..match.page import curve_caption
    from ..match.reasons import gap_words
    from ..report.text import count, number, visible

    s = found.summary
    click.echo(
        f"Images      {s['images']:,} against {count(s['frames'], 'frame')} "
        f"({', '.join(s['groups'])})"
    )
    for decision, n in s["decisions"].items():
        click.echo(f"{decision.capitalize():<12}{n:,}")
    click.echo(
        f"Apart       AUC {s['auc']:.2f} of images and frames, 0.5 is alike; the weighted set "
        f"counts as {number(s['effective_images'])} images"
    )
    click.echo(f"Covered     {curve_caption(found)}")
    for gap in found.gaps:
        click.echo(f"Missing     {gap_words(gap)}")
    for note in found.notes:
        click.echo(f"Note        {visible(note)}")
    for what, files in (("Unread", found.unread_images()), ("Frame", found.unread_frames())):
        for name, why in files[:_NAMED]:
            click.echo(f"{what:<12}{visible(name)}: {visible(why)}")
        if len(files) > _NAMED:
            click.echo(f"{what:<12}and {len(files) - _NAMED:,} more, see the tables")
    click.echo(
        f"\n{out}: match.html, match.json, match.parquet, coverage.parquet, reference.parquet"
    )
