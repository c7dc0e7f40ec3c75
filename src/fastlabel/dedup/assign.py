"""Training, validation and test sets that nothing straddles."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .._scalars import as_number, as_whole
from ..dataset import Dataset, DatasetError, as_numpy
from ..pixels.clusters import join
from .families import by_pattern, tile_families
from .run import DISTANCE, dedup, same_bytes
from .stratify import stratify

__all__ = ["ASSIGNMENTS", "GROUPINGS", "SplitResult", "ratios_of", "split"]

Ints = NDArray[np.int64]

#: What can be kept together besides what paths say.
GROUPINGS = ("near-duplicates", "exact-duplicates", "tiles")
_NAMES = {2: ("train", "val"), 3: ("train", "val", "test")}
#: A share is reached when it is off by no more than this, or by one image.
TOLERANCE = 0.02

#: One row an image.
ASSIGNMENTS = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        ("path", pa.string()),  # as in the source
        pa.field("split", pa.string(), nullable=False),
        ("old_split", pa.string()),
        pa.field("group_id", pa.int64(), nullable=False),  # the first image of the group
        pa.field("group_size", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True)
class SplitResult:
    """Which image goes where.

    Attributes
    ----------
    assignments : pyarrow.Table
        One row an image, in the order of ``images``.
    dataset : Dataset
        The set with the new splits in ``images["split"]``.
    shares : pyarrow.Table
        ``name`` (of a class, or ``images``), ``split``, ``count``, ``wanted``, ``reached``.
    groups : int
        Groups, images that are alone counted as one each.
    leaks_before, leaks_after : int
        Groups of two and more that straddle the splits that the set had, and the new ones.
    notes : tuple of str
        What could not be grouped.
    unreached : tuple of str
        Shares of the images that could not be reached, and why.
    settings : dict
        What it was made with.
    """

    assignments: pa.Table
    dataset: Dataset
    shares: pa.Table
    groups: int
    leaks_before: int | None
    leaks_after: int
    notes: tuple[str, ...]
    unreached: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        counts = pc.value_counts(self.assignments["split"]).to_pylist()
        by_name = {str(row["values"]): int(row["counts"]) for row in counts}
        said = ", ".join(f"{by_name.get(n, 0):,} {n}" for n in self.settings["ratios"])
        return f"SplitResult({said}; {self.leaks_after} groups straddle)"

    def _repr_html_(self) -> str:
        return f"<p><b>{html.escape(repr(self))}</b></p>"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.assignments.__arrow_c_stream__(requested_schema)


def split(
    source: Dataset | str | os.PathLike[str],
    ratios: Sequence[float] | Mapping[str, float] = (0.8, 0.1, 0.1),
    *,
    group: str | Sequence[str] | None = "near-duplicates",
    group_by: str | Sequence[str] = (),
    tiles: str | os.PathLike[str] | pa.Table | None = None,
    distance: int = DISTANCE,
    seed: int = 0,
    image_stats: pa.Table | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> SplitResult:
    r"""Deal a data set to train, val and test so that no group straddles two of them.

    A group is a cluster of copies or near copies, the tiles of one picture, the frames of one
    video or camera; groups that share an image are one. Whole groups are dealt by iterative
    stratification (Sechidis et al., 2011), so that each split gets its share of every class as
    far as the groups allow. Nothing is written.

    Parameters
    ----------
    source : Dataset or path
    ratios : sequence or mapping of float
        Shares that sum to 1 or to 100: two (train, val), three (train, val, test), or by name.
    group : str or sequence of str, or None
        Of ``near-duplicates`` (includes the exact ones), ``exact-duplicates`` and ``tiles``. A
        set with a ``tiles.parquet`` keeps tiles together in any case but None.
    group_by : str or sequence of str
        Regular expressions searched in the images' paths: same groups, same split
        (``cam(\d+)_``).
    tiles : path or pyarrow.Table, optional
        The tile table, where it is not beside the pictures.
    distance : int
        As for :func:`dedup`.
    seed : int
        The same seed deals alike.
    image_stats : pyarrow.Table, optional
        Of a scan of the set, to save another; it is needed for duplicates only.
    workers, progress
        As for :func:`dedup`.

    Returns
    -------
    SplitResult

    Raises
    ------
    ValueError, TypeError
        For ratios that do not sum to 1 or 100, an unknown grouping, and the like.
    DatasetError
        If the set is empty, a pattern is found in no path, or there are fewer groups than splits.

    Examples
    --------
    >>> import cv2, tempfile, numpy as np, fastlabel as fl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for camera in range(5):
    ...         for frame in range(4):
    ...             name = f"{folder}/cam{camera}_{frame}.png"
    ...             _ = cv2.imwrite(name, np.zeros((8, 8), np.uint8))
    ...     result = fl.split(folder, (60, 40), group=None, group_by=r"cam(\d+)_")
    >>> result
    SplitResult(12 train, 8 val; 0 groups straddle)
    """
    from ..formats import read

    wanted = ratios_of(ratios)
    kinds = _kinds(group)
    start = as_whole(seed, "seed", "a whole number, 0 or more")
    if not 0 <= start < 2**63:
        raise ValueError(f"seed: got {start}, expected 0 to 2**63 - 1")
    patterns = (group_by,) if isinstance(group_by, str) else tuple(group_by)
    ds = source if isinstance(source, Dataset) else read(source)
    if not len(ds):
        raise DatasetError(f"{ds.root}: has no images to split")
    labels, notes = _groups(ds, kinds, patterns, tiles, distance, image_stats, workers, progress)
    first, unit = np.unique(labels, return_inverse=True)
    if len(first) < len(wanted):
        raise DatasetError(
            f"{ds.root}: the {len(ds):,} images make {len(first)} groups, fewer than the "
            f"{len(wanted)} splits; group by less, or ask for fewer splits"
        )
    sizes = np.bincount(unit)
    counts = _class_counts(ds, unit, len(first))
    shares = np.array(list(wanted.values()))
    dealt = stratify(sizes, counts, shares, start)[unit]
    names = list(wanted)
    table = _assignments(ds, dealt, names, labels, sizes[unit])
    reached = _shares(ds, dealt, counts, unit, wanted)
    settings = {
        "ratios": wanted,
        "group": list(kinds),
        "group_by": list(patterns),
        "distance": distance,
        "seed": start,
    }
    at = ds.images.schema.get_field_index("split")
    images = ds.images.set_column(at, ds.images.schema.field(at), table["split"])
    new = replace(ds, images=images)
    return SplitResult(
        table,
        new,
        reached,
        len(first),
        _leaks(ds.images["split"], labels),
        _leaks(table["split"], labels) or 0,
        tuple(notes),
        tuple(_unreached(dealt, wanted, sizes)),
        settings,
    )


def ratios_of(ratios: Sequence[float] | Mapping[str, float]) -> dict[str, float]:
    """Shares by name, of sum 1.

    Raises
    ------
    ValueError, TypeError
        If they are not numbers above 0 whose sum is 1 or 100, or their names are not known.
    """
    if isinstance(ratios, Mapping):
        given = {str(name): value for name, value in ratios.items()}
    elif isinstance(ratios, str) or not isinstance(ratios, Sequence | np.ndarray):
        raise TypeError(f"ratios: got {ratios!r}, expected numbers, such as (0.8, 0.1, 0.1)")
    elif len(ratios) not in _NAMES:
        raise ValueError(f"ratios: got {len(ratios)} numbers, expected 2 or 3, or shares by name")
    else:
        given = dict(zip(_NAMES[len(ratios)], ratios, strict=True))
    if len(given) < 2:
        raise ValueError(f"ratios: got {len(given)} splits, expected at least 2")
    for name in given:
        if not name or name.strip() != name or any(c in name for c in "/\\\0\n\r"):
            raise ValueError(f"ratios: got the name {name!r}, expected a word for a folder")
    values = {name: as_number(value, f"ratios[{name}]") for name, value in given.items()}
    total = sum(values.values())
    if not all(value > 0 for value in values.values()):
        raise ValueError(f"ratios: got {_said(values)}, expected numbers above 0")
    for whole in (1.0, 100.0):
        if abs(total - whole) <= 1e-6 * whole:
            return {name: value / total for name, value in values.items()}
    raise ValueError(f"ratios: got {_said(values)}, whose sum is {total:g}; expected 1 or 100")


def _said(values: Mapping[str, float]) -> str:
    return "/".join(f"{value:g}" for value in values.values())


def _kinds(group: str | Sequence[str] | None) -> tuple[str, ...]:
    if group is None:
        return ()
    kinds = (group,) if isinstance(group, str) else tuple(group)
    for kind in kinds:
        if kind not in GROUPINGS:
            raise ValueError(f"group: got {kind!r}, expected one of {', '.join(GROUPINGS)}")
    return kinds


def _groups(
    ds: Dataset,
    kinds: tuple[str, ...],
    patterns: tuple[str, ...],
    tiles: Any,
    distance: int,
    image_stats: pa.Table | None,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Ints, list[str]]:
    """The first image of each image's group, and what is to be said of it."""
    rows = np.arange(len(ds), dtype=np.int64)
    labels = rows.copy()
    notes: list[str] = []
    for pattern in patterns:  # first: a misspelt one must not cost a scan
        first, unmatched = by_pattern(ds, pattern)
        join(labels, rows, first)
        if unmatched:
            notes.append(f"{pattern!r} is not found in {unmatched:,} paths: each on its own")
    if kinds or tiles is not None:
        families = tile_families(ds, tiles)
        if families is None and "tiles" in kinds:
            raise DatasetError(
                f"{ds.root}: has no tiles.parquet; name the tile table, or group by the names of "
                r"the tiles with the pattern ([^/]*)_x\d+_y\d+\."
            )
        if families is not None:
            join(labels, rows, families[0])
            if families[1]:
                notes.append(f"{families[1]:,} images are not in the tile table: each on its own")
    if "near-duplicates" in kinds:
        found = dedup(
            ds, distance=distance, image_stats=image_stats, workers=workers, progress=progress
        )
        join(labels, rows, found.labels)
        if len(found.unreadable):
            notes.append(
                f"{len(found.unreadable):,} images could not be decoded whole, so they were "
                "compared by their bytes at best; fastlabel check names them"
            )
    elif "exact-duplicates" in kinds:
        from ..scan import scan

        stats = (
            image_stats if image_stats is not None else scan(ds, workers=workers, progress=progress)
        )
        join(labels, rows, same_bytes(stats))
    return labels, notes


