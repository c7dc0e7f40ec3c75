"""``fl.tile``: plan, choose, cut, clip, write."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..._scalars import as_choice, as_number, as_switch, as_whole
from ...boxes.tiles import MAX_TILES, TileGrid
from ...dataset import Dataset, DatasetError
from .cutting import cut_pictures
from .labels import Losses, tile_dataset
from .ledger import Entry, box_entries, count_boxes
from .plan import LeftOut, Plan, plan_tiles
from .table import Rows, Tiles, clip_to_tiles, make_table

if TYPE_CHECKING:
    import pyarrow as pa

    from ...formats._write import WriteReport

__all__ = ["TileResult", "tile"]

Integers = NDArray[np.int64]

#: The table's name in the new set.
TABLE = "tiles.parquet"
FORMATS = ("coco", "yolo", "voc")


@dataclass(frozen=True, eq=False)
class TileResult:
    """What `tile` made.

    Attributes
    ----------
    table : pyarrow.Table
        ``fastlabel.schema.TILES``: alone enough to train from, with `read_tile`, and to map
        everything back.
    counts : dict of str to int
        Images, tiles, negatives, boxes: see :func:`tile`.
    ledger : tuple of Entry
        What is not in the tiles as it was in the source, and why: kind, count, message and
        examples.
    failed : tuple of LeftOut
        Images that gave no tiles (all of them), by file, status and detail.
    dataset : Dataset or None
        The new set, as it was written; None when nothing was.
    path : pathlib.Path or None
        Its folder.
    report : WriteReport or None
        What the label format could not carry.
    """

    table: pa.Table
    counts: Mapping[str, int]
    ledger: tuple[Entry, ...]
    failed: tuple[LeftOut, ...] = ()
    dataset: Dataset | None = None
    path: Path | None = None
    report: WriteReport | None = field(default=None, repr=False)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table as an Arrow C stream."""
        return self.table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"TileResult({len(self.table):,} tiles of {self.counts['images']:,} images)"


