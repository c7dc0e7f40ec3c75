"""``fastlabel predict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset import DatasetError
from ._options import as_channels, as_size, read_as, workers
from ._outside import keep_out_of
from ._progress import images_bar

if TYPE_CHECKING:
    from ..predictions import Predictions
    from ..predictions.run import Run

_SHOWN = 8
_TOLD = 20


@click.command("predict", short_help="Run an ONNX detector over a data set.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="M.onnx",
    help="The detector.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="COCO results as .json, or a table as .parquet, .arrow or .csv.",
)
@click.option(
    "--names",
    metavar="FILE|A,B,...",
    help="The model's classes in order: a file with one a line, or a data.yaml "
    "[default: from the model].",
)
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="MODEL=SET",
    help="A class of the model that the set calls otherwise; MODEL= for one that it does not "
    "have. Repeatable.",
)
@click.option(
    "--decoder",
    type=click.Choice(["yolov5", "yolov8", "end2end", "nms", "fastestdet"]),
    help="What the outputs are [default: what they look like].",
)
@click.option(
    "--box-format",
    type=click.Choice(["xyxy", "xyxyn", "yxyxn", "cxcywh", "cxcywhn"]),
    help="Boxes of a model that suppresses for itself; n: shares of the input [default: xyxy].",
)
@click.option(
    "--score",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="Drop boxes with less.",
)
@click.option(
    "--iou",
    type=click.FloatRange(0, 1),
    default=0.45,
    show_default=True,
    help="Suppress boxes of a class that overlap more.",
)
@click.option(
    "--most", type=click.IntRange(1), default=300, show_default=True, help="Boxes an image."
)
@click.option(
    "--size",
    callback=as_size,
    metavar="PIXELS|WIDTHxHEIGHT",
    help="Of the input, where the model takes any [default: from the model, or 640].",
)
@click.option("--fit", type=click.Choice(["letterbox", "stretch"]), help="Into the input.")
@click.option("--color", type=click.Choice(["rgb", "bgr"]), help="Order of the channels.")
@click.option("--mean", callback=as_channels, metavar="A,B,C", help="Of the input, in 0..1.")
@click.option("--std", callback=as_channels, metavar="A,B,C", help="Of the input, in 0..1.")
@click.option(
    "--preprocess",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The recipe of the input, instead of size, fit, colour, mean and std.",
)
@click.option("--split", metavar="S", help="Only this split.")
@click.option(
    "--batch",
    type=click.IntRange(1, 4096),
    metavar="N",
    help="Pictures at a time, where the model takes any number [default: 4].",
)
@workers
@read_as(images=True)
@click.option("--fresh", is_flag=True, help="Use nothing that a stopped run has left.")
def command(data: Path, model: Path, out: Path, **options: Any) -> int:
    """Run the detector M.onnx over every picture of DATA; write what it finds.

    Needs the extra `predict` (onnxruntime). A run that was stopped goes on: what is found is kept
    in FILE.parts until all of it is. FILE.meta says which images were looked at and which classes
    the model knows; `check --pred FILE` uses it. Exit code 1: some pictures could not be read;
    the rest is complete.
    """
    from .. import config
    from ..formats import read
    from ..predictions import record, writing
    from ..predictions.network import Settings
    from ..predictions.run import prepare
    from ..recipe import Preprocess
    from ..scan import Limits

    suffix = out.suffix.lower()
    if suffix not in writing.ENDINGS:
        raise DatasetError(f"{out}: unknown ending; use one of {', '.join(writing.ENDINGS)}")
    if not data.exists():
        raise DatasetError(f"{data}: no such file or folder; name the folder of the data set")
    ds = read(data, options["fmt"])
    if options["split"] is not None:
        ds = ds.select_split(options["split"])
    keep_out_of(
        out, ds.root, what="the predictions", remedy="choose another place for them with -o"
    )
    if out.resolve() == model.resolve():
        raise DatasetError(f"{out}: is the model; choose another file with -o")
    if not len(ds):
        raise DatasetError(f"{data}: has no images to look at")
    recipe = None
    if options["preprocess"] is not None:
        given = [name for name in ("size", "fit", "color", "mean", "std") if options[name]]
        if given:
            raise click.UsageError(f"--{given[0]} is in the recipe; leave it or --preprocess out")
        recipe = Preprocess.load(options["preprocess"])
    wanted = ("decoder", "box_format", "size", "fit", "color", "mean", "std", "score", "iou")
    run = prepare(
        ds,
        model,
        names=_names(options["names"], options["mapped"]),
        settings=Settings(
            **{name: options[name] for name in (*wanted, "most", "batch")}, preprocess=recipe
        ),
        limits=Limits.of(config.load()),
    )
    with images_bar("predicting") as progress:
        found = run(
            workers=options["workers"],
            progress=progress,
            keep=out.with_name(out.name + ".parts"),
            fresh=options["fresh"],
            leave=True,
        )
    data_bytes = writing.encode(found, ds, suffix)
    beside = record.of_run(data_bytes, run, found).encode("utf-8", "surrogatepass")
    if run.parts is not None:
        run.parts.publish({record.name_of(out): beside, out: data_bytes})
        run.parts.remove()
    return _say(run, found, out)


def _names(names: str | None, mapped: Sequence[str]) -> Any:
    from ..predictions.classes import read_names

    told: dict[Any, Any] = {}
    if names is not None:
        given = read_names(names)
        told.update(given if isinstance(given, dict) else enumerate(given))
    for pair in mapped:
        own, sign, other = pair.partition("=")
        if not sign or not own:
            raise click.UsageError(f"--map {pair!r}: write MODEL=SET, a class name on both sides")
        told[own] = other or None
    return told or None


def _say(run: Run, found: Predictions, out: Path) -> int:
    from ..report.text import count, visible

    names = run.ds.categories["name"].to_pylist()
    knows = [str(names[k]) for k in run.knows.tolist()]
    rest = [str(name) for k, name in enumerate(names) if k not in set(run.knows.tolist())]
    network = run.network
    lines = [
        f"{out}: {count(len(found), 'box', 'boxes')} in {count(len(found.seen[0]), 'image')}",
        f"  model    {network.path.name}: {network.decoder.name}, {network.size[0]} x "
        f"{network.size[1]}, {len(network.names)} classes",
        f"  knows    {_listed(knows)}",
    ]
    if rest:
        lines.append(f"  not      {_listed(rest)}: nothing it says or leaves out counts for these")
    if run.resumed:
        lines.append(f"  kept     {count(run.resumed, 'image')} from a run that was stopped")
    if run.parts is not None and run.parts.damaged:
        lines.append(f"  damaged  {count(run.parts.damaged, 'part')} of it, made again")
    for line in lines:
        click.echo(visible(line))
    problems = found.problems.to_pylist()
    for problem in problems[:_TOLD]:
        click.echo(visible(f"  {problem['kind']}: {problem['message']}"), err=True)
    if len(problems) > _TOLD:
        click.echo(f"  and {len(problems) - _TOLD:,} more of this", err=True)
    return int(any(problem["kind"] == "unseen-image" for problem in problems))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    more = len(names) - _SHOWN
    return (shown or "none") + (f" and {more} more" if more > 0 else "")


__all__ = ["command"]
