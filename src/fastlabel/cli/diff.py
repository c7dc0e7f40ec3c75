"""``fastlabel diff``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._outside import keep_out_of

if TYPE_CHECKING:
    from ..compare import Diff


@click.command("diff", short_help="Show how two data sets, or two versions of one, differ.")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--min-iou",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Two boxes that overlap less are not the same box.",
)
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
    help="Write a page with both distributions of each feature.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every change as Parquet.",
)
def command(
    a: Path, b: Path, min_iou: float, output_format: str, html: Path | None, out: Path | None
) -> int:
    """Show what changed from A to B, and how far apart their distributions are.

    Each is a data set, of which only the labels are read, or a folder that `fastlabel check`
    wrote; of two of those the bytes of the images are compared too. Exit codes: 0 the same,
    1 different, 2 unreadable.
    """
    from ..compare import diff

    for target in (html, out):
        for source in (a, b):
            if target is not None:
                keep_out_of(target, source, what="the result", remedy="choose another place")
    found = diff(a, b, min_iou=min_iou)
    if html is not None:
        found.to_html(html)
    if out is not None:
        found.write(out)
    if output_format == "json":
        click.echo(json.dumps(found.summary, indent=2, allow_nan=False))
    else:
        click.echo(_text(found))
    return int(not found.same)


def _text(found: Diff) -> str:
    from ..report.text import number, visible

    s = found.summary
    lines = [
        f"{letter}  {visible(x['name'], 60)} ({x['format']}): {x['images']:,} images, "
        f"{x['boxes']:,} boxes, {x['classes']:,} classes"
        for letter, x in (("A", s["a"]), ("B", s["b"]))
    ]
    lines += ["", "The same: no image, box or class differs."] if s["same"] else [""]
    for kind, n in s["changes"].items():
        if not n:
            continue
        lines.append(f"{kind:<16} {n:>12,}")
        for row in s["examples"][kind]:
            lines.append(f"    {_example(row)}")
        if n > len(s["examples"][kind]):
            lines.append(f"    and {n - len(s['examples'][kind]):,} more")
    if s["moved"]:
        m = s["moved"]
        lines.append(
            f"moved boxes: half by under {number(m['median_shift'])} px, 19 of 20 by under "
            f"{number(m['p95_shift'])} px, the farthest {number(m['most_shift'])} px"
        )
    if not s["same"]:
        lines += [
            "",
            f"{'feature':<20} {'divergence':>10} {'KS':>8} {'moved by':>10}   median A -> B",
        ]
    features = [] if s["same"] else sorted(s["features"], key=lambda f: -(f["jensen_shannon"] or 0))
    for f in features:
        unit = "octaves" if f["kind"] == "log" else f["unit"]
        numbers = [
            f"{number(f[key]) if f[key] is not None else '-':>{wide}}"
            for key, wide in (("jensen_shannon", 10), ("ks", 8), ("wasserstein", 10))
        ]
        medians = ""
        if f["kind"] != "categories":
            medians = f" {unit}; {number(f['median_a'])} -> {number(f['median_b'])} {f['unit']}"
        lines.append(f"{f['name'].replace('_', ' '):<20} {' '.join(numbers)}{medians}")
    return "\n".join(lines)


def _example(row: dict[str, Any]) -> str:
    """One change in words."""
    from ..report.text import number, visible

    before, after = (visible(row.get(k), 60) for k in ("before", "after"))
    changed = before and after and before != after
    said = f"{before} -> {after}" if changed else before or after or "no split"
    box = row.get("annotation_a", row.get("annotation_b"))
    if box is not None:
        said += f", box {box} of image {row.get('image_a', row.get('image_b'))}"
    if "shift" in row:
        said += f", by {number(row['shift'])} px (IoU {row['iou']:.2f})"
    return said
