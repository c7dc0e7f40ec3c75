"""``fastlabel lint-augment``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options import read_as

if TYPE_CHECKING:
    from ..lint import AugmentLint

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmM]?)")


def _parameters(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = _SIZE.fullmatch(value.strip())
    size = float(found[1]) * {"": 1, "k": 1e3, "m": 1e6}[found[2].lower()] if found else 0.0
    if not 0 < size < 1e15:
        raise click.BadParameter(f"got {value!r}, expected a number such as 3200000, 3.2M or 450k")
    return size


@click.command("lint-augment", short_help="Judge augmentation settings of any trainer.")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path), required=False)
@click.option(
    "--from",
    "kind",
    type=click.Choice(["auto", "ultralytics", "albumentations", "torchvision", "fastlabel"]),
    default="auto",
    show_default=True,
    help="What CONFIG is of.",
)
@click.option(
    "--classes", metavar="NAMES", help="Class names, with commas, where there is no DATA."
)
@click.option("--deploy", metavar="NAME|FILE", help="Judge for this deployment.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="FRAMES",
    help="A folder of frames of the deployment: what light and blur there are (FL906).",
)
@click.option(
    "--parameters",
    metavar="N",
    callback=_parameters,
    help="Parameters of the model, as 3.2M [default: as CONFIG's model is known to have].",
)
@read_as(images=False)
@click.option(
    "--output-format",
    type=click.Choice(["full", "json"]),
    default="full",
    show_default=True,
    help="Text, or JSON for programs.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    help="Exit with 1 when a finding is at least this severe [default: error].",
)
def command(config: Path, data: Path | None, **options: Any) -> int:
    """Judge the augmentation settings in CONFIG, for the data set in DATA.

    CONFIG is an Ultralytics args.yaml, a pipeline that Albumentations saved (JSON or YAML), a
    list of torchvision's transforms (what repr prints, a list as in code, or YAML), or a recipe
    of `fastlabel augment`. Nothing in it is run. What classes are like is told by their names;
    [lint.classes] in fastlabel.toml corrects that.
    """
    from .. import config as settings
    from ..formats import read
    from ..lint import lint_augment

    found_settings = settings.load()
    ds = read(data, format=options["fmt"]) if data is not None else None
    names = options["classes"]
    linted = lint_augment(
        config,
        ds,
        classes=None if names is None else [n.strip() for n in names.split(",") if n.strip()],
        deploy=options["deploy"],
        reference=options["reference"],
        parameters=options["parameters"],
        kind=options["kind"],
        settings=found_settings,
    )
    if options["output_format"] == "json":
        _print_json(linted)
    else:
        _print(linted)
    fail_on = options["fail_on"] or found_settings.fail_on or "error"
    return int(fail_on != "never" and linted.at_least(fail_on) > 0)


def _print_json(linted: AugmentLint) -> None:
    rows = linted.findings.select(
        ["code", "severity", "score", "message", "value", "threshold", "suggestion", "evidence"]
    ).to_pylist()
    for row in rows:
        row["evidence"] = json.loads(row["evidence"])
    out = {
        "source": linted.pipeline.source,
        "library": linted.pipeline.library,
        "findings": rows,
        "notes": list(linted.notes),
    }
    click.echo(json.dumps(out, indent=2, ensure_ascii=True))


def _print(linted: AugmentLint) -> None:
    from ..report.text import count, visible
    from ..rules import RULES

    for row in linted.findings.to_pylist():
        name = RULES[row["code"]].name
        click.echo(f"{row['severity']}: {row['code']} {name}: {visible(row['message'])}")
    for note in linted.notes:
        click.echo(f"note: {visible(note)}")
    severities = linted.findings["severity"].to_pylist()
    parts = [count(severities.count(s), s) for s in ("error", "warning") if s in severities]
    said = " and ".join(parts) if parts else "nothing found"
    steps = count(len(linted.pipeline.steps), "step")
    click.echo(
        f"{visible(linted.pipeline.source)}: {linted.pipeline.library}, {steps} judged: {said}"
    )
