"""``fastlabel evaluate-findings``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..dataset import DatasetError


@click.command("evaluate-findings", short_help="Score findings against planted errors.")
@click.argument("findings", type=click.Path(path_type=Path))
@click.option(
    "--ledger",
    required=True,
    type=click.Path(path_type=Path),
    metavar="L",
    help="The folder that `fastlabel corrupt` made, or its ledger.parquet.",
)
@click.option(
    "--queue",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rank by this queue.parquet of the same check, not by score.",
)
@click.option("--select", metavar="FL7,...", help="Rules to look at, or their beginnings.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Least score of a finding.",
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Curves: .svg, .png.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Numbers as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def command(findings: Path, ledger: Path, **options: Any) -> int:
    """Score the FINDINGS of a check, a folder or its findings.parquet, against planted errors.

    Right is a finding that names a wrong row, or that proposes a box where one was taken away.
    """
    import json

    from .._output import write_whole
    from ..evaluate import evaluate_findings
    from ..evaluate.findings import read_parquet

    plot = options["plot"]
    if plot is not None and plot.suffix.lower() not in (".svg", ".png"):
        raise click.UsageError(f"--plot: got {plot.name!r}, expected a name in .svg or .png")
    select = options["select"]
    queue = options["queue"]
    try:
        scores = evaluate_findings(
            findings,
            ledger,
            _set_of(ledger),
            queue=None if queue is None else read_parquet(queue, "queue.parquet"),
            select=None if select is None else [c.strip() for c in select.split(",") if c.strip()],
            threshold=options["threshold"],
        )
    except ValueError as error:  # a table that is another one
        raise DatasetError(str(error)) from error
    summary = scores.summary()
    text = json.dumps(summary, indent=2) + "\n"
    if options["out"] is not None:
        write_whole({options["out"]: lambda part: part.write_text(text, encoding="utf-8")})
    if plot is not None:
        scores.plot(plot)
    click.echo(text if options["as_json"] else _text(summary), nl=False)
    return 0


def _set_of(ledger: Path) -> Any:
    """The corrupted set beside the ledger, if it is there; then the two are checked."""
    from ..formats import read

    return read(ledger) if ledger.is_dir() else None


def _text(s: dict[str, Any]) -> str:
    got = s["outcomes"]
    lines = [
        f"Errors     {s['errors']:,} in {s['images']:,} images",
        f"Findings   {got['right']:,} right, {got['again']:,} of the same errors again, "
        f"{got['wrong']:,} wrong, {got['aside']:,} not about a box",
        f"Precision  {_figure(s['precision'])}   recall {_figure(s['recall'])}",
        f"AP         {_figure(s['average_precision'])} of errors, "
        f"{_figure(s['image_average_precision'])} of images",
        "",
        f"{'kind':<12}{'planted':>9}{'found':>9}{'recall':>9}{'AP':>9}",
    ]
    lines += [
        f"{row['kind']:<12}{row['planted']:>9,}{row['found']:>9,}{row['recall']:>9.3f}"
        f"{row['average_precision']:>9.3f}"
        for row in s["per_kind"]
    ]
    lines += ["", f"{'rule':<12}{'findings':>9}{'right':>9}{'wrong':>9}{'precision':>11}"]
    lines += [
        f"{row['code']:<12}{row['findings']:>9,}{row['right']:>9,}{row['wrong']:>9,}"
        f"{_figure(row['precision']):>11}"
        for row in s["per_code"]
    ]
    return "\n".join(lines) + "\n"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
