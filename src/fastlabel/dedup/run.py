"""Groups of pictures that are the same, or nearly."""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .._scalars import as_choice, as_number, as_switch, as_whole
from ..dataset import Dataset, as_numpy
from ..pixels.clusters import join, members, near_labels, spread, tight_groups
from ..pixels.near import TURNS, turned_hashes
from .embeddings import as_embeddings, link_similar

__all__ = ["GROUPS", "DedupResult", "dedup"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Bits of the perceptual hash; see docs/scale.md for the false pairs at each distance.
DISTANCE = 6
#: Pictures with less than this are flat: their hash is of noise. As FL407.
MIN_STD, MIN_ENTROPY = 5.0, 1.5

#: One row for each image of a group, group by group.
GROUPS = pa.schema(
    [
        pa.field("group_id", pa.int64(), nullable=False),  # dense
        pa.field("kind", pa.string(), nullable=False),  # exact: all the same bytes; or near
        pa.field("image_id", pa.int64(), nullable=False),
        ("file_name", pa.string()),
        ("split", pa.string()),
        pa.field("same_as", pa.int64(), nullable=False),  # the group's first image of these bytes
        ("distance", pa.uint8()),  # bits to the group's first image; null: not compared so
        ("turn", pa.string()),  # how it lies against the first; null where not compared so
        ("similarity", pa.float32()),  # cosine with the first; null without embeddings
        pa.field("members", pa.int64(), nullable=False),  # of the group, and all below too
        pa.field("files", pa.int64(), nullable=False),  # different bytes
        ("weakest_link", pa.uint8()),  # the longest step in bits that holds it together
        ("diameter", pa.uint8()),  # bits between the two farthest
        pa.field("leaks", pa.bool_(), nullable=False),  # it has images of two splits
    ]
)


@dataclass(frozen=True)
class DedupResult:
    """What :func:`dedup` found.

    Attributes
    ----------
    groups : pyarrow.Table
        One row for each image of a group of two or more, group by group.
    labels : numpy.ndarray
        (images,) int64: the first image of each image's group, itself where it is alone.
    images : int
        All there are.
    flat : numpy.ndarray
        Images too plain for their hash to say anything; compared by their bytes only.
    unreadable : numpy.ndarray
        Images that could not be decoded whole; compared by their bytes where these are known.
    settings : dict
        What it was made with.
    """

    groups: pa.Table
    labels: Ints
    images: int
    flat: Ints
    unreadable: Ints
    settings: dict[str, Any]

    def count(self, kind: str | None = None, *, leaking: bool = False) -> int:
        """Number of groups, of one kind or all, all or those in several splits."""
        keep = np.ones(self.groups.num_rows, np.bool_)
        if kind is not None:
            keep &= np.asarray(pc.equal(self.groups["kind"], kind))
        if leaking:
            keep &= np.asarray(self.groups["leaks"])
        return len(np.unique(as_numpy(self.groups["group_id"])[keep]))

    @property
    def exact_sets(self) -> int:
        """Number of files that are there more than once, byte for byte."""
        _, times = np.unique(as_numpy(self.groups["same_as"]), return_counts=True)
        return int((times > 1).sum())

    @property
    def redundant(self) -> int:
        """Images beyond the first of each group."""
        return int(self.groups.num_rows) - self.count()

    def __repr__(self) -> str:
        return (
            f"DedupResult({self.images:,} images: {self.count('exact'):,} exact groups, "
            f"{self.count('near'):,} near groups, {self.count(leaking=True):,} across splits)"
        )

    def _repr_html_(self) -> str:
        return f"<p><b>{html.escape(repr(self))}</b></p>"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.groups.__arrow_c_stream__(requested_schema)


def dedup(
    source: Dataset | pa.Table | str | os.PathLike[str],
    *,
    distance: int = DISTANCE,
    turned: bool = False,
    linkage: str = "single",
    embeddings: Any = None,
    threshold: float = 0.95,
    image_stats: pa.Table | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> DedupResult:
    """Find pictures that are the same, or nearly, and put them into groups.

    Files with the same bytes are one, and so are pictures whose perceptual hashes differ in at
    most ``distance`` bits; none of these pairs is missed, however many images there are. Nothing
    is changed or deleted.

    Parameters
    ----------
    source : Dataset, path, or pyarrow.Table
        A data set, which is scanned; or the ``image_stats`` of a scan.
    distance : int
        Bits that may differ, 0 to 64. Of 100 photographs that were saved again or resized, 98
        stay within 6; false pairs grow with the square of the set.
    turned : bool
        Find copies that are mirrored or turned by quarters too. Their hashes are known to
        within some bits only, so not all within the distance are found.
    linkage : {"single", "complete"}
        A group is all that is linked by steps of ``distance``, so that a slow video may become
        one; or it is parted so that no two hashes in it are further apart than that.
    embeddings : array_like, optional
        (images, D): images whose cosine is at least ``threshold`` are near as well. All pairs
        are compared: time grows with the square of their number.
    threshold : float
        Cosine, above 0 and at most 1.
    image_stats : pyarrow.Table, optional
        Of a scan of the data set, to save another.
    workers : int
        Threads; 0 means one a CPU. The result does not depend on it.
    progress : callable, optional
        Called with (images done, images in all) while they are scanned.

    Returns
    -------
    DedupResult

    Raises
    ------
    ValueError, TypeError
        For a setting out of its range, or embeddings that are not one row an image.

    Examples
    --------
    >>> import cv2, numpy as np, fastlabel as fl
    >>> rng = np.random.default_rng(0)
    >>> photo = cv2.GaussianBlur(rng.integers(0, 256, (90, 120, 3), np.uint8), (0, 0), 9)
    >>> photo = cv2.normalize(photo, None, 0, 255, cv2.NORM_MINMAX)
    >>> files = [photo, cv2.resize(photo, (60, 45)), photo[::-1], photo]
    >>> stats = fl.scan([cv2.imencode(".png", f)[1].tobytes() for f in files])
    >>> found = fl.dedup(stats)
    >>> found
    DedupResult(4 images: 0 exact groups, 1 near groups, 0 across splits)
    >>> found.groups.select(["image_id", "same_as"]).to_pydict()
    {'image_id': [0, 1, 3], 'same_as': [0, 1, 0]}
    """
    settings = _settings(distance, turned, linkage, embeddings is not None, threshold)
    threads = as_whole(workers, "workers", "a whole number, 0 or more")
    if isinstance(source, pa.Table):
        stats, splits = source, pa.nulls(source.num_rows, pa.string())
    else:
        stats, splits = _scanned(source, image_stats, threads, progress)
    return _grouped(stats, splits, settings, embeddings, threads)


def _settings(
    distance: int, turned: bool, linkage: str, embedded: bool, threshold: float
) -> dict[str, Any]:
    bits = as_whole(distance, "distance", "a whole number of bits, 0 to 64")
    if not 0 <= bits <= 64:
        raise ValueError(f"distance: got {bits}, expected 0 to 64 bits")
    cosine = as_number(threshold, "threshold", "a number above 0, at most 1")
    if not 0 < cosine <= 1:
        raise ValueError(f"threshold: got {cosine}, expected a number above 0, at most 1")
    out: dict[str, Any] = {
        "distance": bits,
        "turned": as_switch(turned, "turned"),
        "linkage": as_choice(linkage, "linkage", ("single", "complete")),
    }
    if out["turned"] and out["linkage"] == "complete":
        raise ValueError(
            "linkage: got 'complete' with turned pictures, whose hashes are not comparable; "
            "choose one of the two"
        )
    if embedded:
        out["threshold"] = cosine
    return out


def _scanned(
    source: Dataset | str | os.PathLike[str],
    image_stats: pa.Table | None,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[pa.Table, Any]:
    from .. import config
    from ..formats import read
    from ..scan import Limits, scan

    ds = source if isinstance(source, Dataset) else read(source)
    if image_stats is None:
        limits = Limits.of(config.load())
        image_stats = scan(ds, workers=workers, limits=limits, progress=progress)
    if image_stats.num_rows != len(ds):
        raise ValueError(
            f"image_stats: got {image_stats.num_rows:,} rows, expected one for each of "
            f"{len(ds):,} images"
        )
    return image_stats, ds.images["split"].combine_chunks()


def _grouped(
    stats: pa.Table, splits: Any, settings: dict[str, Any], embeddings: Any, workers: int
) -> DedupResult:
    n = stats.num_rows
    wanted = ("content_hash", "bytes", "phash", "status", "luma_std", "entropy")
    missing = [name for name in wanted if name not in stats.column_names]
    if missing:
        raise ValueError(f"source: the table has no column {missing[0]!r}, expected image_stats")
    same = same_bytes(stats)
    hashes, usable, flat = comparable(stats)
    distance = settings["distance"]
    near = near_labels(hashes, usable, distance, turned=settings["turned"], workers=workers)
    if settings["linkage"] == "complete":
        for rows in members(near):
            near[rows] = rows[tight_groups(hashes[rows], distance)]
    labels = same.copy()
    rows = np.arange(n, dtype=np.int64)
    join(labels, rows, near)
    unit = None
    if embeddings is not None:
        unit = as_embeddings(embeddings, n)
        settings = {**settings, "unembedded": link_similar(unit, settings["threshold"], labels)}
    table = _table(stats, splits, labels, same, hashes, usable, unit, settings)
    unreadable = np.flatnonzero(~usable & ~flat)
    return DedupResult(table, labels, n, np.flatnonzero(flat), unreadable, settings)


def same_bytes(stats: pa.Table) -> Ints:
    """For each image the first with the same bytes; itself where they are unknown."""
    column = stats["content_hash"].combine_chunks()
    codes = as_numpy(pc.fill_null(column.dictionary_encode().indices.cast(pa.int64()), -1))
    size = as_numpy(pc.fill_null(stats["bytes"], -1))
    rows = np.arange(stats.num_rows, dtype=np.int64)
    order = np.lexsort((rows, size, codes))
    order = order[codes[order] >= 0]
    out = rows.copy()
    if len(order):
        new = np.r_[True, (np.diff(codes[order]) != 0) | (np.diff(size[order]) != 0)]
        out[order] = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    return out


def comparable(stats: pa.Table) -> tuple[NDArray[np.uint64], Bools, Bools]:
    """Hashes, which rows have one that says something, and which are flat."""
    hashes = as_numpy(pc.fill_null(stats["phash"], 0)).astype(np.uint64)
    whole = np.asarray(pc.equal(stats["status"], "ok")) & np.asarray(stats["phash"].is_valid())
    std = as_numpy(pc.fill_null(stats["luma_std"], 0.0))
    entropy = as_numpy(pc.fill_null(stats["entropy"], 0.0))
    flat = whole & ((std < MIN_STD) | (entropy < MIN_ENTROPY))
    return hashes, whole & ~flat, flat


def _table(
    stats: pa.Table,
    splits: Any,
    labels: Ints,
    same: Ints,
    hashes: NDArray[np.uint64],
    usable: Bools,
    unit: NDArray[np.float32] | None,
    settings: dict[str, Any],
) -> pa.Table:
    groups = members(labels)
    if not groups:
        return GROUPS.empty_table()
    split = as_numpy(pc.fill_null(splits.dictionary_encode().indices.cast(pa.int64()), -1))
    rows = np.concatenate(groups)
    sizes = np.array([len(g) for g in groups], np.int64)
    group = np.repeat(np.arange(len(groups)), sizes)
    first = rows[np.r_[0, np.cumsum(sizes)[:-1]]][group]

    files = np.empty(len(groups), np.int64)
    leaks = np.empty(len(groups), np.bool_)
    weakest = np.full(len(groups), -1, np.int64)
    diameter = np.full(len(groups), -1, np.int64)
    laid, apart, turn = _laid(hashes[rows], hashes[first], settings["turned"])
    known = usable[rows]
    ends = np.cumsum(sizes)
    for k, (g, end) in enumerate(zip(groups, ends.tolist(), strict=True)):
        files[k] = len(np.unique(same[g]))
        known_splits = split[g][split[g] >= 0]
        leaks[k] = len(np.unique(known_splits)) > 1
        part = slice(end - len(g), end)
        if known[part].any():
            measured = spread(laid[part][known[part]], settings["distance"])
            weakest[k], diameter[k] = measured.weakest, measured.diameter
    both = known & usable[first]
    at = pa.array(rows)
    names = stats["file_name"] if "file_name" in stats.column_names else pa.nulls(len(stats))
    nothing = pa.nulls(len(rows), pa.float32())
    cosine = nothing if unit is None else pa.array((unit[rows] * unit[first]).sum(axis=1))
    columns = {
        "group_id": group,
        "kind": np.where(files == 1, "exact", "near")[group].tolist(),
        "image_id": stats["image_id"].take(at),
        "file_name": names.take(at),
        "split": splits.take(at),
        "same_as": stats["image_id"].take(pa.array(same[rows])),
        "distance": pa.array(apart, mask=~both),
        "turn": pa.array(np.array(TURNS)[turn].tolist(), mask=~both),
        "similarity": cosine,
        "members": sizes[group],
        "files": files[group],
        "weakest_link": pa.array(weakest[group], mask=weakest[group] < 0),
        "diameter": pa.array(diameter[group], mask=diameter[group] < 0),
        "leaks": leaks[group],
    }
    arrays = []
    for field in GROUPS:
        value = columns[field.name]
        if not isinstance(value, (pa.Array, pa.ChunkedArray)):
            value = pa.array(value)
        arrays.append(value.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=GROUPS)


def _laid(
    hashes: NDArray[np.uint64], first: NDArray[np.uint64], turned: bool
) -> tuple[NDArray[np.uint64], Ints, Ints]:
    """Hashes laid as the first of their group, their distances to it, and how they were turned."""
    if not turned:
        apart = np.bitwise_count(hashes ^ first).astype(np.int64)
        return hashes, apart, np.zeros(len(hashes), np.int64)
    every = turned_hashes(hashes)
    apart = np.bitwise_count(every ^ first).astype(np.int64)
    best = np.argmin(apart, axis=0)
    at = np.arange(len(hashes))
    return every[best, at], apart[best, at], best
