"""The columns of one data set that its summary is made of, whole and in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .dataset import Dataset, as_numpy

if TYPE_CHECKING:
    from .deploy import Profile

__all__ = ["ASSUMED_INPUT", "ASSUMED_STRIDES", "Columns", "split_order"]

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]
T = TypeVar("T")

#: Model input when no deployment is named, as FL602 assumes it too.
ASSUMED_INPUT = 640
ASSUMED_STRIDES = (8, 16, 32)

#: Boxes of one part, and what all parts of a set share.
PART = 1 << 16
OF_IMAGES = (
    "turned",
    "size",
    "input_scale",
    "sized",
    "full_hd_scale",
    "split_names",
    "split_index",
)

_SPLIT_ORDER = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2}


def split_order(name: str | None) -> tuple[int, str]:
    """Sort key that puts train, val and test first and the images of no split last."""
    if name is None:
        return (9, "")
    return (_SPLIT_ORDER.get(name.lower(), 3), name)


class kept(Generic[T]):
    """A value made when it is first asked for; no lock holds up other parts meanwhile."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make, self.name, self.__doc__ = make, make.__name__, make.__doc__

    def __get__(self, columns: Any, owner: type | None = None) -> T:
        """Make it, once: then it stands in the instance."""
        if columns is None:
            return cast(T, self)
        value = self.make(columns)
        columns.__dict__[self.name] = value
        return value


