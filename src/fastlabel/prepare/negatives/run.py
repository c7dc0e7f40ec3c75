"""``fl.add_negatives``: the set with its new negatives, written anew."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..._output import new_folder
from ..._scalars import as_choice, as_number, as_switch, as_whole
from ...dataset import Dataset, DatasetError
from ...formats import read
from .candidates import Candidate, alarms, frames, opened, spread
from .writing import LEDGER, Writer, sizes_of

if TYPE_CHECKING:
    from ...formats._write import WriteReport
    from ...scan.limits import Limits
    from ..pictures import Placed

__all__ = ["LEDGER", "NegativesAdded", "add_negatives", "shares"]

Source = str | os.PathLike[str] | Dataset

FORMATS = ("coco", "yolo", "voc")


@dataclass(frozen=True, eq=False)
class NegativesAdded:
    """What :func:`add_negatives` made.

    Attributes
    ----------
    folder : pathlib.Path
        The new data set; ``negatives.parquet`` and ``negatives.html`` lie in it.
    ledger : pyarrow.Table
        One row a negative that was added, the surest false alarms first.
    summary : dict
        ``added``, ``by_kind``, the ``split`` they went to, what was ``left_out`` and why, and
        ``before`` and ``after``: images, negatives and their share, by split.
    failures : tuple of (str, str)
        Files that could not be used, and why; the rest was finished without them.
    written : WriteReport
        The label files, and what the format could not carry.
    pictures : Placed
        What became of the pictures of the set itself.
    """

    folder: Path
    ledger: pa.Table
    summary: dict[str, Any]
    failures: tuple[tuple[str, str], ...]
    written: WriteReport = field(repr=False)
    pictures: Placed = field(repr=False)


def shares(ds: Dataset) -> dict[str, dict[str, Any]]:
    """Images with a label record, those known to be empty, and their share, by split.

    Examples
    --------
    >>> import fastlabel as fl
    >>> _ = fl.make_sample("counted", format="coco")
    >>> sorted(shares(fl.read("counted"))["train"])
    ['images', 'negatives', 'share']
    """
    found: dict[str, dict[str, Any]] = {}
    splits, states = ds.images["split"].to_pylist(), ds.images["label_state"].to_pylist()
    for split, state in zip(splits, states, strict=True):
        if state not in ("labelled", "labelled_empty"):
            continue
        row = found.setdefault(str(split or "all"), {"images": 0, "negatives": 0})
        row["images"] += 1
        row["negatives"] += state == "labelled_empty"
    for row in found.values():
        row["share"] = round(row["negatives"] / row["images"], 6)
    return dict(sorted(found.items()))


def add_negatives(
    src: Source,
    sources: Source | Iterable[Source],
    dst: str | os.PathLike[str],
    *,
    predictions: Any = None,
    min_score: float = 0.5,
    crop: int = 640,
    share: float | None = None,
    count: int | None = None,
    split: str | None = None,
    format: str = "auto",
    to: str | None = None,
    quality: int = 95,
    link: bool = False,
    workers: int = 0,
    limits: Limits | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> NegativesAdded:
    """Write a data set anew with pictures that have no object in them, as empty label records.

    Parameters
    ----------
    src : str, os.PathLike or Dataset
        The labelled set; it is only read.
    sources : str, os.PathLike or Dataset, or several
        Where the negatives are. Of a folder of pictures all are taken, so it must be known that
        no object is in them; of a labelled set (tiles of :func:`fastlabel.tile` are one) those
        whose label record is empty. With ``predictions`` see there.
    dst : str or os.PathLike
        The new folder, there as a whole at the end or not at all.
    predictions : Predictions, path-like or several, optional
        What a model says of the pictures of the one source: then only its false alarms are
        taken, the surest first. Where a picture has no object, the whole of it; where it has
        labels, a window around each alarm that no label reaches into. The source may be the set
        itself.
    min_score : float
        Least score of a false alarm, 0 to 1.
    crop : int
        Side of such a window, in pixels; smaller where there is no room.
    share : float, optional
        Add so many that this share, 0 to below 1, of the split's labelled images is empty; or
        ``count``: the surest alarms first, then frames evenly from the first to the last. By
        default all.
    count : int, optional
        How many to add.
    split : str, optional
        Where they go: by default ``train`` where there is one. Never into several.
    format, to : str
        Formats to read ``src`` as and to write; ``to`` is the one read by default.
    quality : int
        Of the JPEGs of windows, 1 to 100.
    link : bool
        Hard links instead of copies of whole pictures.
    workers : int
        Threads; 0 means one a CPU. The result does not depend on it.
    limits : fastlabel.scan.Limits, optional
        What is refused before it is decoded.
    overwrite : bool
        Replace a folder that is not empty.
    progress : callable, optional
        Called with (done, total), first for the negatives looked at, then for the pictures of
        the set.

    Returns
    -------
    NegativesAdded

    Raises
    ------
    DatasetError
        If the set has no labels, the split is not there, no source has a picture that can be a
        negative, or the target cannot be used.
    ValueError, TypeError
        For arguments that mean nothing.
    OSError
        If a file cannot be written; nothing is left of the new folder then.

    Examples
    --------
    >>> import cv2, numpy as np, fastlabel as fl
    >>> from pathlib import Path
    >>> _ = fl.make_sample("drawn", format="yolo")
    >>> Path("yard").mkdir()
    >>> for k in range(4):
    ...     _ = cv2.imwrite(f"yard/{k}.png", np.full((480, 640), 40 * k + 20, np.uint8))
    >>> made = fl.add_negatives("drawn", "yard", "new", split="train")
    >>> before, after = (made.summary[when]["train"]["negatives"] for when in ("before", "after"))
    >>> made.summary["added"], after - before
    (4, 4)
    """
    from ...scan.limits import Limits as Ceilings

    wanted = _Wanted.of(share, count)
    least = as_number(min_score, "min_score", "a number from 0 to 1")
    if not 0 <= least <= 1:
        raise ValueError(f"min_score: got {min_score!r}, expected 0 to 1")
    for name, value, low, high in (
        ("crop", crop, 32, 65_500),
        ("quality", quality, 1, 100),
        ("workers", workers, 0, 1024),
    ):
        if not low <= as_whole(value, name) <= high:
            raise ValueError(f"{name}: got {value}, expected {low:,} to {high:,}")
    as_switch(link, "link")
    own = (src if isinstance(src, Dataset) else read(src, format)).with_files()
    target = _format(own, to)
    given = [sources] if isinstance(sources, (str, os.PathLike, Dataset)) else list(sources)
    if not given:
        raise ValueError("sources: got none, expected a folder of frames or more")
    if predictions is not None and len(given) != 1:
        raise ValueError(
            f"predictions: got {len(given)} sources, expected the one that they are about"
        )
    others = [opened(source) for source in given]
    where = _split(own, split)
    work = _Work(own, others, where, limits or Ceilings(), workers)
    work.look(predictions, least, crop, progress)
    chosen = wanted.chosen(work.usable, shares(own).get(where or "all"))
    if not chosen:
        raise DatasetError(work.why_none(wanted))
    roots = [own.root, *(ds.root for ds in others)]
    with new_folder(dst, sources=roots, overwrite=overwrite) as staging:
        writer = Writer(own, others, work.stats, where, work.limits, workers, work.failures)
        made = writer.write(chosen, staging, target, quality, link, progress)
    ledger, report, pictures, new = made
    kinds = ledger["kind"].to_pylist()
    summary = {
        "added": ledger.num_rows,
        "by_kind": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "found": len(work.usable),
        "split": where,
        "wanted_share": wanted.share,
        "wanted_count": wanted.count,
        "left_out": dict(sorted(work.left_out.items())),
        "before": shares(own),
        "after": shares(new),
    }
    return NegativesAdded(Path(dst), ledger, summary, tuple(work.failures), report, pictures)


@dataclass(frozen=True)
class _Wanted:
    """How many negatives are asked for."""

    share: float | None
    count: int | None

    @classmethod
    def of(cls, share: Any, count: Any) -> _Wanted:
        if share is not None and count is not None:
            raise ValueError("share, count: got both, expected one of the two or none")
        part = None if share is None else as_number(share, "share", "a share from 0 to below 1")
        if part is not None and not 0 <= part < 1:
            raise ValueError(f"share: got {share!r}, expected 0 to below 1")
        number = None if count is None else as_whole(count, "count")
        if number is not None and number < 1:
            raise ValueError(f"count: got {number}, expected 1 or more")
        return cls(part, number)

    def chosen(self, usable: list[Candidate], before: dict[str, Any] | None) -> list[Candidate]:
        number = len(usable)
        if self.count is not None:
            number = min(self.count, number)
        elif self.share is not None:
            images, empty = (before or {}).get("images", 0), (before or {}).get("negatives", 0)
            # (empty + n) / (images + n) = share
            lacking = (self.share * images - empty) / (1 - self.share)
            number = min(max(math.ceil(lacking - 1e-9), 0), number)
        return spread(usable, number)


def _format(own: Dataset, to: str | None) -> str:
    if own.format == "images":
        raise DatasetError(
            f"{own.root}: has no labels, so a frame with none is nothing new; give a COCO, YOLO or "
            "VOC data set"
        )
    return own.format if to is None else as_choice(to, "to", FORMATS)


def _split(own: Dataset, split: str | None) -> str | None:
    have = sorted({s for s in own.images["split"].to_pylist() if s is not None})
    if split is not None:
        if split not in have:
            listed = ", ".join(have) if have else "none are declared"
            raise DatasetError(f"no split named {split!r}; this set has: {listed}")
        return split
    if not have:
        return None
    if "train" in have:
        return "train"
    raise DatasetError(
        f"{own.root}: has the splits {', '.join(have)} and none is called train; name the one that "
        "the negatives go to with --split"
    )


class _Work:
    """The set, where its negatives come from, and what was found there."""

    def __init__(
        self, own: Dataset, others: list[Dataset], split: str | None, limits: Any, workers: int
    ) -> None:
        self.own, self.others, self.split = own, others, split
        self.limits, self.workers = limits, workers
        self.usable: list[Candidate] = []
        self.left_out: dict[str, int] = {}
        self.failures: list[tuple[str, str]] = []
        self.stats: list[pa.Table] = []

    def look(self, predictions: Any, min_score: float, crop: int, progress: Any) -> None:
        """Find what can be used: decoded whole, known to be empty, and not in the set already."""
        from ...scan import scan

        had = self._hashes()
        for at, ds in enumerate(self.others):
            found: list[Candidate] = []
            if predictions is None:
                found = frames(ds, at, self.left_out)
                stats = self._scanned(ds, [c.image for c in found], progress)
            else:
                stats = scan(ds, workers=self.workers, limits=self.limits, progress=progress)
                ds = self._with_classes(ds)
                said = self._said(predictions, ds)
                classes = self.own.categories["name"].to_pylist()
                found = alarms(
                    ds, at, said, min_score, crop, sizes_of(stats), self.left_out, classes
                )
            self.stats.append(stats)
            self.usable += self._good(ds, found, stats, had)

    def _scanned(self, ds: Dataset, rows: list[int], progress: Any) -> pa.Table:
        """Statistics of some images, in the rows of all."""
        from ...scan import scan

        paths = ds.images["path"].to_pylist()
        there = [row for row in rows if paths[row] is not None]
        some = scan(
            [ds.root / str(paths[row]) for row in there],
            workers=self.workers,
            limits=self.limits,
            progress=progress,
        )
        at = np.full(len(ds), -1, np.int64)
        at[there] = np.arange(len(there))
        return some.combine_chunks().take(pa.array(at, mask=at < 0))

    def _said(self, predictions: Any, ds: Dataset) -> Any:
        from ...predictions import Predictions, read_predictions

        if isinstance(predictions, Predictions):
            return predictions
        return read_predictions(predictions, ds)

    def _with_classes(self, ds: Dataset) -> Dataset:
        """A source without classes of its own, a folder of frames, with those of the set."""
        return ds if ds.categories.num_rows else replace(ds, categories=self.own.categories)

    def _hashes(self) -> dict[str, str]:
        """Content of every picture of the set, and what it is there."""
        from ...scan.engine import content_hashes
        from ...scan.jobs import jobs_of

        places, hashes = content_hashes(jobs_of(self.own), self.workers, self.limits)
        states = self.own.images["label_state"].to_pylist()
        return {
            bytes(row).hex(): str(states[at])
            for at, row in zip(places.tolist(), hashes, strict=True)
        }

    def _good(
        self, ds: Dataset, found: list[Candidate], stats: pa.Table, had: dict[str, str]
    ) -> list[Candidate]:
        status = stats["status"].to_pylist()
        detail = stats["status_detail"].to_pylist()
        digest = stats["content_hash"].to_pylist()
        names = ds.images["file_name"].to_pylist()
        out, told = [], set()
        for candidate in found:
            row = candidate.image
            if status[row] != "ok":
                if row not in told:
                    told.add(row)
                    why = detail[row] or status[row] or "its name leads outside the root"
                    self.failures.append((str(names[row]), str(why)))
                continue
            if candidate.window is None:
                known = had.get(digest[row])
                if known is not None:
                    why = "already in the set"
                    if known == "labelled":
                        why = "in the set with boxes, so it is no negative"
                    self.left_out[why] = self.left_out.get(why, 0) + 1
                    continue
                had[digest[row]] = "labelled_empty"
            out.append(candidate)
        return out

    def why_none(self, wanted: _Wanted) -> str:
        """Why nothing can be added, and what would help."""
        if self.usable:
            return f"{self.own.root}: share {wanted.share:g} is reached already; nothing was added"
        reasons = [f"{n:,} {why}" for why, n in sorted(self.left_out.items())]
        if self.failures:
            name, why = self.failures[0]
            reasons.append(f"{len(self.failures):,} not decoded whole, first {name}: {why}")
        said = "; ".join(reasons) or "they hold no picture that is known to be empty"
        roots = ", ".join(str(ds.root) for ds in self.others)
        return (
            f"{roots}: nothing there can be a negative ({said}); give a folder of frames with no "
            "object in them, or a set with empty label records"
        )
