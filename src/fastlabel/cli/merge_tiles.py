"""``fastlabel merge-tiles``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..dataset import DatasetError

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("merge-tiles", short_help="Make one set of boxes of predictions made on tiles.")
@click.argument("predictions", type=_FILE)
@click.option(
    "--tiles",
    type=click.Path(path_type=Path),
    required=True,
    metavar="T",
    help="The folder that `fastlabel tile` made, its tiles.parquet, or a json list of tiles.",
)
@click.option("-o", "--out", type=_FILE, required=True, metavar="FILE", help="COCO results.")
@click.option(
    "--method",
    type=click.Choice(["nms", "soft-nms", "nmm", "wbf"]),
    default="nms",
    show_default=True,
    help="What becomes of doubles: the best stays, scores fall, the box around, the average.",
)
@click.option(
    "--metric",
    type=click.Choice(["iou", "ios"]),
    default="iou",
    show_default=True,
    help="Overlap over the union, or over the smaller box.",
)
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True)
@click.option(
    "--per-class/--all-classes", default=True, show_default=True, help="Which boxes may meet."
)
@click.option(
    "--full-frame",
    type=_FILE,
    metavar="FILE",
    help="COCO results of the whole frames; their large boxes take in the fragments in them.",
)
@click.option("--no-join", is_flag=True, help="Do not join what the edges of tiles cut.")
@click.option(
    "--join-threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="How well two parts must agree in what both tiles show.",
)
@click.option(
    "--edge-tolerance",
    type=click.FloatRange(0),
    default=4.0,
    show_default=True,
    metavar="PX",
    help="How near to a tile's edge a box is cut by it.",
)
@click.option(
    "--ids-from",
    type=_FILE,
    metavar="LABELS",
    help="A COCO file of the sources: its image ids are written, found by file name.",
)
def command(
    predictions: Path,
    tiles: Path,
    out: Path,
    method: str,
    metric: str,
    threshold: float,
    per_class: bool,
    full_frame: Path | None,
    no_join: bool,
    join_threshold: float,
    edge_tolerance: float,
    ids_from: Path | None,
) -> None:
    """Merge PREDICTIONS, COCO results of tiles, into COCO results of the frames.

    The image_id of a prediction is the tile's file name, with or without its folder and ending,
    or its number: the image id in the COCO files beside the table where there are some, else the
    tile_id.
    """
    from ..merge import merge_tiles
    from ..merge.files import read_results, read_tiles, results_of

    _keep_from(out, predictions, tiles, full_frame, ids_from)
    table = read_tiles(tiles)
    found = read_results(predictions)
    names = dict(found.names)
    whole: Any = None
    if full_frame is not None:
        frames = read_results(full_frame)
        names |= {k: v for k, v in frames.names.items() if k not in names}
        whole = {
            "boxes": frames.boxes,
            "scores": frames.scores,
            "labels": frames.categories,
            "image": table.image_rows(frames, full_frame),
        }
    keys = table.image_ids if ids_from is None else table.ids_in(ids_from)
    merged = merge_tiles(
        {
            "boxes": found.boxes,
            "scores": found.scores,
            "labels": found.categories,
            "tile": table.rows(found, predictions),
        },
        table.windows,
        method=method,
        metric=metric,
        threshold=threshold,
        per_class=per_class,
        full_frame=whole,
        join_cut=not no_join,
        images=table.images,
        sizes=table.sizes,
        join_threshold=join_threshold,
        edge_tolerance=edge_tolerance,
    )
    images = [(keys[k], table.image_names[k]) for k in merged.images.tolist()]
    entries = results_of(merged.boxes, merged.scores, merged.labels, images, names)
    _write(out, entries)
    dropped = [f"{n:,} {name}" for name, n in merged.dropped.items() if n]
    click.echo(
        f"{out}: {len(merged):,} boxes in {len(set(merged.images.tolist())):,} of "
        f"{len(table.image_ids):,} images, from {len(found):,} in {len(table.windows):,} tiles"
        + (f" and {len(whole['scores']):,} in whole frames" if whole is not None else "")
        + f"; {int(merged.joined.sum()):,} joined across edges"
        + (f"; left out: {', '.join(dropped)}" if dropped else ""),
        err=True,
    )


def _keep_from(out: Path, *inputs: Path | None) -> None:
    """Refuse to write over what is read, the table and labels in a folder of tiles included."""
    from ..merge.files import LABELS, TABLE

    for path in inputs:
        if path is None or not path.exists():
            continue
        read = {path.resolve()}
        if path.is_dir():
            read |= {p.resolve() for p in (path / TABLE, *path.glob(LABELS))}
        elif path.suffix.lower() == ".parquet":
            read |= {p.resolve() for p in path.parent.glob(LABELS)}
        if out.resolve() in read:
            raise DatasetError(f"{out}: is one of the inputs; choose another file with -o")


def _write(out: Path, entries: list[dict[str, Any]]) -> None:
    from .._output import write_whole

    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    write_whole({out: lambda path: path.write_text(f"[{lines}]\n", encoding="utf-8")})
