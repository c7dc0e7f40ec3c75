"""``fastlabel calibrate``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("calibrate", short_help="Fit the scores of rules to what reviewers found.")
@click.argument("rounds", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Part of a fastlabel.toml to write: a [calibration.<code>] table for each rule.",
)
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Findings that are expected to be right less often than this become info.",
)
def command(rounds: tuple[Path, ...], out: Path, precision: float) -> int:
    """Fit the scores of each rule to the verdicts of ROUNDS.

    A round is a plan that `fastlabel review --from` wrote, or the .verdicts.parquet beside it.
    Put what is written into your fastlabel.toml, and `check` uses it. With few verdicts the
    scores stay nearly as they were, and it says so.
    """
    from .._output import write_whole
    from ..clean.review import calibrate, read_round
    from ..report.text import visible

    tables = [read_round(place) for place in rounds]
    found = calibrate(tables, precision=precision, sources=[visible(p.name, 60) for p in rounds])
    out.parent.mkdir(parents=True, exist_ok=True)
    text = found.toml()
    write_whole({out: lambda part: part.write_text(text, encoding="utf-8")})
    click.echo("Rule    verdicts  right  precision (95 %)     log loss, was -> fitted  least score")
    for fit in found.rules:
        loss = "too few images"
        if fit.loss_before is not None and fit.loss_after is not None:
            loss = f"{fit.loss_before:.3f} -> {fit.loss_after:.3f}"
        least = "none" if fit.least is None else f"{fit.least:.2f}"
        few = "  few verdicts: mostly as it was" if fit.few else ""
        click.echo(
            f"{fit.code:<7} {fit.judged:>8,} {fit.right:>6,}  {fit.right / fit.judged:.2f} "
            f"({fit.low:.2f} to {fit.high:.2f})  {loss:>23}  {least:>11}{few}"
        )
    for reason, n in found.left_out.items():
        click.echo(f"Not used   {n:,} verdicts {reason}")
    click.echo(f"\n{out}: add it to your fastlabel.toml")
    return 0
