"""What the rules look at: the tables of one data set as aligned NumPy columns, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import schema
from ..config import Config
from ..dataset import Dataset, as_numpy, null_column
from ..deploy import Profile
from .phrases import quoted
from .wording import quote

if TYPE_CHECKING:
    from ..predictions import Predictions
    from .scene import SceneFit

__all__ = ["Bools", "Context", "Floats", "Ints"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

T = TypeVar("T")

#: Boxes of one part: its columns, of a megabyte each, stay in the cache from rule to rule.
PART = 1 << 17

#: Columns that a part has where the boxes of an image do not stand together.
_NUMBERS = [field.name for field in schema.ANNOTATIONS if pa.types.is_primitive(field.type)]

#: Sides shorter than this, in pixels, are zero up to the rounding of normalised text.
ZERO_SIDE = 1e-6


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One array of a column; without a copy where it is one."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def floats(column: pa.ChunkedArray) -> Floats:
    """Take a column of numbers as float64, NaN where it is null."""
    if column.type == pa.float64() and not column.null_count:
        return as_numpy(column)
    return as_numpy(pc.fill_null(column.cast(pa.float64()), float("nan")))


def bools(column: pa.ChunkedArray) -> Bools:
    """Take a column of booleans, False where it is null."""
    if column.null_count == len(column):
        return np.zeros(len(column), np.bool_)
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)


def ints(column: pa.ChunkedArray, null: int = -1) -> Ints:
    """Take a column of integers as int64, ``null`` where it is null."""
    if column.type == pa.int64() and not column.null_count:
        return np.asarray(as_numpy(column), np.int64)
    return np.asarray(as_numpy(pc.fill_null(column.cast(pa.int64()), null)), np.int64)


def is_in(column: pa.ChunkedArray, *values: str) -> Bools:
    """Tell which rows of a text column are one of some values."""
    wanted = pa.array(values, column.type)
    return np.asarray(pc.is_in(column, wanted).to_numpy(zero_copy_only=False), np.bool_)


class kept(Generic[T]):
    """A column that a context makes when it is first asked for, and keeps.

    Unlike ``functools.cached_property`` it has no lock that all contexts share: parts are
    judged side by side.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make, self.name, self.__doc__ = make, make.__name__, make.__doc__

    def __get__(self, context: Any, owner: type | None = None) -> T:
        """Make the value; afterwards it stands in the context itself."""
        if context is None:
            return cast(T, self)
        value = self.make(context)
        context.__dict__[self.name] = value
        return value


