"""What the rules look at: the tables of one data set as aligned NumPy columns, made once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..config import Config
from ..dataset import Dataset, as_numpy
from ..deploy import Profile
from .wording import quote

__all__ = ["Bools", "Context", "Floats", "Ints"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Sides shorter than this, in pixels, are zero up to the rounding of normalised text.
ZERO_SIDE = 1e-6


def floats(column: pa.ChunkedArray) -> Floats:
    """Take a column of numbers as float64, NaN where it is null."""
    return as_numpy(pc.fill_null(column.cast(pa.float64()), float("nan")))


def bools(column: pa.ChunkedArray) -> Bools:
    """Take a column of booleans, False where it is null."""
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)


def ints(column: pa.ChunkedArray, null: int = -1) -> Ints:
    """Take a column of integers as int64, ``null`` where it is null."""
    return np.asarray(as_numpy(pc.fill_null(column.cast(pa.int64()), null)), np.int64)


def is_in(column: pa.ChunkedArray, *values: str) -> Bools:
    """Tell which rows of a text column are one of some values."""
    wanted = pa.array(values, column.type)
    return np.asarray(pc.is_in(column, wanted).to_numpy(zero_copy_only=False), np.bool_)


class Context:
    """One data set with its measurements and settings, as columns.

    Columns of images have one entry an image and columns of boxes one an annotation,
    both in row order; they are made when first asked for and then kept. NaN means
    unknown. Nothing here opens a file.

    Parameters
    ----------
    ds : Dataset
        The annotation tables.
    image_stats : pyarrow.Table
        As :data:`fastlabel.schema.IMAGE_STATS`, in any order; images without a row are
        taken as not measured.
    box_stats : pyarrow.Table, optional
        As :data:`fastlabel.schema.BOX_STATS`, likewise.
    deploy : Profile, optional
        Where the model will run.
    config : Config, optional
        Priors and thresholds of the project.
    """

    def __init__(
        self,
        ds: Dataset,
        image_stats: pa.Table,
        box_stats: pa.Table | None = None,
        deploy: Profile | None = None,
        config: Config | None = None,
    ) -> None:
        self.ds = ds
        self.deploy = deploy
        self.config = config if config is not None else Config()
        self.image_stats = _aligned(image_stats, "image_id", ds.images.num_rows)
        self.box_stats = (
            None
            if box_stats is None
            else _aligned(box_stats, "annotation_id", ds.annotations.num_rows)
        )
        #: Rows that a rule could not judge, by its code; the rules fill it as they run.
        self.unjudged: dict[str, int] = {}
        self._stats: dict[str, Floats] = {}

    # ---- boxes -----------------------------------------------------------------

    @cached_property
    def boxes(self) -> Floats:
        """(N, 4) x1 y1 x2 y2; NaN where the corner is unknown, or where the source says NaN."""
        columns = [floats(self.ds.annotations[c]) for c in ("x1", "y1", "x2", "y2")]
        return np.stack(columns, axis=1) if columns[0].size else np.empty((0, 4))

    @cached_property
    def known(self) -> Bools:
        """Boxes of which the source gives all four corners, whatever their values."""
        out = np.ones(self.ds.annotations.num_rows, np.bool_)
        for name in ("x1", "y1", "x2", "y2"):
            out &= np.asarray(self.ds.annotations[name].is_valid().to_numpy(), np.bool_)
        return out

    @cached_property
    def finite(self) -> Bools:
        """Boxes whose four corners are known and finite."""
        return np.asarray(np.isfinite(self.boxes).all(axis=1), np.bool_)

    @cached_property
    def box_width(self) -> Floats:
        """``x2 - x1``: negative where the corners are swapped."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.boxes[:, 2] - self.boxes[:, 0])

    @cached_property
    def box_height(self) -> Floats:
        """``y2 - y1``: negative where the corners are swapped."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.boxes[:, 3] - self.boxes[:, 1])

    @cached_property
    def inclusive(self) -> bool:
        """Whether the format counts pixels, so that equal corners still span one."""
        return bool(self.ds.meta.get("inclusive", False))

    @cached_property
    def drawn_sides(self) -> tuple[Floats, Floats]:
        """Sides between the corners as the source wrote them, in its own convention."""
        less = 1.0 if self.inclusive else 0.0
        return self.box_width - less, self.box_height - less

    @cached_property
    def solid(self) -> Bools:
        """Finite boxes whose drawn sides are both over zero."""
        w, h = self.drawn_sides
        return self.finite & (w > ZERO_SIDE) & (h > ZERO_SIDE)

    @cached_property
    def image_of(self) -> Ints:
        """Image row of each box."""
        return ints(self.ds.annotations["image_id"])

    @cached_property
    def category(self) -> Ints:
        """Category row of each box; -1 where the class is unknown."""
        return ints(self.ds.annotations["category_id"])

    @cached_property
    def exempt(self) -> Bools:
        """Crowd and ignore regions: not single targets."""
        return bools(self.ds.annotations["crowd"]) | bools(self.ds.annotations["ignore"])

    @cached_property
    def hidden(self) -> Bools:
        """Boxes said to be occluded or truncated, to whatever degree."""
        occluded = floats(self.ds.annotations["occlusion"]) > 0
        return np.asarray(occluded | (floats(self.ds.annotations["truncation"]) > 0), np.bool_)

    @cached_property
    def box_counts(self) -> Ints:
        """Number of boxes of each image."""
        counts = np.bincount(self.image_of, minlength=self.ds.images.num_rows)
        return np.asarray(counts, np.int64)

    @cached_property
    def _by_image(self) -> tuple[Ints, Ints]:
        """Boxes sorted by image, and where each image's begin."""
        order = np.argsort(self.image_of, kind="stable")
        return order, np.r_[0, np.cumsum(self.box_counts)]

    def annotations_of(self, image: int) -> Ints:
        """Rows of the annotations of one image, in order."""
        order, starts = self._by_image
        return order[starts[image] : starts[image + 1]]

    def box_stat(self, name: str) -> Floats:
        """Take a column of ``box_stats``: one entry an annotation, NaN where not measured."""
        if self.box_stats is None:
            return np.full(self.ds.annotations.num_rows, np.nan)
        return floats(self.box_stats[name])

    # ---- images ----------------------------------------------------------------

    def stat(self, name: str) -> Floats:
        """Take a numeric column of ``image_stats``: one entry an image, NaN where null."""
        if name not in self._stats:
            self._stats[name] = floats(self.image_stats[name])
        return self._stats[name]

    def pyramid(self, name: str) -> Floats:
        """Take ``sharpness`` or ``acutance`` at all scales: (images, levels), full size first."""
        scales = self.image_stats["scale_" + name]
        levels = scales.type.list_size
        flat = pc.fill_null(scales, pa.scalar([None] * levels, scales.type)).combine_chunks()
        if isinstance(flat, pa.ChunkedArray):
            flat = flat.chunk(0) if flat.num_chunks else pa.array([], scales.type)
        return np.column_stack([self.stat(name), floats(flat.flatten()).reshape(-1, levels)])

    def has_status(self, *statuses: str) -> Bools:
        """Tell which images came out of the scan with one of some statuses."""
        return is_in(self.image_stats["status"], *statuses)

    def has_label_state(self, *states: str) -> Bools:
        """Tell which images have one of some label states."""
        return is_in(self.ds.images["label_state"], *states)

    @cached_property
    def measured(self) -> Bools:
        """Images decoded whole, with statistics."""
        return self.has_status("ok") & np.isfinite(self.stat("luma_mean"))

    @cached_property
    def turned(self) -> Bools:
        """Images whose EXIF orientation swaps width and height."""
        return np.asarray(self.stat("orientation") >= 5)

    @cached_property
    def declared_size(self) -> tuple[Floats, Floats]:
        """Width and height that the labels themselves give; NaN where they give none."""
        said = is_in(self.ds.images["size_source"], "declared")
        w, h = floats(self.ds.images["width"]), floats(self.ds.images["height"])
        said &= (w >= 1) & (h >= 1)
        return np.where(said, w, np.nan), np.where(said, h, np.nan)

    @cached_property
    def size(self) -> tuple[Floats, Floats]:
        """Width and height that the boxes are drawn on: as the set says, else as decoded.

        A decoded size is turned by EXIF, because that is what image loaders show.
        """
        w, h = floats(self.ds.images["width"]), floats(self.ds.images["height"])
        unknown = ~((w >= 1) & (h >= 1))
        sw, sh = self.stat("width"), self.stat("height")
        tw, th = np.where(self.turned, sh, sw), np.where(self.turned, sw, sh)
        w, h = np.where(unknown, tw, w), np.where(unknown, th, h)
        bad = ~((w >= 1) & (h >= 1))
        return np.where(bad, np.nan, w), np.where(bad, np.nan, h)

    @cached_property
    def split_codes(self) -> tuple[Ints, list[str]]:
        """Split of each image as a number (-1: none), and the splits' names, sorted."""
        column = self.ds.images["split"]
        names = sorted(name for name in pc.unique(column).to_pylist() if name is not None)
        return ints(pc.index_in(column, pa.array(names, pa.string()))), names

    def problems(self, *kinds: str) -> Ints:
        """Rows of the reader's problems of some kinds."""
        return np.flatnonzero(is_in(self.ds.problems["kind"], *kinds))

    # ---- names -----------------------------------------------------------------

    @cached_property
    def class_names(self) -> list[str]:
        """Names of the categories, as the source writes them."""
        return [
            str(row["name"] if row["name"] is not None else row["source_id"])
            for row in self.ds.categories.select(["name", "source_id"]).to_pylist()
        ]

    @cached_property
    def quoted_classes(self) -> list[str]:
        """Names of the categories, quoted for messages; the last one is for "unknown"."""
        return [quote(name) for name in self.class_names] + ["of unknown class"]

    def image_paths(self, rows: Ints) -> list[str | None]:
        """Where images lie, relative to the root; as written in the source where outside."""
        at = pa.array(rows)
        paths = self.ds.images["path"].take(at)
        return list(pc.coalesce(paths, self.ds.images["file_name"].take(at)).to_pylist())

    def quoted_images(self, rows: Ints) -> list[str]:
        """Paths of images, quoted for messages."""
        return [quote(path) for path in self.image_paths(rows)]

    def texts(self, table: str, name: str, rows: Ints) -> list[Any]:
        """List some rows of one column of ``image_stats`` or of a table of the data set."""
        source = self.image_stats if table == "image_stats" else getattr(self.ds, table)
        return list(source[name].take(pa.array(rows)).to_pylist())


def _aligned(table: pa.Table, key: str, rows: int) -> pa.Table:
    """Put row ``i`` of a table of measurements where id ``i`` is, nulls where there is none."""
    ids = as_numpy(table[key])
    if len(ids) == rows and np.array_equal(ids, np.arange(rows)):
        return table.combine_chunks()
    at = np.full(rows, -1, np.int64)
    inside = (ids >= 0) & (ids < rows)
    at[ids[inside]] = np.flatnonzero(inside)
    return table.combine_chunks().take(pa.array(at, mask=at < 0))
