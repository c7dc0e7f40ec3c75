"""The bank: which objects of a data set are good enough to be pasted, and their pixels.

Only tables are made at first, from one scan. Pixels are read when a patch is asked for, and kept
in a cache of a fixed size.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..._scalars import as_number, as_switch, as_whole
from ...dataset import DatasetError, as_numpy
from .bank_scores import MIN_QUALITY, score
from .outline import grabcut_alpha, outline_alpha

if TYPE_CHECKING:
    import pyarrow as pa

    from ...dataset import Dataset

__all__ = ["Bank", "Patch", "build_bank"]

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]

#: Context around the box: this share of its longer side, and at least so many pixels.
MARGIN, LEAST_MARGIN = 0.5, 8
#: A patch is shrunk when read so that its box's longer side has at most this many pixels.
LONGEST = 512
CACHE_BYTES = 192 << 20
#: Pictures kept decoded: patches are asked for image by image.
PICTURES = 2


@dataclass(frozen=True)
class Patch:
    """The pixels of one object with some of what surrounds it.

    Attributes
    ----------
    pixels : numpy.ndarray
        (h, w, 3) uint8, BGR.
    alpha : numpy.ndarray
        (h, w) uint8: how much of each pixel the object covers.
    box : tuple of float
        (x1, y1, x2, y2) of the labelled box in patch pixels. Where the image ends, there is less
        margin around it; it never reaches outside.
    outline : str
        "polygon", "mask", "ellipse" or "grabcut".
    """

    pixels: Picture
    alpha: Picture
    box: Box
    outline: str = "polygon"

    @property
    def nbytes(self) -> int:
        """Bytes of the pixels and the alpha."""
        return int(self.pixels.nbytes + self.alpha.nbytes)


def build_bank(
    dataset: Dataset,
    *,
    categories: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    grabcut: bool = False,
    min_quality: float = MIN_QUALITY,
    per_class: int | None = None,
    seed: int = 0,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Bank:
    """Score every object of a data set as a source to paste from.

    An object is refused when it is a crowd, ignored or difficult, has no box inside its image, is
    shorter than 12 px, touches the image's border or is truncated, is hidden by other boxes (by
    over 0.2 of its own) or by its occlusion level, or when its quality is below `min_quality`.
    Quality is the product of four terms in 0..1: acutance (steepness of its edges, noise taken
    out) over 0.44, contrast over 20 grey levels, 1 - occlusion and 1 - cut-off, the first two
    by their square roots and none over 1.

    Parameters
    ----------
    dataset : Dataset
    categories : sequence of str, optional
        Names of the classes to take; all without.
    splits : sequence of str, optional
        Splits to take; all without.
    grabcut : bool
        Cut objects that have a box alone by OpenCV's GrabCut (Rother, Kolmogorov and Blake, 2004),
        where it finds a plausible outline, instead of by the ellipse inscribed in the box.
    min_quality : float
        0 to 1.
    per_class : int, optional
        Keep this many of a class, best first.
    seed : int
        Of GrabCut's clustering.
    workers : int
        Threads of the scan; 0 means one a CPU. The result does not depend on it.
    progress : callable, optional
        Called with (images done, images in all).

    Returns
    -------
    Bank

    Raises
    ------
    DatasetError
        For a class or split that the set does not have.

    Examples
    --------
    >>> import tempfile, pathlib, fastlabel as fl
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = fl.make_sample(folder / "set", seed=1)
    >>> bank = build_bank(fl.read(folder / "set"))
    >>> bank.table.num_rows > 0 and bank.patch(0).pixels.ndim
    3
    """
    low = as_number(min_quality, "min_quality", "0 to 1")
    if not 0 <= low <= 1:
        raise ValueError(f"min_quality: got {min_quality}, expected 0 to 1")
    if per_class is not None and as_whole(per_class, "per_class") < 1:
        raise ValueError(f"per_class: got {per_class}, expected 1 or more")
    use_grabcut = as_switch(grabcut, "grabcut")
    rows = _wanted(dataset, categories, splits)
    table, problems = score(dataset, rows, low, per_class, use_grabcut, workers, progress)
    return Bank(table, dataset, tuple(problems), use_grabcut, as_whole(seed, "seed"))


def _wanted(
    ds: Dataset, categories: Sequence[str] | None, splits: Sequence[str] | None
) -> NDArray[np.int64]:
    """Rows of annotations of the classes and splits asked for."""
    keep = np.ones(ds.annotations.num_rows, bool)
    if categories is not None:
        names = ds.categories["name"].to_pylist()
        missing = sorted(set(categories) - set(names))
        if missing:
            raise DatasetError(
                f"no category named {missing[0]!r}; this set has: "
                f"{', '.join(str(name) for name in names) or 'none'}"
            )
        ids = [i for i, name in enumerate(names) if name in set(categories)]
        keep &= np.isin(as_numpy(ds.annotations["category_id"].fill_null(-1)), ids)
    if splits is not None:
        have = ds.images["split"].to_pylist()
        for split in splits:
            if split not in have:
                listed = ", ".join(sorted({s for s in have if s is not None}))
                raise DatasetError(
                    f"no split named {split!r}; this set has: {listed or 'none declared'}"
                )
        inside = np.array([split in splits for split in have], bool)
        keep &= inside[ds.column("annotations", "image_id")]
    return np.flatnonzero(keep)


@dataclass
class _Cache:
    """Least recently used first out, beyond a number of bytes."""

    limit: int
    held: OrderedDict[int, Patch] = field(default_factory=OrderedDict)
    size: int = 0

    def get(self, key: int) -> Patch | None:
        patch = self.held.get(key)
        if patch is not None:
            self.held.move_to_end(key)
        return patch

    def put(self, key: int, patch: Patch) -> None:
        if key in self.held:
            return
        self.held[key] = patch
        self.size += patch.nbytes
        while self.size > self.limit and len(self.held) > 1:
            self.size -= self.held.popitem(last=False)[1].nbytes


class Bank:
    """Objects to paste: a table of all that were looked at, and their pixels on demand.

    Attributes
    ----------
    table : pyarrow.Table
        One row an object: ``instance_id`` (its row), ``image_id``, ``annotation_id``,
        ``category_id``, ``split``, ``x1 y1 x2 y2`` (in the image), ``short_side``, ``outline``,
        ``outline_note`` (why a given outline is not used), ``sharpness``, ``acutance``,
        ``contrast``, ``noise_sigma``, ``luma_mean``, ``cut_off``, ``occlusion``, ``quality``,
        ``accepted`` and ``reason`` (why not).
    problems : tuple of str
        Images that could not be read, by name.
    """

    def __init__(
        self,
        table: pa.Table,
        dataset: Dataset,
        problems: tuple[str, ...] = (),
        grabcut: bool = False,
        seed: int = 0,
    ) -> None:
        self.table = table
        self.problems = problems
        self._ds = dataset
        self._grabcut = grabcut
        self._seed = seed
        self._lock = threading.Lock()
        self._patches = _Cache(CACHE_BYTES)
        self._pictures: OrderedDict[int, Picture] = OrderedDict()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        good = int(np.count_nonzero(as_numpy(self.table["accepted"])))
        return f"Bank({len(self):,} objects, {good:,} of them good)"

    def patch(self, instance_id: int) -> Patch:
        """The pixels of one object, read now or from the cache.

        Parameters
        ----------
        instance_id : int
            Row of the table. A refused object has a patch too, if it has a box in a readable
            image.

        Returns
        -------
        Patch
            Shared with the cache: not to be written into.

        Raises
        ------
        DatasetError
            When the image cannot be read, or the box has no pixel in it; the message names both.
        """
        at = as_whole(instance_id, "instance_id")
        if not 0 <= at < len(self):
            raise ValueError(f"instance_id: got {instance_id}, expected 0 to {len(self) - 1}")
        with self._lock:
            found = self._patches.get(at)
        if found is not None:
            return found
        row = self.table.slice(at, 1).to_pylist()[0]
        patch = self._cut(row, self._picture(row["image_id"]))
        with self._lock:
            self._patches.put(at, patch)
        return patch

    def _picture(self, image_id: int) -> Picture:
        with self._lock:
            held = self._pictures.get(image_id)
            if held is not None:
                self._pictures.move_to_end(image_id)
                return held
        picture = read_picture(self._ds, image_id)
        with self._lock:
            self._pictures[image_id] = picture
            while len(self._pictures) > PICTURES:
                self._pictures.popitem(last=False)
        return picture

    def _cut(self, row: dict[str, Any], picture: Picture) -> Patch:
        height, width = picture.shape[:2]
        box = clip_box((row["x1"], row["y1"], row["x2"], row["y2"]), width, height)
        if box is None:
            name = self._ds.images["file_name"][row["image_id"]].as_py()
            raise DatasetError(
                f"annotation {row['annotation_id']} of {name}: the box has no pixel inside the "
                f"image of {width} x {height}; fix or drop it"
            )
        margin = max(LEAST_MARGIN, MARGIN * max(box[2] - box[0], box[3] - box[1]))
        x1, y1 = max(0, math.floor(box[0] - margin)), max(0, math.floor(box[1] - margin))
        x2 = min(width, math.ceil(box[2] + margin))
        y2 = min(height, math.ceil(box[3] + margin))
        pixels = picture[y1:y2, x1:x2]
        segmentation = self._ds.annotations["segmentation"][row["annotation_id"]].as_py()
        alpha, outline = outline_alpha(segmentation, (width, height), box, (x1, y1, x2, y2))
        inner = (box[0] - x1, box[1] - y1, box[2] - x1, box[3] - y1)
        pixels, alpha, inner = _within(pixels, alpha, inner)
        if outline == "ellipse" and self._grabcut:
            found = grabcut_alpha(pixels, inner, self._seed)
            if found is not None:
                alpha, outline = found, "grabcut"
        return Patch(pixels, alpha, inner, outline)


def _within(pixels: Picture, alpha: Picture, box: Box) -> tuple[Picture, Picture, Box]:
    """A patch no larger than LONGEST asks for, of memory of its own."""
    from ...pixels import resize_area

    longest = max(box[2] - box[0], box[3] - box[1])
    height, width = alpha.shape
    factor = math.ceil(longest / LONGEST)
    if factor < 2:
        return np.ascontiguousarray(pixels).copy(), alpha, box
    size = max(1, round(width / factor)), max(1, round(height / factor))
    sx, sy = size[0] / width, size[1] / height
    scaled = (box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy)
    return resize_area(pixels, size), resize_area(alpha, size), scaled


def clip_box(box: Sequence[float | None], width: int, height: int) -> Box | None:
    """The part of a box inside an image; None where there is no such part, or it is no box."""
    if any(v is None or not math.isfinite(v) for v in box):
        return None
    x1, y1, x2, y2 = (float(v) for v in box if v is not None)
    clipped = max(0.0, x1), max(0.0, y1), min(float(width), x2), min(float(height), y2)
    return clipped if clipped[2] > clipped[0] and clipped[3] > clipped[1] else None


def read_picture(ds: Dataset, image_id: int) -> Picture:
    """One image of a set as BGR, in the frame its boxes are in.

    Raises
    ------
    DatasetError
        When it cannot be read; the message names it.
    """
    import cv2

    row = ds.images.slice(image_id, 1).to_pylist()[0]
    name = row["file_name"] or row["path"] or f"image {image_id}"
    if row["path"] is None:
        raise DatasetError(f"{name}: lies outside the data set's folder, and is not opened")
    path = ds.root / row["path"]
    try:
        raw = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR) if len(raw) else None
        declared = (row["height"], row["width"])
        shown = declared if picture is None else picture.shape[:2]
        # Boxes that were declared for the stored raster, not for what viewers show.
        stored = row["size_source"] == "declared" and shown != declared
        if stored and shown[::-1] == declared:
            picture = cv2.imdecode(raw, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except (OSError, MemoryError, cv2.error) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise DatasetError(f"{name}: cannot be read ({why}); replace or remove it") from error
    if picture is None:
        raise DatasetError(f"{name}: is no picture that can be decoded; replace or remove it")
    return np.asarray(picture, np.uint8)
