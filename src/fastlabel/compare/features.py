"""The features that describe a set: one column of boxes or images each, and its bins."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..dataset import Dataset, DatasetError, as_numpy
from ..tables import Axis, Log, Regular, Variable

if TYPE_CHECKING:
    from ..check import Report

__all__ = ["FEATURES", "Feature", "Side", "load"]

Floats = np.ndarray[Any, np.dtype[np.float64]]
#: What a report folder holds; ``image_stats`` brings the features of pixels.
TABLES = ("images", "annotations", "categories")


@dataclass(frozen=True)
class Side:
    """One set as features see it: its tables, and what a scan measured if there was one."""

    ds: Dataset
    image_stats: pa.Table | None
    name: str

    def floats(self, table: str, column: str) -> Floats:
        """A column of numbers as float64, NaN where unknown."""
        source: Any = self.image_stats if table == "image_stats" else getattr(self.ds, table)
        values = source[column].cast(pa.float64())
        return np.asarray(as_numpy(pc.fill_null(values, float("nan"))), np.float64)

    @cached_property
    def image_of(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Image row of each box."""
        return np.asarray(self.ds.column("annotations", "image_id"), np.int64)

    @cached_property
    def size(self) -> tuple[Floats, Floats]:
        """Width and height of the images as their boxes see them; NaN where unknown."""
        width, height = self.floats("images", "width"), self.floats("images", "height")
        if self.image_stats is not None:
            w, h = self.floats("image_stats", "width"), self.floats("image_stats", "height")
            turned = self.floats("image_stats", "orientation") >= 5
            width = np.where(width >= 1, width, np.where(turned, h, w))
            height = np.where(height >= 1, height, np.where(turned, w, h))
        good = (width >= 1) & (height >= 1)
        return np.where(good, width, np.nan), np.where(good, height, np.nan)

    @cached_property
    def sides(self) -> tuple[Floats, Floats]:
        """Width and height of the boxes in pixels; NaN unless both are finite and above 0."""
        x1, y1, x2, y2 = (self.floats("annotations", c) for c in ("x1", "y1", "x2", "y2"))
        with np.errstate(invalid="ignore", over="ignore"):
            w, h = x2 - x1, y2 - y1
            good = (w > 0) & (h > 0) & np.isfinite(w) & np.isfinite(h)
        return np.where(good, w, np.nan), np.where(good, h, np.nan)

    def centre(self, axis: int) -> Floats:
        """Centres of the boxes along x or y, as a share of the image."""
        low, high = (("x1", "x2"), ("y1", "y2"))[axis]
        total = self.floats("annotations", low) / 2 + self.floats("annotations", high) / 2
        return np.asarray(total / self.size[axis][self.image_of])

    def texts(self, name: str) -> pa.ChunkedArray:
        """A column of images with categories, null where unknown."""
        return self.ds.images[name]


def load(source: Any) -> Side:
    """The tables of a data set, a report or a report's folder.

    Parameters
    ----------
    source : Dataset, Report or path-like
        A path is a data set, or a folder that ``fastlabel check`` wrote.

    Raises
    ------
    DatasetError
        For a path that is neither, and a report folder with tables that cannot be read.
    """
    if isinstance(source, Dataset):
        return Side(source, None, _name(source.root))
    if hasattr(source, "image_stats") and isinstance(getattr(source, "ds", None), Dataset):
        report: Report = source
        return Side(report.ds, report.image_stats, _name(report.ds.root))
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"got {type(source).__name__}, expected a Dataset, a Report or the path of a data "
            "set or of a report's folder"
        )
    path = Path(source)
    if all((path / f"{name}.parquet").is_file() for name in TABLES):
        return _report_folder(path)
    from ..formats import read

    if not path.exists():
        raise DatasetError(f"{path}: no such file or folder; name a data set or a report's folder")
    ds = read(path)
    return Side(ds, None, _name(ds.root))


def _name(root: Path) -> str:
    return root.resolve().name or "data set"


def _report_folder(path: Path) -> Side:
    import pyarrow.parquet as pq

    from .. import schema

    tables: dict[str, Any] = {}
    for name in (*TABLES, "problems", "image_stats"):
        file = path / f"{name}.parquet"
        if name not in TABLES and not file.is_file():
            continue
        try:
            wanted = getattr(schema, name.upper())
            tables[name] = pq.read_table(file).select(wanted.names).cast(wanted)
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise DatasetError(
                f"{file}: is not a table of a report ({error}); run fastlabel check again"
            ) from error
    problems = tables.get("problems", schema.PROBLEMS.empty_table())
    ds = Dataset(
        tables["images"], tables["annotations"], tables["categories"], problems, path, "report", {}
    )
    _check_ids(ds, path)
    stats = tables.get("image_stats")
    if stats is not None and len(stats) != len(ds):
        raise DatasetError(
            f"{path}: image_stats.parquet has {len(stats):,} rows and images.parquet "
            f"{len(ds):,}; run fastlabel check again"
        )
    return Side(ds, stats, _name(path))