def _class_counts(ds: Dataset, unit: Ints, units: int) -> Ints:
    """Boxes of each class in each unit; then images without any box, as one more class."""
    # Crowds and regions to ignore are no targets.
    classes = ds.categories.num_rows
    anns = ds.annotations
    aside = pc.or_(pc.fill_null(anns["crowd"], False), pc.fill_null(anns["ignore"], False))
    known = pc.and_(pc.invert(aside), anns["category_id"].is_valid())
    keep = np.asarray(known.to_numpy(zero_copy_only=False), np.bool_)
    image = as_numpy(anns["image_id"])
    category = as_numpy(pc.fill_null(anns["category_id"].cast(pa.int64()), 0))[keep]
    at = unit[image[keep]] * (classes + 1) + category
    counts = np.bincount(at, minlength=units * (classes + 1)).reshape(units, classes + 1)
    empty = np.bincount(image, minlength=len(ds)) == 0
    counts[:, classes] = np.bincount(unit[empty], minlength=units)
    return counts.astype(np.int64)


def _assignments(ds: Dataset, dealt: Ints, names: list[str], labels: Ints, sizes: Ints) -> pa.Table:
    columns = [
        ds.images["image_id"],
        pc.coalesce(ds.images["path"], ds.images["file_name"]),
        pa.array(names).take(pa.array(dealt)),
        ds.images["split"],
        pa.array(labels),
        pa.array(sizes.astype(np.int64)),
    ]
    return pa.table(columns, schema=ASSIGNMENTS)


