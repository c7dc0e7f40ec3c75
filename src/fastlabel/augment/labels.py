"""The labels of an image as a recipe takes them, and those of the new images as tables."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import schema
from ..dataset import Dataset
from .mapping import Size
from .recipe import Augmented
from .sample import PASTED, Floats, Polygons
from .segmentations import rings_of, text_of

__all__ = ["Given", "NewRows", "Source"]

Integers = NDArray[np.int64]

#: Keys of an annotation's attributes that hold places in the source's picture.
_PLACES = frozenset(("keypoints", "points", "polygon", "rbox", "bbox3d", "cuboid"))


@dataclass
class Given:
    """What a recipe gets of one image.

    Attributes
    ----------
    boxes, polygons, obb, ignore
        As :class:`fastlabel.augment.Recipe` takes them.
    box_rows, ignore_rows : list of int
        The annotation that each box and each region is.
    masks : list of bool
        Which polygons are outlines of masks.
    unmoved : int
        Annotations without a box that could be moved.
    """

    boxes: Floats
    polygons: Polygons
    obb: Floats
    ignore: Floats
    box_rows: list[int]
    ignore_rows: list[int]
    masks: list[bool]
    unmoved: int


class Source:
    """The annotations of a data set, image by image."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._boxes = dataset.boxes()
        image_of = dataset.column("annotations", "image_id")
        self._order: Integers = np.argsort(image_of, kind="stable")
        self._starts = np.searchsorted(image_of[self._order], np.arange(len(dataset) + 1))
        aside = np.zeros(len(image_of), bool)
        for name in ("ignore", "crowd"):
            column = dataset.annotations[name].fill_null(False)
            aside |= np.asarray(column.to_numpy(), bool)
        self._aside = aside
        with np.errstate(invalid="ignore"):
            sides = self._boxes[:, 2:] - self._boxes[:, :2]
            self._sound = np.isfinite(self._boxes).all(axis=1) & (sides >= 0).all(axis=1)
        self._texts = dataset.annotations["segmentation"]
        self._corners = dataset.annotations["obb"]

    def of_image(self, image: int, size: Size) -> Given:
        """The labels of one image of a size in pixels."""
        rows = self._order[self._starts[image] : self._starts[image + 1]]
        sound = rows[self._sound[rows]]
        own, aside = sound[~self._aside[sound]], sound[self._aside[sound]]
        polygons: Polygons = [None] * len(own)
        masks = [False] * len(own)
        obb = np.full((len(own), 4, 2), np.nan)
        if self._texts.null_count < len(self._texts):
            for k, row in enumerate(own.tolist()):
                found = rings_of(self._texts[row].as_py(), size)
                if found is not None:
                    polygons[k], masks[k] = found
        if self._corners.null_count < len(self._corners):
            for k, row in enumerate(own.tolist()):
                corners = self._corners[row].as_py()
                if corners is not None and np.isfinite(corners).all():
                    obb[k] = np.reshape(corners, (4, 2))
        return Given(
            self._boxes[own],
            polygons,
            obb,
            self._boxes[aside],
            own.tolist(),
            aside.tolist(),
            masks,
            len(rows) - len(sound),
        )


