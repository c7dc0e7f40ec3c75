"""``fastlabel review``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..dataset import DatasetError
from ._checked import as_checked
from ._options import read_as
from ._outside import keep_out_of

if TYPE_CHECKING:
    from ..clean.review import ReviewRound
    from ..dataset import Dataset

#: Images named on the terminal, and lines for each; the tables have them all.
_NAMED, _LINES = 20, 6


@click.command("review", short_help="Review findings on a local page, or in a labelling tool.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--findings",
    type=click.Path(path_type=Path, exists=True),
    metavar="DIR",
    help="What `fastlabel check` wrote: its folder, or findings.parquet.",
)
@click.option(
    "--to",
    type=click.Choice(["label-studio", "cvat", "fiftyone", "sheet"]),
    help="Tool to write for; sheet: a page of small pictures.",
)
@click.option(
    "--from",
    "answer",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Read this export, of Label Studio (JSON) or CVAT (for images 1.1).",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Tasks to write (with --to), or the plan: FILE.parquet [default without --to and --from: "
    "review-plan.parquet beside the findings].",
)
@click.option(
    "--finding",
    type=click.IntRange(0),
    metavar="N",
    help="Without --to and --from: open the page at this row of findings.parquet.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address of the page.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of the page on 127.0.0.1 [default: a free one].",
)
@click.option(
    "--budget",
    type=click.IntRange(1),
    metavar="N",
    help="With --to: the best N objects of the queue, and no others.",
)
@click.option("--all", "everything", is_flag=True, help="With --to: images without findings too.")
@click.option(
    "--pred",
    "predictions",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    metavar="FILE",
    help="Predictions to show beside the labels; again for another model.",
)
@click.option(
    "--image-prefix",
    metavar="URL",
    help="With --to label-studio: what stands before each image's path "
    "[default: /data/local-files/?d=].",
)
@click.option(
    "--reviewed",
    type=click.Choice(["marked", "all"]),
    default="marked",
    show_default=True,
    help="With --from: images that count as looked at: those marked as checked or changed, or all.",
)
@click.option(
    "--take-clipped",
    is_flag=True,
    help="With --from: boxes that come back cut at the image's edge are corrections.",
)
@read_as(images=False)
def command(data: Path, out: Path | None, fmt: str, **options: Any) -> int:
    """Look through what was found in DATA, and make a plan of the corrections.

    With --findings alone it starts a page on 127.0.0.1 and opens the browser: one finding after
    the other, by keyboard. Every decision is kept beside the findings, so that the next start
    goes on where the last one ended, and the page writes the plan.

    With --to it writes tasks with the labels, the findings and what they propose; with --from
    it reads the corrected export and writes a plan for `fastlabel apply`, with the changes and
    the verdicts on each rule beside it. DATA is never changed. Exit code 1: something in the
    export could not be taken over; it is named, and the rest is in the plan.
    """
    from ..formats import read

    if options["to"] is not None and options["answer"] is not None:
        raise click.UsageError("give either --to TOOL (to send) or --from FILE (to read back)")
    if options["to"] is None and options["answer"] is None:
        return _look(data, out, fmt, options)
    if options["finding"] is not None:
        raise click.UsageError("--finding goes with the page: leave --to and --from out")
    if out is None:
        raise click.UsageError("-o FILE says where the result goes")
    keep_out_of(out, data, what="the result", remedy="choose another place with -o")
    dataset = read(data, fmt)
    if options["to"] is not None:
        return _send(dataset, out, options)
    return _receive(dataset, data, out, options)


def _look(data: Path, out: Path | None, fmt: str, options: dict[str, Any]) -> int:
    from ._desk import look

    place: Path | None = options["findings"]
    if place is None:
        raise click.UsageError("give --findings DIR: what `fastlabel check DATA --out DIR` wrote")
    if options["budget"] is not None or options["everything"]:
        raise click.UsageError("--budget and --all go with --to")
    if out is not None and out.suffix != ".parquet":
        raise click.UsageError(f"-o {out}: a plan is a Parquet file; name it {out.stem}.parquet")
    folder = place if place.is_dir() else place.parent
    file = place / "findings.parquet" if place.is_dir() else place
    findings = _findings(place, False)
    return look(
        data,
        file,
        findings,
        folder / "review-plan.parquet" if out is None else out,
        fmt=fmt,
        predictions=lambda ds: _predictions(options["predictions"], ds),
        first=options["finding"],
        port=options["port"],
        browser=not options["no_browser"],
    )


def _send(dataset: Dataset, out: Path, options: dict[str, Any]) -> int:
    from ..clean.queue import review_queue
    from ..clean.review import export_review
    from ..report.text import count, listed, visible

    findings = _findings(options["findings"], options["everything"])
    if options["findings"] is not None:
        place = options["findings"]
        dataset = as_checked(dataset, place if place.is_dir() else place.parent)
    queue = None
    if options["budget"] is not None:
        queue = review_queue(dataset, findings, budget=options["budget"])
    done = export_review(
        dataset,
        findings,
        to=options["to"],
        out=out,
        queue=queue,
        predictions=_predictions(options["predictions"], dataset),
        everything=options["everything"],
        prefix=options["image_prefix"],
    )
    click.echo(
        f"Tasks      {done.tasks:,}: {count(done.boxes, 'box', 'boxes')}, "
        f"{count(done.findings, 'finding')}"
    )
    if done.unplaced:
        click.echo(
            f"Left out   {count(done.unplaced, 'finding')} about the set as a whole, or "
            "about images without a task"
        )
    if done.unshown:
        click.echo(
            f"Not shown  {count(done.unshown, 'box', 'boxes')} without finite corners or "
            "a known class; they stay as they are"
        )
    if done.left_out:
        names = listed([visible(n, 60) for n in done.left_out], 4)
        click.echo(
            f"Left out   {count(len(done.left_out), 'image')} of unknown size, or whose name leads "
            f"out of the data set: {names}"
        )
    click.echo(f"\n{', '.join(str(f) for f in done.files)}")
    click.echo(_NEXT[options["to"]])
    return int(bool(done.left_out))


_NEXT = {
    "label-studio": "Make a project with the .config.xml as its labelling interface and import "
    'the tasks; tick "checked" in each image; export as JSON.',
    "cvat": "Make a task with the pictures and the .labels.json as its raw labels, upload the "
    'XML as "CVAT 1.1"; tag images with fastlabel.checked; export as "CVAT for images 1.1".',
    "fiftyone": "fiftyone.Dataset.from_dir(FOLDER, dataset_type=fiftyone.types.FiftyOneDataset)",
    "sheet": "Open it in a browser.",
}


def _findings(place: Path | None, everything: bool) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from .. import schema

    if place is None:
        if everything:
            return schema.FINDINGS.empty_table()
        raise click.UsageError("--to needs --findings DIR, or --all for every image without")
    file = place / "findings.parquet" if place.is_dir() else place
    if not file.is_file():
        raise DatasetError(f"{file}: no findings; run `fastlabel check DATA --out {place}` first")
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{file}: cannot be read as Parquet: {error}") from error
    missing = [name for name in schema.FINDINGS.names if name not in table.column_names]
    if missing:
        raise DatasetError(f"{file}: no findings table: it has no column {missing[0]!r}")
    return table.select(schema.FINDINGS.names).cast(schema.FINDINGS)


def _predictions(paths: tuple[Path, ...], dataset: Dataset) -> Any:
    if not paths:
        return None
    from ..predictions import read_predictions

    return read_predictions(list(paths), dataset)


def _receive(dataset: Dataset, data: Path, out: Path, options: dict[str, Any]) -> int:
    from ..clean.review import read_review

    for name, flag in (
        ("findings", "--findings"),
        ("budget", "--budget"),
        ("predictions", "--pred"),
    ):
        if options[name]:
            raise click.UsageError(f"{flag} goes with --to; the export knows its findings")
    if out.suffix != ".parquet":
        raise click.UsageError(f"-o {out}: a plan is a Parquet file; name it {out.stem}.parquet")
    root = Path(dataset.root).resolve()
    inside = data.is_file() and data.resolve().is_relative_to(root)
    done = read_review(
        dataset,
        options["answer"],
        reviewed=options["reviewed"],
        take_clipped=options["take_clipped"],
        file=data.resolve().relative_to(root).as_posix() if inside else None,
    )
    files = done.write(out)
    _print_round(done)
    click.echo(f"\n{', '.join(str(f) for f in files)}")
    return int(not done.complete)


def _print_round(done: ReviewRound) -> None:
    from ..report.text import count

    c = done.counts
    click.echo(
        f"Images     {c['images']:,} in the export, {c['answered']:,} with an answer, "
        f"{c['checked']:,} marked as checked"
    )
    click.echo(f"Boxes      {c['boxes']:,} compared, {c['same']:,} the same")
    for key, words in (
        (
            "clipped",
            "came back cut at the image's edge; kept as they were (--take-clipped takes them)",
        ),
        ("matched by place", "came without their number; matched by place"),
    ):
        if c[key]:
            click.echo(f"           {count(c[key], 'box', 'boxes')} {words}")
    kinds = done.changes["change"].to_pylist()
    told = ", ".join(f"{kinds.count(k):,} {k}" for k in dict.fromkeys(sorted(kinds)))
    click.echo(f"Changes    {told or 'none'}")
    _print_changes(done.changes.to_pylist())
    _print_skipped(done)
    _print_agreement(done)


def _print_changes(rows: list[dict[str, Any]]) -> None:
    from ..report.text import visible

    images: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        images.setdefault(row["image_id"], []).append(row)
    for image in list(images)[:_NAMED]:
        mine = images[image]
        click.echo(f"  {visible(mine[0]['file_name'], 70)}")
        for row in mine[:_LINES]:
            click.echo(f"    {_change(row)}")
        if len(mine) > _LINES:
            click.echo(f"    and {len(mine) - _LINES:,} more")
    if len(images) > _NAMED:
        click.echo(f"  and {len(images) - _NAMED:,} more images")


def _change(row: dict[str, Any]) -> str:
    from ..report.text import visible

    before, after = (visible(row[k], 40) for k in ("category_before", "category_after"))
    number = f"box {row['annotation_id']}"
    if row["change"] == "added":
        return f"+ {after} {_corners(row['box_after'])}"
    if row["change"] == "dropped":
        return f"- {before} {_corners(row['box_before'])}, {number}"
    if row["change"] == "moved":
        a, b = _corners(row["box_before"]), _corners(row["box_after"])
        return f"~ {before} {a} -> {b} (IoU {row['iou']:.2f}), {number}"
    if row["change"] == "ignored":
        return f"~ {before} to be ignored, {number}"
    return f"~ {before} -> {after}, {number}"


def _corners(box: list[float]) -> str:
    return f"[{', '.join(f'{v:.1f}'.removesuffix('.0') for v in box)}]"


def _print_skipped(done: ReviewRound) -> None:
    from ..report.text import visible

    rows = done.skipped.to_pylist()
    kinds: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        kinds.setdefault(row["kind"], []).append(row)
    for kind, mine in kinds.items():
        click.echo(f"Skipped    {len(mine):,} {kind}")
        for row in mine[:_LINES]:
            click.echo(f"    {visible(row['image'], 60)}: {visible(row['detail'], 120)}")
        if len(mine) > _LINES:
            click.echo(f"    and {len(mine) - _LINES:,} more")


def _print_agreement(done: ReviewRound) -> None:
    rows = done.agreement
    if not rows:
        return
    click.echo("\nRule    judged  right  wrong  precision (95 %)     expected")
    for r in rows:
        expected = "" if r["expected"] is None else f"{r['expected']:.2f}"
        click.echo(
            f"{r['code']:<7} {r['judged']:>6,} {r['confirmed'] + r['other']:>6,} "
            f"{r['rejected']:>6,}  {r['precision']:.2f} ({r['low']:.2f} to {r['high']:.2f})  "
            f"{expected:>10}"
        )
    if "changed" in done.verdicts["basis"].to_pylist():
        click.echo(
            "Some of these images are not marked as checked and count because something in them "
            "was changed, which flatters the rules; if all were looked at, say --reviewed all."
        )
