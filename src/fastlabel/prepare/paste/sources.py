"""What is pasted onto: the images of the set and of the backgrounds, as one data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ... import _core
from ...dataset import Dataset, DatasetError, as_numpy

__all__ = ["Sources", "gather", "set_column"]


@dataclass(frozen=True, eq=False)
class Sources:
    """The set and its backgrounds.

    Attributes
    ----------
    dataset : Dataset
        Both as one: the images and annotations of the set first, ids unchanged.
    own : Dataset
        The set alone, sizes filled in.
    roots : tuple of pathlib.Path
        Root of the set, then those of the backgrounds.
    root_of : numpy.ndarray
        For each image, which of the roots it lies in.
    targets, backgrounds : list of int
        ``image_id`` of what may be pasted onto; the second are among the first.
    splits : tuple of (str or None)
        Splits that are pasted into, and from.
    left_out : dict
        Why images and labels are not used, and how many.
    """

    dataset: Dataset
    own: Dataset
    roots: tuple[Path, ...]
    root_of: npt.NDArray[np.int64]
    targets: list[int]
    backgrounds: list[int]
    splits: tuple[str | None, ...]
    left_out: dict[str, int]

    def file(self, image_id: int) -> Path | None:
        """Where an image lies; None when its name leads outside its root."""
        path = self.dataset.images["path"][image_id].as_py()
        return None if path is None else self.roots[int(self.root_of[image_id])] / path

    def name(self, image_id: int) -> str:
        """What an image is called in reports: its path, with its root's name for a background."""
        row = self.dataset.images.select(["path", "file_name"]).slice(image_id, 1).to_pylist()[0]
        name = str(row["path"] if row["path"] is not None else row["file_name"])
        at = int(self.root_of[image_id])
        return name if at == 0 else f"{self.roots[at].resolve().name}/{name}"


def gather(
    source: Dataset, splits: Sequence[str] | None, backgrounds: Iterable[Dataset]
) -> Sources:
    """Put a set and its backgrounds together, and say which images may be pasted onto.

    Of the set these are the images with a label record (an image that nobody has labelled may
    hold objects that nobody has labelled) in the chosen splits: ``train`` where there is one and
    nothing is said. Backgrounds are taken as empty but for their own boxes of classes that the
    set has too.

    Raises
    ------
    DatasetError
        For a split that the set does not have, one that must be named, or backgrounds that lie
        in other splits.
    """
    own = _with_sizes(source)
    left_out: dict[str, int] = {}
    chosen = _splits(own, splits)
    states = own.images["label_state"].to_pylist()
    names = own.images["split"].to_pylist()
    paths = own.images["path"].to_pylist()
    targets = []
    for at, (state, split, path) in enumerate(zip(states, names, paths, strict=True)):
        if split not in chosen:
            _count(left_out, "image of another split")
        elif state not in ("labelled", "labelled_empty"):
            _count(left_out, "image without a label record")
        elif path is None:
            _count(left_out, "image outside the root")
        else:
            targets.append(at)
    parts, roots, root_of = [own], [own.root], [np.zeros(len(own), np.int64)]
    for background in backgrounds:
        part = _as_background(_with_sizes(background), own, chosen[0], left_out)
        roots.append(part.root)
        root_of.append(np.full(len(part), len(roots) - 1, np.int64))
        parts.append(part)
    together = _join(parts)
    extra = list(range(len(own), len(together)))
    return Sources(
        together,
        own,
        tuple(roots),
        np.concatenate(root_of),
        targets + extra,
        extra,
        chosen,
        left_out,
    )


def _count(counts: dict[str, int], what: str, n: int = 1) -> None:
    if n:
        counts[what] = counts.get(what, 0) + n


def _splits(ds: Dataset, wanted: Sequence[str] | None) -> tuple[str | None, ...]:
    have = set(ds.images["split"].to_pylist())
    named = sorted(split for split in have if split is not None)
    listed = ", ".join(named) if named else "none is declared"
    if wanted is not None:
        for split in wanted:
            if split not in named:
                raise DatasetError(f"no split named {split!r}; this set has: {listed}")
        if not wanted:
            raise DatasetError(f"no split is chosen; this set has: {listed}")
        return tuple(dict.fromkeys(wanted))
    if not named:
        return (None,)
    if "train" in named:
        return ("train",)
    raise DatasetError(
        f"this set has the splits {listed} and none is called train; name those to paste into "
        "with --split, and leave out what the model is judged on"
    )