def _check_ids(ds: Dataset, path: Path) -> None:
    """Ids lead into the other tables: a row that leads nowhere must not be followed."""
    for column, rows in (("image_id", len(ds)), ("category_id", ds.categories.num_rows)):
        ids = ds.annotations[column]
        span = pc.min_max(ids).as_py()
        lacking = column == "image_id" and ids.null_count
        if lacking or (span["min"] is not None and not 0 <= span["min"] <= span["max"] < rows):
            raise DatasetError(
                f"{path / 'annotations.parquet'}: {column} {span['min']} to {span['max']}, "
                f"expected rows of the {rows:,} there are; run fastlabel check again"
            )


@dataclass(frozen=True)
class Feature:
    """One property of boxes or images.

    Attributes
    ----------
    name, unit : str
        What it is and in which unit.
    of : {"box", "image"}
        What has one value each.
    axis : Axis or None
        Its bins, the same for every set; None for categories.
    values : callable
        ``values(side)``: (N,) float64, NaN where unknown; not for categories.
    pixels : bool
        Whether it needs a scan.
    """

    name: str
    unit: str
    of: str
    axis: Axis | None = None
    values: Callable[[Side], Floats] | None = None
    pixels: bool = False

    @property
    def log(self) -> bool:
        """Whether its bins are of one ratio."""
        return isinstance(self.axis, Log)


def _stat(name: str) -> Callable[[Side], Floats]:
    return lambda side: side.floats("image_stats", name)


def _per_image(side: Side) -> Floats:
    """Boxes of each labelled image."""
    labelled = pc.is_in(
        side.ds.images["label_state"], pa.array(["labelled", "labelled_empty"], pa.string())
    )
    counts = np.bincount(side.image_of, minlength=len(side.ds)).astype(np.float64)
    return np.where(np.asarray(labelled.to_numpy(), np.bool_), counts, np.nan)


def _relative(side: Side) -> Floats:
    (w, h), (iw, ih) = side.sides, side.size
    with np.errstate(over="ignore"):
        return np.asarray(np.sqrt(w * h) / np.sqrt(iw * ih)[side.image_of])


_COUNTS = np.r_[np.arange(0, 11), [12, 15, 20, 30, 50, 100, 200, 500, 1000]] - 0.5

#: Every feature, in the order it is shown.
FEATURES: tuple[Feature, ...] = (
    Feature("class", "boxes", "box"),
    Feature("split", "images", "image"),
    Feature("label_state", "images", "image"),
    Feature("box_width", "px", "box", Log(33, 1, 2048), lambda s: s.sides[0]),
    Feature("box_height", "px", "box", Log(33, 1, 2048), lambda s: s.sides[1]),
    Feature("box_area", "px²", "box", Log(44, 1, 2**22), lambda s: s.sides[0] * s.sides[1]),
    Feature("box_relative_side", "of the image", "box", Log(30, 2**-10, 1), _relative),
    Feature(
        "box_ratio", "height / width", "box", Log(24, 1 / 16, 16), lambda s: s.sides[1] / s.sides[0]
    ),
    Feature("box_centre_x", "of the width", "box", Regular(20, 0, 1), lambda s: s.centre(0)),
    Feature("box_centre_y", "of the height", "box", Regular(20, 0, 1), lambda s: s.centre(1)),
    Feature("boxes_per_image", "boxes", "image", Variable(_COUNTS), _per_image),
    Feature("image_width", "px", "image", Log(27, 16, 8192), lambda s: s.size[0]),
    Feature("image_height", "px", "image", Log(27, 16, 8192), lambda s: s.size[1]),
    Feature("brightness", "mean luma", "image", Regular(32, 0, 256), _stat("luma_mean"), True),
    Feature("contrast", "luma deviation", "image", Regular(32, 0, 128), _stat("luma_std"), True),
    Feature(
        "sharpness", "Laplacian variance", "image", Log(42, 1, 2**14), _stat("sharpness"), True
    ),
    Feature("acutance", "edge steepness", "image", Regular(40, 0, 2), _stat("acutance"), True),
    Feature("noise", "grey levels", "image", Regular(40, 0, 20), _stat("noise_sigma"), True),
    Feature("entropy", "bits", "image", Regular(32, 0, 8), _stat("entropy"), True),
    Feature("file_size", "bytes", "image", Log(40, 2**10, 2**30), _stat("bytes"), True),
)