class of_images(Generic[T]):
    """A column of images, or a list of names: made once for the set and all of its parts."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make, self.__doc__ = make, make.__doc__

    def __get__(self, context: Any, owner: type | None = None) -> T:
        """Make the value when it is first asked for."""
        if context is None:
            return cast(T, self)
        whole = context.whole
        return cast(T, whole.once(self.make.__name__, lambda: self.make(whole)))


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
    predictions : Predictions, optional
        What models say is in the images, in the ids of the set.
    workers : int
        Native threads; 0 means one a CPU. No finding depends on it.
    scene : SceneFit, optional
        The set against reference frames of its deployment.
    """

    def __init__(
        self,
        ds: Dataset,
        image_stats: pa.Table,
        box_stats: pa.Table | None = None,
        deploy: Profile | None = None,
        config: Config | None = None,
        predictions: Predictions | None = None,
        workers: int = 0,
        scene: SceneFit | None = None,
    ) -> None:
        self.ds = ds
        self.scene = scene
        self.predictions = predictions
        self.workers = workers
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
        self._shared: dict[Any, Any] = {}
        self._locks: dict[Any, Any] = {None: RLock()}
        #: The set as a whole: the context itself, unless it is a part of another.
        self.whole: Context = self
        self._rows: Ints | int = 0
        self._touching: dict[float, Bools] = {}

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """Give what was made under this key for the set as a whole, and make it the first time."""
        if key not in self._shared:
            with self._locks[None]:
                lock = self._locks.setdefault(key, RLock())
            with lock:
                if key not in self._shared:
                    self._shared[key] = make()
        return cast(T, self._shared[key])

    def forget(self) -> None:
        """Drop every column that was made: a large set's take as much memory as its tables."""
        self._shared.clear()
        for name in [n for n in self.__dict__ if isinstance(getattr(Context, n, None), kept)]:
            del self.__dict__[name]

    # ---- parts -----------------------------------------------------------------

    def parts(self, whole_images: bool = False) -> Iterator[Context]:
        """Cut the boxes into parts that fit the cache.

        Parameters
        ----------
        whole_images : bool
            All boxes of an image are to be in one part.

        Yields
        ------
        Context
            Of some boxes, with row numbers of its own (:meth:`rows_in_whole`); its images
            are all of the set's.
        """
        n = self.ds.annotations.num_rows
        if n <= PART:
            yield self
            return
        if not whole_images:
            for start in range(0, n, PART):
                yield self._part(slice(start, min(start + PART, n)), None)
            return
        order, starts = self._by_image
        start = 0
        while start < n:
            stop = n
            if start + PART < n:  # back to where an image begins, or on to where this one ends
                image = int(np.searchsorted(starts, start + PART, "right")) - 1
                stop = int(starts[image])
                stop = stop if stop > start else int(starts[image + 1])
            rows = None if order is None else order[start:stop]
            yield self._part(slice(start, stop), rows)
            start = stop

    def rows_in_whole(self, rows: Ints) -> Ints:
        """Rows of some boxes of this part in the set as a whole."""
        return rows + self._rows if isinstance(self._rows, int) else self._rows[rows]

    @property
    def rows(self) -> Ints | slice:
        """Rows of this part's boxes in the set as a whole, as NumPy indexes with them."""
        if isinstance(self._rows, int):
            return slice(self._rows, self._rows + self.ds.annotations.num_rows)
        return self._rows

    def part_of(self, rows: Ints) -> Context:
        """A part of some boxes, in the order given."""
        return self._part(slice(0, len(rows)), rows)

    def _part(self, span: slice, rows: Ints | None) -> Context:
        """A context of some boxes that shares all that is about images with this one."""
        part = object.__new__(Context)
        part.predictions, part.workers = self.predictions, self.workers
        part.scene = self.scene
        part.deploy, part.config, part.image_stats = self.deploy, self.config, self.image_stats
        part.unjudged, part._shared, part.whole = self.unjudged, self._shared, self
        part._locks = self._locks
        if rows is None:
            length = span.stop - span.start
            annotations = self.ds.annotations.slice(span.start, length)
            boxes = None if self.box_stats is None else self.box_stats.slice(span.start, length)
        else:
            at = pa.array(rows)
            taken = self.ds.annotations.select(_NUMBERS).take(at)
            texts = {
                name: null_column(len(rows), schema.ANNOTATIONS.field(name).type)
                for name in schema.ANNOTATIONS.names
                if name not in _NUMBERS
            }
            annotations = pa.table(
                {n: taken[n] if n in _NUMBERS else texts[n] for n in schema.ANNOTATIONS.names},
                schema=schema.ANNOTATIONS,
            )
            boxes = None if self.box_stats is None else self.box_stats.take(at)
        part.ds = replace(self.ds, annotations=annotations)
        part._rows = span.start if rows is None else rows
        part.box_stats = boxes
        part._touching = {}
        return part

    # ---- boxes -----------------------------------------------------------------

    @kept
    def boxes(self) -> Floats:
        """(N, 4) x1 y1 x2 y2; NaN where the corner is unknown, or where the source says NaN."""
        columns = [floats(self.ds.annotations[c]) for c in ("x1", "y1", "x2", "y2")]
        return np.stack(columns, axis=1) if columns[0].size else np.empty((0, 4))

    @kept
    def known(self) -> Bools:
        """Boxes of which the source gives all four corners, whatever their values."""
        out = np.ones(self.ds.annotations.num_rows, np.bool_)
        for name in ("x1", "y1", "x2", "y2"):
            column = self.ds.annotations[name]
            if column.null_count:
                out &= np.asarray(column.is_valid().to_numpy(), np.bool_)
        return out

    @kept
    def finite(self) -> Bools:
        """Boxes whose four corners are known and finite."""
        out = np.ones(self.ds.annotations.num_rows, np.bool_)
        for name in ("x1", "y1", "x2", "y2"):
            out &= np.isfinite(floats(self.ds.annotations[name]))
        return out

    @kept
    def box_width(self) -> Floats:
        """``x2 - x1``: negative where the corners are swapped."""
        return self._side("x1", "x2")

    @kept
    def box_height(self) -> Floats:
        """``y2 - y1``: negative where the corners are swapped."""
        return self._side("y1", "y2")

    def _side(self, low: str, high: str) -> Floats:
        with np.errstate(invalid="ignore"):
            return floats(self.ds.annotations[high]) - floats(self.ds.annotations[low])

    def corners(self, rows: Ints) -> Floats:
        """(n, 4) x1 y1 x2 y2 of some boxes."""
        if "boxes" in self.__dict__:
            return self.boxes[rows]
        at = pa.array(rows)
        columns = [floats(self.ds.annotations[c].take(at)) for c in ("x1", "y1", "x2", "y2")]
        return np.stack(columns, axis=1)

    @kept
    def edges(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Left, top, right and bottom of each box, its corners put in order."""
        x1, y1, x2, y2 = (floats(self.ds.annotations[c]) for c in ("x1", "y1", "x2", "y2"))
        return np.minimum(x1, x2), np.minimum(y1, y2), np.maximum(x1, x2), np.maximum(y1, y2)

    @kept
    def image_size(self) -> tuple[Floats, Floats]:
        """Width and height of the image of each box; NaN where unknown."""
        width, height = self.size
        return width[self.image_of], height[self.image_of]

    def touches_border(self, margin: float) -> Bools:
        """Boxes that reach to within a margin of their image's edge, or beyond it."""
        if margin not in self._touching:
            left, top, right, bottom = self.edges
            w, h = self.image_size
            out = (left <= margin) | (top <= margin)
            out |= right >= w - margin
            out |= bottom >= h - margin
            self._touching[margin] = out
        return self._touching[margin]

    @kept
    def inclusive(self) -> bool:
        """Whether the format counts pixels, so that equal corners still span one."""
        return bool(self.ds.meta.get("inclusive", False))

    @kept
    def drawn_sides(self) -> tuple[Floats, Floats]:
        """Sides between the corners as the source wrote them, in its own convention."""
        less = 1.0 if self.inclusive else 0.0
        return self.box_width - less, self.box_height - less

    @kept
    def solid(self) -> Bools:
        """Finite boxes whose drawn sides are both over zero."""
        w, h = self.drawn_sides
        return self.finite & (w > ZERO_SIDE) & (h > ZERO_SIDE)

    @kept
    def image_of(self) -> Ints:
        """Image row of each box."""
        return ints(self.ds.annotations["image_id"])

    @kept
    def category(self) -> Ints:
        """Category row of each box; -1 where the class is unknown."""
        return ints(self.ds.annotations["category_id"])

    def classes_of(self, rows: Ints) -> Ints:
        """``category`` of some boxes, without making it for all."""
        if "category" in self.__dict__:
            return self.category[rows]
        return ints(self.ds.annotations["category_id"].take(pa.array(rows)))

    @kept
    def exempt(self) -> Bools:
        """Crowd and ignore regions: not single targets."""
        return bools(self.ds.annotations["crowd"]) | bools(self.ds.annotations["ignore"])

    @kept
    def hidden(self) -> Bools:
        """Boxes said to be occluded or truncated, to whatever degree."""
        out = np.zeros(self.ds.annotations.num_rows, np.bool_)
        for name in ("occlusion", "truncation"):
            column = self.ds.annotations[name]
            if column.null_count < len(column):
                out |= floats(column) > 0
        return out

    @of_images
    def box_counts(self) -> Ints:
        """Number of boxes of each image."""
        counts = np.bincount(self.image_of, minlength=self.ds.images.num_rows)
        return np.asarray(counts, np.int64)

    @of_images
    def _by_image(self) -> tuple[Ints | None, Ints]:
        """Boxes sorted by image (None: they are), and where each image's begin."""
        images, n = self.image_of, len(self.image_of)
        starts = np.r_[0, np.cumsum(self.box_counts)]
        if all((np.diff(images[at : at + PART + 1]) >= 0).all() for at in range(0, n, PART)):
            return None, starts
        if n < 2**31 and images.max() < 2**31:  # one sort of whole numbers beats a stable one
            keys = images << 32 | np.arange(n)
            keys.sort()
            return keys & 0xFFFF_FFFF, starts
        return np.argsort(images, kind="stable"), starts

    def annotations_of(self, image: int) -> Ints:
        """Rows of the annotations of one image, in order."""
        return self.rows_of(np.array([image]))

    def rows_of(self, images: Ints) -> Ints:
        """Rows of the annotations of some images, one image after the other."""
        order, starts = self._by_image
        sizes = self.box_counts[images]
        begin = np.cumsum(sizes) - sizes
        at = np.arange(int(sizes.sum())) + np.repeat(starts[images] - begin, sizes)
        return at if order is None else np.asarray(order[at], np.int64)

    def box_stat(self, name: str) -> Floats:
        """Take a column of ``box_stats``: one entry an annotation, NaN where not measured."""
        if self.box_stats is None:
            return np.full(self.ds.annotations.num_rows, np.nan)
        return floats(self.box_stats[name])

    # ---- images ----------------------------------------------------------------

    def stat(self, name: str) -> Floats:
        """Take a numeric column of ``image_stats``: one entry an image, NaN where null."""
        return floats(self.image_stats[name])

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

    @of_images
    def measured(self) -> Bools:
        """Images decoded whole, with statistics."""
        return self.has_status("ok") & np.isfinite(self.stat("luma_mean"))

    @of_images
    def turned(self) -> Bools:
        """Images whose EXIF orientation swaps width and height."""
        return np.asarray(self.stat("orientation") >= 5)

    @of_images
    def declared_size(self) -> tuple[Floats, Floats]:
        """Width and height that the labels themselves give; NaN where they give none."""
        said = is_in(self.ds.images["size_source"], "declared")
        w, h = floats(self.ds.images["width"]), floats(self.ds.images["height"])
        said &= (w >= 1) & (h >= 1)
        return np.where(said, w, np.nan), np.where(said, h, np.nan)

    @of_images
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

    @of_images
    def split_codes(self) -> tuple[Ints, list[str]]:
        """Split of each image as a number (-1: none), and the splits' names, sorted."""
        column = self.ds.images["split"]
        names = sorted(name for name in pc.unique(column).to_pylist() if name is not None)
        return ints(pc.index_in(column, pa.array(names, pa.string()))), names

    def problems(self, *kinds: str) -> Ints:
        """Rows of the reader's problems of some kinds."""
        return np.flatnonzero(is_in(self.ds.problems["kind"], *kinds))

    # ---- names -----------------------------------------------------------------

    @of_images
    def class_names(self) -> list[str]:
        """Names of the categories, as the source writes them."""
        return [
            str(row["name"] if row["name"] is not None else row["source_id"])
            for row in self.ds.categories.select(["name", "source_id"]).to_pylist()
        ]

    @of_images
    def quoted_classes(self) -> list[str]:
        """Names of the categories, quoted for messages; the last one is for "unknown"."""
        return [quote(name) for name in self.class_names] + ["of unknown class"]

    def paths(self, rows: Ints) -> pa.Array:
        """Where images lie, relative to the root; as written in the source where outside."""
        at = pa.array(rows)
        paths = self.ds.images["path"].take(at)
        if paths.null_count:
            paths = pc.coalesce(paths, self.ds.images["file_name"].take(at))
        return whole(paths)

    def image_paths(self, rows: Ints) -> list[str | None]:
        """:meth:`paths` as a list."""
        return list(self.paths(rows).to_pylist())

    def quoted_paths(self, rows: Ints) -> pa.Array:
        """Paths of images, quoted for messages."""
        return quoted(self.paths(rows))

    def quoted_images(self, rows: Ints) -> list[str]:
        """:meth:`quoted_paths` as a list."""
        return list(self.quoted_paths(rows).to_pylist())

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