def set_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    """A table with one column exchanged, of the type that it had."""
    at = table.schema.get_field_index(name)
    kind = table.schema.field(name)
    if not isinstance(values, (pa.Array, pa.ChunkedArray)):
        values = pa.array(values, kind.type)
    return table.set_column(at, kind, values.cast(kind.type))


def _with_sizes(ds: Dataset) -> Dataset:
    """The set with the sizes that its labels do not give read from the files' headers."""
    images = ds.images
    paths = images["path"].to_pylist()
    width, height = (as_numpy(pc.fill_null(images[c], 0)).copy() for c in ("width", "height"))
    unknown = [
        at for at, path in enumerate(paths) if path is not None and min(width[at], height[at]) < 1
    ]
    if not unknown:
        return ds
    _, widths, heights, turns = _core.sniff_headers([str(ds.root / paths[at]) for at in unknown])
    origin = images["size_source"].to_pylist()
    for at, w, h, turn in zip(
        unknown, widths.tolist(), heights.tolist(), turns.tolist(), strict=True
    ):
        if w > 0 and h > 0:
            turned = 5 <= turn <= 8
            width[at], height[at] = (h, w) if turned else (w, h)
            origin[at] = "exif" if turned else "decoded"
    for name, sides in (("width", width), ("height", height)):
        images = set_column(images, name, pa.array(sides, mask=sides < 1))
    return replace(ds, images=set_column(images, "size_source", origin))


def _as_background(
    ds: Dataset, own: Dataset, split: str | None, left_out: dict[str, int]
) -> Dataset:
    """A set's usable images, in the split that is pasted into, with our classes alone."""
    splits = ds.images["split"].to_pylist()
    # Two sets may well name their splits alike; where they do, no border is crossed.
    keep = np.array([s is None or split is None or s == split for s in splits], bool)
    keep &= np.asarray(pc.is_valid(ds.images["path"]).to_numpy(zero_copy_only=False), bool)
    if not keep.any():
        have = ", ".join(sorted({str(s) for s in splits if s is not None}))
        raise DatasetError(
            f"{ds.root}: has no image for the split {split!r} (it has: {have}); nothing goes from "
            "one split into another"
        )
    _count(left_out, "background of another split", int(np.count_nonzero(~keep)))
    ids = {str(name): at for at, name in enumerate(own.categories["name"].to_pylist())}
    mapped = [ids.get(str(name), -1) for name in ds.categories["name"].to_pylist()]
    category = as_numpy(pc.fill_null(ds.annotations["category_id"], -1))
    table = np.array([*mapped, -1], np.int32)
    new_category = table[category]
    image_of = as_numpy(ds.annotations["image_id"])
    keep_box = keep[image_of] & (new_category >= 0)
    lost = int(np.count_nonzero(keep[image_of] & (new_category < 0)))
    _count(left_out, "background's box of a class that the set does not have", lost)
    images = ds.images.filter(pa.array(keep))
    n = images.num_rows
    for name, values in (
        ("split", pa.array([split] * n, pa.string())),
        ("source_id", pa.nulls(n, pa.string())),
        ("label_state", pa.array(["labelled_empty"] * n)),
        ("attributes", pa.nulls(n, pa.string())),
    ):
        images = set_column(images, name, values)
    boxes = ds.annotations.filter(pa.array(keep_box))
    boxes = set_column(boxes, "image_id", pa.array((np.cumsum(keep) - 1)[image_of[keep_box]]))
    boxes = set_column(boxes, "category_id", pa.array(new_category[keep_box]))
    boxes = set_column(boxes, "source_id", pa.nulls(boxes.num_rows, pa.string()))
    return replace(ds, images=images, annotations=boxes)


def _join(parts: list[Dataset]) -> Dataset:
    if len(parts) == 1:
        return parts[0]
    images, boxes, before = [], [], 0
    for part in parts:
        images.append(part.images)
        ids = as_numpy(part.annotations["image_id"]) + before
        boxes.append(set_column(part.annotations, "image_id", pa.array(ids)))
        before += len(part)
    pictures, annotations = pa.concat_tables(images), pa.concat_tables(boxes)
    pictures = set_column(pictures, "image_id", pa.array(np.arange(pictures.num_rows)))
    ids = pa.array(np.arange(annotations.num_rows))
    return replace(
        parts[0], images=pictures, annotations=set_column(annotations, "annotation_id", ids)
    )
