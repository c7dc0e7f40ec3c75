"""``fastlabel check``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset import DatasetError
from ._cache import cache_to_use, going_on, say_reused
from ._options import engine, kept_results, read_as
from ._outside import keep_out_of
from ._progress import images_bar
from ._user_rules import allow_user_code, own_rules

if TYPE_CHECKING:
    from ..check import Report
    from ..config import Config

_OUTPUT = ("full", "concise", "json", "jsonl", "sarif", "github")
_DEFAULT_OUT = "fastlabel-report"


@click.command("check", short_help="Audit a data set and write a health report.")
@click.argument("data")
@click.option(
    "--images",
    "images",
    multiple=True,
    metavar="SOURCE",
    help="Read the pictures from here, by name: a folder, a tar, zip or Parquet file or a pattern "
    "of them, a URL (s3://...), or @LIST. May be given several times.",
)
@click.option(
    "--deploy",
    metavar="NAME|FILE",
    help="Judge for this deployment: edge-640, doorbell-416, drone-4k, mcu-96, a device tier "
    "(cloud, edge-gateway, end-device, micro), or a TOML file.",
)
@click.option("--split", metavar="NAME", help="Look at this split only.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=f"Where the report goes [default: {_DEFAULT_OUT}/ in the current folder].",
)
@read_as(images=True)
@click.option(
    "--pred",
    "predictions",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Judge the labels against what a model predicts (rules FL7): COCO results, YOLO text "
    "with scores, a table. Several are several models, or folds.",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="FRAMES",
    help="Frames of the deployment, or a TOML file with a [scene]: which images are unlike them, "
    "and what of them no image shows (rules FL8).",
)
@click.option("--select", metavar="CODES", help="Run only these rules, e.g. FL2,FL401.")
@click.option("--ignore", metavar="CODES", help="Leave these rules out.")
@click.option(
    "--output-format",
    type=click.Choice(_OUTPUT),
    default="full",
    show_default=True,
    help="What to print on stdout.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    help="Exit with 1 when a finding is at least this severe [default: error].",
)
@click.option(
    "--workers",
    type=click.IntRange(0, 1024),
    metavar="N",
    help="Decoding threads; 0 means one a CPU [default: 0].",
)
@engine
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    metavar="N",
    help="Do not decode an image of more pixels [default: 250,000,000].",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(1),
    metavar="N",
    help="Do not open a file of more bytes [default: 512 MiB].",
)
@click.option(
    "--max-scans",
    type=click.IntRange(1),
    metavar="N",
    help="Do not decode a progressive JPEG of more scans [default: 200].",
)
@kept_results
@click.option(
    "--max-findings",
    type=click.IntRange(0),
    metavar="N",
    help="Print at most N findings, worst first; the Parquet and the page have all the same.",
)
@click.option(
    "--budget",
    type=click.IntRange(0),
    metavar="N",
    help="Print the N objects to look at first, and what they cost and bring.",
)
@allow_user_code
@click.option(
    "--truth",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A truth.json of `fastlabel sample`: say which planted faults were found.",
)
def command(data: str, **options: Any) -> int:
    """Audit the data set in DATA: a folder, a COCO json or a data.yaml.

    Or images without labels: a tar, zip or Parquet file, a pattern of them, a URL or @LIST.
    Reads the labels, decodes every image once, applies the rules, prints what to fix first
    and writes report.html, summary.json and all tables as Parquet. DATA is never changed.
    """
    from .. import config as settings
    from ..check import check
    from ..scan.sources import is_image_source, local_path

    config = settings.load()
    config = _with_limits(config, options)
    out = options["out"] or Path(config.out or _DEFAULT_OUT)
    data = local_path(data) or data
    pictures = options["images"]
    alone = not pictures and is_image_source(data)
    if not alone and not Path(data).exists():
        raise DatasetError(f"{data}: no such file or folder; name the folder of the data set")
    for place in (*(() if alone else (data,)), *pictures):
        if Path(place).is_dir() or place == data:
            _keep_out_of(out, Path(place))
    cache = cache_to_use(config, options, (data, *pictures))
    own = own_rules(config, options["allow_user_code"])
    with images_bar("decoding") as progress, going_on(cache):
        report = check(
            data,
            deploy=options["deploy"],
            format=options["fmt"],
            split=options["split"],
            select=_codes(options["select"]),
            ignore=_codes(options["ignore"]),
            workers=config.workers or 0 if options["workers"] is None else options["workers"],
            config=config,
            rules=own,
            progress=progress,
            cache=cache or False,
            images=pictures or None,
            engine=options["engine"],
            predictions=options["predictions"],
            reference=options["reference"],
            budget=options["budget"],
        )
    # A file inside the set may be named: its root is what must stay as it is.
    if report.ds.root.is_dir():
        _keep_out_of(out, report.ds.root)
    if options["truth"] is not None:
        report.summary["truth"] = _score(options["truth"], report)
    report.write(out)
    say_reused(cache)
    _say_unread(report)
    _print(report, options["output_format"], out, options["max_findings"], options["budget"])
    return _exit_code(report, options["fail_on"] or config.fail_on or "error")


def _say_unread(report: Report) -> None:
    """Name reference frames that were not used: about this run, so not on stdout."""
    from ..report.text import count, listed, visible

    lost = report.summary.get("scene", {}).get("unread_frame_names", [])
    if lost:
        verb = "was" if len(lost) == 1 else "were"
        click.echo(
            f"fastlabel: {count(len(lost), 'reference frame')} {verb} not decoded whole, so not "
            f"used: {listed([visible(name) for name, _ in lost])}",
            err=True,
        )


def _with_limits(config: Config, options: dict[str, Any]) -> Config:
    from dataclasses import replace

    given = {
        name: options[name]
        for name in ("max_pixels", "max_bytes", "max_scans")
        if options[name] is not None
    }
    return replace(config, limits=replace(config.limits, **given))


def _codes(text: str | None) -> list[str] | None:
    return None if text is None else [c.strip() for c in text.split(",") if c.strip()]


def _keep_out_of(out: Path, data: Path) -> None:
    keep_out_of(out, data)
    if out.exists() and not out.is_dir():
        raise DatasetError(f"{out}: is a file; choose a folder with --out")


def _score(path: Path, report: Report) -> dict[str, Any]:
    from ..sample.truth import score

    try:
        return score(json.loads(path.read_text(encoding="utf-8")), report.findings, report.ds)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: cannot be used as truth.json: {error}") from error


def _print(report: Report, fmt: str, out: Path, most: int | None, budget: int | None) -> None:
    from ..report import write
    from ..report.review import write_queue

    write(report, fmt, sys.stdout, most=most)
    if budget is not None and fmt in ("full", "concise"):
        write_queue(report, sys.stdout, budget)
    found = report.findings.num_rows
    if most is not None and most < found:
        where = out / "findings.parquet"
        click.echo(f"Printed: the first {most:,} of {found:,} findings; all: {where}", err=True)
    if fmt == "full":
        click.echo(f"\nReport: {out / 'report.html'}")
    truth = report.summary.get("truth")
    if truth is not None:
        click.echo(_truth_text(truth), err=fmt not in ("full", "concise"))


def _truth_text(truth: dict[str, Any]) -> str:
    lines = [
        f"Planted faults: {truth['found']} of {truth['planted']} found, "
        f"{len(truth['unexpected'])} other findings."
    ]
    lines += [f"  missed: {item}" for item in truth["missed"]]
    lines += [f"  not planted: {item}" for item in truth["unexpected"]]
    return "\n".join(lines)


def _exit_code(report: Report, fail_on: str) -> int:
    from ..schema import SEVERITIES

    if fail_on == "never":
        return 0
    counts = report.summary["findings"]["by_severity"]
    return int(any(counts.get(s, 0) for s in SEVERITIES[: SEVERITIES.index(fail_on) + 1]))


__all__ = ["command"]
