"""``fastlabel evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import read_as, workers
from ._outside import keep_out_of

if TYPE_CHECKING:
    from ..evaluate import Evaluation

#: Classes that are printed; the tables have them all.
_SHOWN = 20
_EVALUATION = "evaluation.json"
_CLASSES, _LABELS, _PREDICTIONS = "classes.parquet", "labels.parquet", "predictions.parquet"
_CURVE = "precision.svg"


@click.command("evaluate", short_help="Score predictions against labels, as COCO does.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--pred",
    "pred",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="P",
    help="Predictions, as check --pred takes them; folds may be given one by one.",
)
@click.option("--model", metavar="NAME", help="Which model, where P has several.")
@click.option("--split", metavar="S", help="Only images of this split.")
@click.option(
    "--deploy", metavar="NAME|FILE", help="Also by size at this deployment's input, in strides."
)
@click.option(
    "--score",
    type=click.FloatRange(0, 1),
    metavar="X",
    help="From which on predictions count for confusion and errors [default: best F1].",
)
@click.option(
    "--ignore",
    type=click.Choice(["region", "label", "count"]),
    default="region",
    show_default=True,
    help="What a label with ignore is: a crowd, nothing to be found, or a label like any other.",
)
@read_as(images=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write the numbers as JSON, tables of classes, labels and predictions, and a curve.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@workers
def command(data: Path, pred: tuple[Path, ...], **options: Any) -> int:
    """Score predictions against the labels of DATA.

    The twelve figures are those of pycocotools. DATA is never changed.
    """
    import json

    from .. import deploy as profiles
    from ..evaluate import evaluate
    from ..formats import read
    from ..predictions import read_predictions

    profile = profiles.load(options["deploy"]) if options["deploy"] else None
    dataset = read(data, options["fmt"])
    if options["out"] is not None:
        keep_out_of(options["out"], dataset.root, what="the evaluation")
    predictions = read_predictions(list(pred) if len(pred) > 1 else pred[0], dataset)
    model = options["model"]
    result = evaluate(
        dataset,
        predictions,
        split=options["split"],
        model=model,
        ignore=options["ignore"],
        workers=options["workers"],
    )
    summary = result.summary(score=options["score"], deploy=profile)
    if options["out"] is not None:
        _write(result, summary, options["out"])
    if as_json := options["as_json"]:
        click.echo(json.dumps(summary, indent=2))
    else:
        _print(summary)
    if options["out"] is not None and not as_json:
        click.echo(f"\n{options['out']}")
    return 0


def _write(result: Evaluation, summary: dict[str, Any], out: Path) -> None:
    import json

    import pyarrow.parquet as pq

    from .._output import write_whole

    out.mkdir(parents=True, exist_ok=True)
    labels, predictions = result.label_table(), result.prediction_table(summary["score"])
    text = json.dumps(summary, indent=2) + "\n"
    write_whole(
        {
            out / _EVALUATION: lambda part: part.write_text(text, encoding="utf-8"),
            out / _CLASSES: lambda part: pq.write_table(result.per_class, part),
            out / _LABELS: lambda part: pq.write_table(labels, part),
            out / _PREDICTIONS: lambda part: pq.write_table(predictions, part),
        }
    )
    result.plot(out / _CURVE)


def _print(s: dict[str, Any]) -> None:
    from ..report.text import count, visible

    click.echo(
        f"Labels      {s['labels']:,} in {count(s['images'], 'image')}, "
        f"{s['predictions']:,} predictions"
    )
    stats = list(s["stats"].items())
    half = len(stats) // 2
    for left, right in zip(stats[:half], stats[half:], strict=True):
        click.echo(f"  {left[0]:<10}{_figure(left[1])}      {right[0]:<10}{_figure(right[1])}")
    click.echo(f"\nErrors at score {s['score']:.3g} and IoU {s['iou']:g}, and AP that each costs")
    for row in s["mistakes"]:
        click.echo(f"  {row['type']:<12}{row['count']:>8,}   {row['lost_ap']:+.3f}")
    for label, said, n in s["confused"][:5]:
        click.echo(f"  {visible(label)} taken for {visible(said)}: {n:,}")
    if s["sizes"] is not None:
        click.echo(f"\nSize at the input of {visible(s['deploy'])}, in strides")
        click.echo(f"  {'':<12}{'labels':>8}{'AP':>8}{'AP50':>8}{'AR':>8}")
        for row in s["sizes"]:
            high = "more" if row["high"] is None else f"{row['high']:g}"
            name = f"{row['low']:g} to {high}"
            click.echo(f"  {name:<12}{row['labels']:>8,}{_cells(row)}")
    click.echo(f"\n  {'':<24}{'labels':>8}{'AR':>8}{'recall':>8}")
    for row in s["difficulty"]:
        name = f"{row['by']}: {row['group']}"
        numbers = "".join(f"{_figure(row[key]):>8}" for key in ("AR", "recall"))
        click.echo(f"  {visible(name):<24}{row['labels']:>8,}{numbers}")
    classes = [row for row in s["classes"] if row["labels"]]
    classes.sort(key=lambda row: -row["labels"])
    click.echo(f"\n  {'class':<24}{'labels':>8}{'AP':>8}{'AP50':>8}{'AR':>8}")
    for row in classes[:_SHOWN]:
        click.echo(f"  {visible(row['name'], 23):<24}{row['labels']:>8,}{_cells(row)}")
    if len(classes) > _SHOWN:
        click.echo(f"  and {count(len(classes) - _SHOWN, 'class', 'classes')} more")
    for note in s["notes"]:
        click.echo(f"Note        {visible(note)}")


def _cells(row: dict[str, Any]) -> str:
    return "".join(f"{_figure(row[key]):>8}" for key in ("AP", "AP50", "AR"))


def _figure(value: float | None) -> str:
    return "-" if value is None or value < 0 else f"{value:.3f}"