@dataclass
class NewRows:
    """Annotations of new images, as they come; row numbers are those of the source.

    Attributes
    ----------
    lost : collections.Counter
        What the new labels are without, in words.
    """

    image: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    box: list[list[float]] = field(default_factory=list)
    ignored: list[bool] = field(default_factory=list)
    segmentation: list[str | None] = field(default_factory=list)
    area: list[float | None] = field(default_factory=list)
    obb: list[list[float] | None] = field(default_factory=list)
    tightness: list[float] = field(default_factory=list)
    category: dict[int, int] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.row)

    def add(self, image: int, given: Given, made: Augmented, size: Size) -> None:
        """The labels of one augmented picture, of a size in pixels."""
        for k, at in enumerate(made.kept.tolist()):
            rings = made.polygons[k]
            corners = made.obb[k]
            text, area = None, None
            if rings is not None:
                text, area = text_of(rings, at >= 0 and given.masks[at], size)
            elif at >= 0 and given.polygons[at] is not None:
                self.lost["outlines that do not reach into the picture: the box alone"] += 1
            known = np.isfinite(corners).all()
            row = given.box_rows[at] if at >= 0 else -1 - PASTED - at
            self._one(image, row, made.boxes[k], text, area)
            self.obb[-1] = corners.ravel().tolist() if known else None
            self.tightness[-1] = float(made.tightness[k])
        for k, at in enumerate(made.ignore_from.tolist()):
            if at >= 0:
                row = given.ignore_rows[at]
            else:
                row = given.box_rows[-1 - at] if at >= -PASTED else -1 - PASTED - at
            self._one(image, row, made.ignore[k], None, None)
            self.ignored[-1] = True
        if given.unmoved:
            self.lost["boxes that are unknown or inverted, and cannot be moved"] += given.unmoved

    def _one(self, image: int, row: int, box: Floats, text: str | None, area: float | None) -> None:
        self.image.append(image)
        self.row.append(row)
        self.box.append(box.tolist())
        self.ignored.append(False)
        self.segmentation.append(text)
        self.area.append(area)
        self.obb.append(None)
        self.tightness.append(1.0)

    def table(self, source: Dataset, first: int) -> pa.Table:
        """Rows of ``schema.ANNOTATIONS``, numbered from `first`."""
        import pyarrow.compute as pc

        n = len(self)
        taken = source.annotations.take(pa.array(self.row, pa.int64()))
        kept = {name: taken[name] for name in schema.ANNOTATIONS.names}
        kept["annotation_id"] = pa.array(np.arange(first, first + n))
        kept["image_id"] = pa.array(self.image, pa.int64())
        boxes = np.array(self.box, np.float64).reshape(-1, 4)
        for k, name in enumerate(("x1", "y1", "x2", "y2")):
            kept[name] = pa.array(np.ascontiguousarray(boxes[:, k]))
        kept["area"] = self._areas(taken, boxes)
        ignored = pa.array(self.ignored, pa.bool_())
        kept["ignore"] = pc.if_else(ignored, pa.scalar(True), taken["ignore"].combine_chunks())
        kept["segmentation"] = pa.array(self.segmentation, pa.string())
        kept["obb"] = pa.array(self.obb, schema.ANNOTATIONS.field("obb").type)
        kept["attributes"] = self._attributes(taken["attributes"])
        kept["source_id"] = pa.nulls(n, pa.string())
        kept["origin"] = pa.nulls(n, schema.ORIGIN)
        return pa.table(kept).cast(schema.ANNOTATIONS)

    def _areas(self, taken: pa.Table, boxes: Floats) -> pa.Array:
        """That of the outline; else the source's own, grown as the box has."""
        out: list[float | None] = []
        sides = zip(*(taken[name].to_pylist() for name in ("x1", "y1", "x2", "y2")), strict=True)
        grown = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        for k, (old, (x1, y1, x2, y2)) in enumerate(
            zip(taken["area"].to_pylist(), sides, strict=True)
        ):
            before = (x2 - x1) * (y2 - y1)
            if old is None or self.area[k] is not None:
                out.append(self.area[k] if old is not None else None)
            else:
                out.append(old * float(grown[k]) / before if before > 0 else None)
        return pa.array(out, pa.float64())

    def _attributes(self, column: pa.ChunkedArray) -> pa.Array:
        """As they are, without those that are places in the source's picture."""
        out: list[str | None] = []
        for text in column.to_pylist():
            if text is None or not any(word in text for word in _PLACES):
                out.append(text)
                continue
            try:
                values: Any = json.loads(text)
            except ValueError:
                values = None
            if not isinstance(values, dict):
                out.append(text)
                continue
            left = {key: v for key, v in values.items() if key not in _PLACES}
            for key in sorted(values.keys() - left.keys()):
                self.lost[f"attributes that are places: {key}"] += 1
            out.append(json.dumps(left, ensure_ascii=False) if left else None)
        return pa.array(out, pa.string())