def _shares(
    ds: Dataset, dealt: Ints, counts: Ints, unit: Ints, wanted: dict[str, float]
) -> pa.Table:
    """What each split got of the images and of each class."""
    of_unit = np.empty(len(counts), np.int64)
    of_unit[unit] = dealt
    names = ds.categories["name"].to_pylist()
    features = [("images", np.bincount(dealt, minlength=len(wanted)))]
    for at, name in enumerate([*names, "images without a box"]):
        got = np.bincount(of_unit, counts[:, at], len(wanted)).astype(np.int64)
        if got.sum():
            features.append((str(name), got))
    rows = [
        {
            "name": name,
            "split": split_name,
            "count": int(got[at]),
            "wanted": share,
            "reached": float(got[at] / got.sum()),
        }
        for name, got in features
        for at, (split_name, share) in enumerate(wanted.items())
    ]
    return pa.Table.from_pylist(rows)


def _leaks(column: Any, labels: Ints) -> int | None:
    """Groups with images of two splits; None where there are no splits."""
    codes = as_numpy(
        pc.fill_null(pc.index_in(column, pc.unique(column).drop_null()).cast(pa.int64()), -1)
    )
    known = codes >= 0
    if not known.any():
        return None
    pairs = np.unique(np.stack([labels[known], codes[known]]), axis=1)
    _, splits = np.unique(pairs[0], return_counts=True)
    return int((splits > 1).sum())


def _unreached(dealt: Ints, wanted: dict[str, float], sizes: Ints) -> list[str]:
    """Say which shares of images could not be reached, and what stands in the way."""
    n = len(dealt)
    got = np.bincount(dealt, minlength=len(wanted)) / n
    largest = int(sizes.max())
    notes = []
    for (name, share), reached in zip(wanted.items(), got.tolist(), strict=True):
        if abs(reached - share) <= max(TOLERANCE, 1 / n):
            continue
        notes.append(
            f"{name} has {reached:.1%} of the images, {share:.1%} was wanted: groups stay whole, "
            f"and the largest has {largest:,} of {n:,} images"
        )
    return notes
