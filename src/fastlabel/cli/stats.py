"""``fastlabel stats``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._outside import keep_out_of

if TYPE_CHECKING:
    from ..compare import Stats

_BLOCKS = " ▁▂▃▄▅▆▇█"
_MOST_LINES = 12


@click.command("stats", short_help="Show the distributions of a data set.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What to print on stdout.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page with a plot of each feature.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the histograms as Parquet.",
)
def command(data: Path, output_format: str, html: Path | None, out: Path | None) -> None:
    """Show the distributions of DATA: classes, boxes, images, splits.

    DATA is a data set, of which only the labels are read, or a folder that `fastlabel check`
    wrote, which has the brightness, sharpness and noise of the pictures too.
    """
    from ..compare import stats

    for target in (html, out):
        if target is not None:
            keep_out_of(target, data, what="the result", remedy="choose another place")
    found = stats(data)
    if html is not None:
        found.to_html(html)
    if out is not None:
        found.write(out)
    if output_format == "json":
        click.echo(json.dumps(found.summary, indent=2, allow_nan=False))
    else:
        click.echo(_text(found))


def _text(found: Stats) -> str:
    from ..compare.page import axis_marks
    from ..report.text import number, visible

    data = found.summary["dataset"]
    lines = [
        f"{visible(data['name'], 60)} ({data['format']}): {data['images']:,} images, "
        f"{data['boxes']:,} boxes, {data['classes']:,} classes"
    ]
    for f in found.summary["features"]:
        title = f["name"].replace("_", " ")
        if f["kind"] == "categories":
            lines += ["", f"{title}  ({f['unit']})", *_category_lines(f)]
        elif f["quantiles"]:
            q = f["quantiles"]
            span = f"{number(q['p05'])} .. {number(q['p50'])} .. {number(q['p95'])}"
            beyond = f["below"] + f["above"]
            notes = [f"{n:,} {w}" for n, w in ((beyond, "beyond"), (f["unknown"], "unknown")) if n]
            marks = axis_marks(f)
            lines.append("") if not lines[-1].startswith("  |") else None
            lines.append(
                f"{title:<18} {f['unit']:<18} 5 % .. median .. 95 %: {span}"
                + (f"  ({', '.join(notes)})" if notes else "")
            )
            lines.append(f"  |{_spark(f['counts'])}|  {number(marks[0])} to {number(marks[-1])}")
        else:
            lines += ["", f"{title:<18} {f['unit']:<18} nothing known"]
    return "\n".join(lines)


def _category_lines(f: dict[str, Any]) -> list[str]:
    from ..report.text import visible

    most = max(f["counts"], default=0) or 1
    wide = max((len(visible(n, 30)) for n in f["categories"][:_MOST_LINES]), default=0)
    lines = [
        f"  {visible(name, 30):<{wide}} {'█' * max(round(24 * n / most), int(n > 0)):<24} {n:,}"
        for name, n in list(zip(f["categories"], f["counts"], strict=True))[:_MOST_LINES]
    ]
    more = len(f["categories"]) + f["other_categories"] - len(lines)
    return [*lines, f"  and {more:,} more"] if more > 0 else lines


def _spark(counts: list[int]) -> str:
    most = max(counts, default=0) or 1
    return "".join(_BLOCKS[0 if not n else max(round(8 * n / most), 1)] for n in counts)