@dataclass(frozen=True)
class Columns:
    """The columns of one set that the charts share, each computed once.

    Attributes
    ----------
    ds : Dataset
        The annotation tables.
    stats : pyarrow.Table
        ``image_stats``, one row an image, in the order of ``ds.images``.
    profile : Profile or None
        The deployment; None means a 640 x 640 letterbox is assumed.
    thresholds : mapping
        Thresholds in force by rule code.
    """

    ds: Dataset
    stats: pa.Table
    profile: Profile | None
    thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def parts(self) -> Iterator[Columns]:
        """The set with some of its boxes after the other: columns that fit the cache."""
        n = self.ds.annotations.num_rows
        if n <= PART:
            yield self
            return
        shared = {name: getattr(self, name) for name in OF_IMAGES}
        for start in range(0, n, PART):
            annotations = self.ds.annotations.slice(start, PART)
            part = replace(self, ds=replace(self.ds, annotations=annotations))
            part.__dict__.update(shared)
            yield part

    @kept
    def in_order(self) -> bool:
        """Whether the boxes of each image stand together, in the order of the images."""
        images, n = self.box_image, self.ds.annotations.num_rows
        return all(
            bool((images[at + 1 : at + PART + 1] >= images[at : min(at + PART, n - 1)]).all())
            for at in range(0, n, PART)
        )

    def threshold(self, code: str, name: str, default: float) -> float:
        """Give a threshold in force, or the default where its rule did not run."""
        return float(self.thresholds.get(code, {}).get(name, default))

    def image_floats(self, name: str) -> FloatArray:
        """Give a column of ``image_stats`` as float64, NaN where it was not measured."""
        column = self.stats[name].cast(pa.float64())
        return np.asarray(as_numpy(column.fill_null(float("nan"))), dtype=np.float64)

    @kept
    def turned(self) -> BoolArray:
        """Images whose EXIF orientation swaps width and height."""
        orientation = as_numpy(self.stats["orientation"].fill_null(1))
        return np.asarray((orientation >= 5) & (orientation <= 8))

    @kept
    def size(self) -> tuple[FloatArray, FloatArray]:
        """Width and height of each image as its boxes see it; NaN where unknown."""
        out = []
        stored = {n: self.image_floats(n) for n in ("width", "height")}
        for name, other in (("width", "height"), ("height", "width")):
            declared = self.ds.images[name].cast(pa.float64()).fill_null(float("nan"))
            said = np.array(as_numpy(declared), dtype=np.float64)
            seen = np.where(self.turned, stored[other], stored[name])
            said[~(said > 0)] = np.nan
            out.append(np.where(np.isfinite(said), said, seen))
        return out[0], out[1]

    @kept
    def box_image(self) -> IntArray:
        """Row of the image of each box."""
        return np.asarray(self.ds.column("annotations", "image_id"), dtype=np.int64)

    @kept
    def category(self) -> IntArray:
        """Dense class of each box, -1 where the class is unknown."""
        column = self.ds.annotations["category_id"].fill_null(-1)
        return np.asarray(as_numpy(column), dtype=np.int64)

    @kept
    def corners(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """``x1, y1, x2, y2`` of each box; NaN where unknown."""
        nan = float("nan")
        x1, y1, x2, y2 = (
            np.asarray(as_numpy(c.fill_null(nan) if c.null_count else c), dtype=np.float64)
            for c in (self.ds.annotations[name] for name in ("x1", "y1", "x2", "y2"))
        )
        return x1, y1, x2, y2

    @kept
    def usable(self) -> BoolArray:
        """Boxes a chart can show: finite, with an area, neither crowd nor ignore."""
        x1, y1, x2, y2 = self.corners
        finite = np.isfinite(x1) & np.isfinite(y1) & np.isfinite(x2) & np.isfinite(y2)
        marked = self._marked("crowd") | self._marked("ignore")
        # Inclusive corners: a box of equal corners is one pixel wide here, and none to FL202.
        least = 1.0 if self.ds.meta.get("inclusive") else 0.0
        with np.errstate(invalid="ignore"):
            sized = (x2 - x1 > least) & (y2 - y1 > least)
        return np.asarray(finite & sized & ~marked)

    def _marked(self, name: str) -> BoolArray:
        column = self.ds.annotations[name]
        if column.null_count == len(column):
            return np.zeros(len(column), np.bool_)
        return np.asarray(as_numpy(column.fill_null(False)), np.bool_)

    def sides_at(self, scale_x: FloatArray, scale_y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Width and height of every box after scaling each image by the given factors."""
        x1, y1, x2, y2 = self.corners
        with np.errstate(invalid="ignore"):
            return (x2 - x1) * scale_x[self.box_image], (y2 - y1) * scale_y[self.box_image]

    @kept
    def input_scale(self) -> tuple[FloatArray, FloatArray]:
        """Factors from image pixels to pixels of the model's input."""
        width, height = self.size
        if self.profile is not None:
            sx, sy = self.profile.scale(width, height)
            return np.asarray(sx, dtype=np.float64), np.asarray(sy, dtype=np.float64)
        scale = np.minimum(ASSUMED_INPUT / width, ASSUMED_INPUT / height)
        return scale, scale

    @kept
    def input_sides(self) -> tuple[FloatArray, FloatArray]:
        """Width and height of every box in pixels of the model's input."""
        return self.sides_at(*self.input_scale)

    @kept
    def sized(self) -> BoolArray:
        """Images whose size is known."""
        width, height = self.size
        return np.asarray(np.isfinite(width) & np.isfinite(height))

    @kept
    def full_hd_scale(self) -> FloatArray:
        """Factor that fits each image to 1920 x 1080."""
        width, height = self.size
        long, short = np.fmax(width, height), np.fmin(width, height)
        return np.asarray(np.minimum(1920.0 / long, 1080.0 / short))

    @kept
    def full_hd_sides(self) -> tuple[FloatArray, FloatArray]:
        """Width and height of every box after its image is fitted to 1920 x 1080."""
        return self.sides_at(self.full_hd_scale, self.full_hd_scale)

    @kept
    def split_names(self) -> list[str | None]:
        """Every split, train first; None stands for images of no split."""
        return sorted(pc.unique(self.ds.images["split"]).to_pylist(), key=split_order)

    @kept
    def split_index(self) -> IntArray:
        """Position of each image's split in ``split_names``."""
        names = pa.array([n for n in self.split_names if n is not None], type=pa.string())
        found = pc.index_in(self.ds.images["split"], value_set=names)
        return np.asarray(as_numpy(found.fill_null(len(names))), dtype=np.int64)