def tile(
    source: Dataset | str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    size: int | tuple[int, int] = 640,
    overlap: float | str | tuple[float | str, float | str] = 0.2,
    anchor: str = "origin",
    last: str = "shift",
    min_visible: float = 0.3,
    negatives: float = 0.1,
    format: str | None = None,
    lossless: bool = False,
    quality: int = 95,
    seed: int = 0,
    workers: int = 0,
    overwrite: bool = False,
    max_tiles: int = MAX_TILES,
    progress: Callable[[int, int], None] | None = None,
) -> TileResult:
    """Cut the pictures of a data set into tiles, with their boxes.

    Every box of the source is in the table as *whole*, *cut* or *ignore*, or counted in the
    ledger with the reason why not. A tile that shows less than `min_visible` of a box has it as
    a region to ignore: neither target nor background. All tiles of an image stay in its split.

    Parameters
    ----------
    source : Dataset, str or os.PathLike
        A data set, or where `read` finds one. It is never changed.
    target : str or os.PathLike, optional
        The folder of the new data set, complete or not there at all. None: nothing is written,
        only the table is made.
    size, overlap, anchor, last
        As for `tile_windows`.
    min_visible : float
        Least share of a box, from 0 to 1, that makes it a target.
    negatives : float
        Share of the tiles without any box that are kept, in each split, from 0 to 1. Tiles of
        images that have no labels of their own are no negatives: they are all kept, and stay
        unlabelled.
    format : {"coco", "yolo", "voc"}, optional
        Of the new set; as the source by default, and COCO for images alone.
    lossless : bool
        Cut JPEG pictures by their coefficients, with no second compression. Windows begin at the
        block before the one asked for, so a tile may be some pixels larger; the table has both
        windows. Pictures that cannot be cut so are encoded again, and counted.
    quality : int
        1 to 100, of JPEG tiles that are encoded again.
    seed : int
        Chooses the negatives. Same seed, same tiles.
    workers : int
        Native threads; 0 means one a CPU. The result does not depend on it.
    overwrite : bool
        Replace a target that is not empty, as a whole.
    max_tiles : int
        A larger plan is refused before anything is made of it.
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    TileResult
        ``counts`` has ``images``, ``images_failed``, ``tiles``; ``tiles_with_boxes``,
        ``negatives_kept``, ``negatives_dropped``, ``tiles_unlabelled``; ``lossless``,
        ``reencoded``, ``windows_moved``; ``boxes`` and what became of each at its best:
        ``boxes_whole``, ``boxes_cut``, ``boxes_ignore``, ``boxes_left_out``; and how often boxes
        stand in the tiles: ``shown_whole``, ``shown_cut``, ``shown_ignore``.

    Raises
    ------
    DatasetError
        If the source cannot be read, no picture of it can, or the target cannot be used.
    TooManyTiles
        A ValueError with the ``count``, for a plan of more than `max_tiles`.
    ValueError
        For sizes, shares and words that are none.
    OSError
        If the disk is full, say; then nothing is left of the target.

    Examples
    --------
    >>> import cv2, json, tempfile, numpy as np, fastlabel as fl
    >>> from pathlib import Path
    >>> labels = {
    ...     "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 60}],
    ...     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [50, 5, 20, 9]}],
    ...     "categories": [{"id": 1, "name": "boat"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = cv2.imwrite(f"{folder}/a.png", np.zeros((60, 100, 3), np.uint8))
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     tiles = fl.tile(folder, size=60, overlap=0)
    >>> for row in tiles.table.to_pylist():
    ...     print([row[k] for k in ("x1", "y1", "x2", "y2")], [
    ...         (b["x1"], b["x2"], b["visible"], b["state"]) for b in row["boxes"]])
    [0, 0, 60, 60] [(50.0, 60.0, 0.5, 'cut')]
    [40, 0, 100, 60] [(10.0, 30.0, 1.0, 'whole')]
    """
    grid = TileGrid.of(size, overlap, anchor, last)
    least = _share(min_visible, "min_visible")
    share = _share(negatives, "negatives")
    threads = as_whole(workers, "workers")
    if not 0 <= threads <= 1024:
        raise ValueError(f"workers: got {threads}, expected 0 (one a CPU) to 1024")
    if not 1 <= as_whole(quality, "quality") <= 100:
        raise ValueError(f"quality: got {quality}, expected 1 to 100")
    as_switch(lossless, "lossless")
    number = as_whole(seed, "seed")
    if not 0 <= number < 2**63:
        raise ValueError(f"seed: got {number}, expected 0 to 2**63 - 1")
    dataset = _read(source)
    to = _format(format, dataset)
    plan = plan_tiles(dataset, grid, as_whole(max_tiles, "max_tiles"), threads)
    if not len(plan.windows):
        raise _nothing(dataset, plan.left_out)
    every = Tiles.of(plan)
    rows = clip_to_tiles(dataset, plan, every, least, threads)
    kept, dropped = choose_tiles(dataset, every, rows, share, number)
    tiles = every.take(kept)
    work = _Work(dataset, plan, least, threads, dropped)
    options = {
        "size": [grid.height, grid.width],
        "step": [grid.step_y, grid.step_x],
        "anchor": grid.anchor,
        "last": grid.last,
        "min_visible": least,
        "negatives": share,
        "seed": number,
    }
    if target is None:
        return work.result(tiles, options)
    _refuse_giants(tiles)
    from ..._output import new_folder

    with new_folder(target, sources=[dataset.root], overwrite=overwrite) as staging:
        cut, failed, paths = cut_pictures(
            dataset,
            plan,
            tiles,
            staging,
            to,
            lossless=bool(lossless),
            quality=quality,
            workers=threads,
            progress=progress,
        )
        plan.left_out.extend(failed)
        if not len(cut):
            raise _nothing(dataset, plan.left_out)
        return work.write(cut, paths, to, staging, Path(target), options)


@dataclass(frozen=True)
class _Work:
    """What the steps after the cut share."""

    dataset: Dataset
    plan: Plan
    min_visible: float
    workers: int
    dropped: int

    def result(self, tiles: Tiles, options: Mapping[str, Any], **more: Any) -> TileResult:
        """The table, the counts and the ledger of some tiles."""
        rows = more.pop("rows", None)
        if rows is None:
            rows = clip_to_tiles(self.dataset, self.plan, tiles, self.min_visible, self.workers)
        table = make_table(self.dataset, self.plan, tiles, rows)
        counts = count_boxes(self.dataset, self.plan, tiles, rows, table, self.dropped)
        ledger = (
            *box_entries(self.dataset, self.plan, tiles, rows),
            *more.pop("losses", ()),
        )
        table = table.replace_schema_metadata({"fastlabel.tiles": self._about(options, counts)})
        return TileResult(table, counts, ledger, tuple(self.plan.left_out), **more)

    def write(
        self,
        tiles: Tiles,
        paths: list[str],
        to: str,
        staging: Path,
        target: Path,
        options: Mapping[str, Any],
    ) -> TileResult:
        """Labels and table beside the pictures that stand there already."""
        import pyarrow.parquet as pq

        from ...formats import write

        losses = Losses()
        rows = clip_to_tiles(self.dataset, self.plan, tiles, self.min_visible, self.workers)
        new = tile_dataset(self.dataset, self.plan, tiles, rows, paths, to, losses)
        report = write(new, staging, to)
        result = self.result(
            tiles,
            options,
            rows=rows,
            losses=Entry.of(losses),
            dataset=new,
            path=target,
            report=report,
        )
        pq.write_table(result.table, staging / TABLE, compression="zstd")
        return result

    def _about(self, options: Mapping[str, Any], counts: Mapping[str, int]) -> str:
        """What the table's readers need besides its rows, as JSON."""
        categories = self.dataset.categories.to_pylist()
        about = {
            "root": os.fspath(self.dataset.root.absolute()),
            "categories": [{k: row[k] for k in ("category_id", "name")} for row in categories],
            "options": options,
            "counts": counts,
        }
        return json.dumps(about, ensure_ascii=True, sort_keys=True)


def choose_tiles(
    dataset: Dataset, tiles: Tiles, rows: Rows, share: float, seed: int
) -> tuple[Integers, int]:
    """Rows of the tiles to keep, and how many empty ones are dropped."""
    states = np.array(dataset.images["label_state"].to_pylist(), dtype=object)[tiles.image]
    empty = (np.diff(rows.offsets) == 0) & np.isin(states, ["labelled", "labelled_empty"])
    splits = np.array(
        ["" if s is None else s for s in dataset.images["split"].to_pylist()], dtype=object
    )[tiles.image]
    keep = ~empty
    for split in sorted(set(splits[empty].tolist())):
        mine = np.flatnonzero(empty & (splits == split))
        number = math.floor(share * len(mine) + 0.5)
        order = np.argsort(_mixed(mine, seed), kind="stable")
        keep[mine[order[:number]]] = True
    return np.flatnonzero(keep).astype(np.int64), int(len(keep) - keep.sum())


def _mixed(rows: Integers, seed: int) -> NDArray[np.uint64]:
    """A number for each row that looks random: SplitMix64 (Steele, Lea and Flood 2014)."""
    golden = 0x9E3779B97F4A7C15
    start = np.uint64((seed * 0xD1342543DE82EF95 + golden) % 2**64)
    with np.errstate(over="ignore"):
        z = start + rows.astype(np.uint64) * np.uint64(golden)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def _read(source: Dataset | str | os.PathLike[str]) -> Dataset:
    if isinstance(source, Dataset):
        return source.with_files()
    from ...formats import read

    return read(source).with_files()


def _format(format: str | None, dataset: Dataset) -> str:
    if format is not None:
        return as_choice(format, "format", FORMATS)
    return dataset.format if dataset.format in FORMATS else "coco"


def _share(value: Any, name: str) -> float:
    share = as_number(value, name, "a share from 0 to 1")
    if not 0 <= share <= 1:
        raise ValueError(f"{name}: got {value!r}, expected a share from 0 to 1")
    return share


def _refuse_giants(tiles: Tiles) -> None:
    """No picture of a tile may be larger than a JPEG can be."""
    from ...cut.jobs import MAX_SIDE

    longest = int((tiles.window[:, 2:] - tiles.window[:, :2]).max(initial=0))
    if longest > MAX_SIDE:
        raise DatasetError(
            f"size: a tile of {longest:,} pixels a side cannot be written, expected at most "
            f"{MAX_SIDE:,}; choose smaller tiles"
        )


def _nothing(dataset: Dataset, left_out: Sequence[LeftOut]) -> DatasetError:
    if not left_out:
        return DatasetError(f"{dataset.root}: has no images; name the folder of the data set")
    first = left_out[0]
    return DatasetError(
        f"{dataset.root}: none of its {len(left_out):,} images can be cut; the first, "
        f"{first.file}: {first.status} ({first.detail})"
    )
