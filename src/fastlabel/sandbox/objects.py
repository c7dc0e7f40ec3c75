"""Real objects of a set to put into a picture: thumbnails, and where one would stand."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..augment.files import chosen_splits
from ..augment.recipe import Augmented
from ..augment.stages import PasteObjects
from ..dataset import Dataset, DatasetError, as_numpy
from ..prepare.paste.bank import build_bank
from ..prepare.paste.place import Frame
from ..prepare.paste.prior import Perspective, learn
from ..report.text import visible
from .guard import ApiError
from .samples import part

__all__ = ["Objects"]

#: Images whose objects are measured for the thumbnails, and thumbnails that are shown.
IMAGES, SHOWN = 240, 60
#: Boxes that the prior is learnt from.
LEARNT = 200_000
#: Places that are tried, and the longest side of a thumbnail.
TRIES, THUMB = 60, 96


class Objects:
    """The objects of a set, measured when they are first asked for.

    Parameters
    ----------
    ds : Dataset
    """

    def __init__(self, ds: Dataset) -> None:
        self.ds = ds
        self._lock = threading.Lock()
        self._chosen: PasteObjects | None = None
        self._drawn: PasteObjects | None = None
        self._shown: dict[str | None, list[dict[str, Any]]] = {}
        self._prior: Perspective | None = None

    def for_recipe(self, ops: set[str]) -> PasteObjects | None:
        """What `augment` would give the stages of a recipe."""
        if "paste" in ops:
            with self._lock:
                if self._drawn is None:
                    named = sorted(s for s in chosen_splits(self.ds) if s is not None)
                    self._drawn = PasteObjects(self.ds.with_files(), named or None)
                return self._drawn
        return self.chosen() if "place" in ops else None

    def chosen(self) -> PasteObjects:
        """Every object, unmeasured."""
        with self._lock:
            if self._chosen is None:
                self._chosen = PasteObjects(self.ds.with_files(), measured=False)
            return self._chosen

    def shown(self, image: int | None = None) -> list[dict[str, Any]]:
        """Objects to choose from for an image: good ones first, worst last.

        They come from a seeded sample of the images of its split: what a model is measured with
        stays out of what it learns from.
        """
        splits = self.ds.images["split"]
        split = splits[image].as_py() if image is not None else None
        with self._lock:
            if split not in self._shown:
                mine = np.ones(len(self.ds), bool)
                if image is not None:
                    mine = np.array([other == split for other in splits.to_pylist()], bool)
                self._shown[split] = self._measured(mine)
            return self._shown[split]

    def _measured(self, mine: NDArray[np.bool_]) -> list[dict[str, Any]]:
        self.ds.with_files()
        counts = np.bincount(self.ds.column("annotations", "image_id"), minlength=len(self.ds))
        labelled = np.flatnonzero(mine & (counts > 0))
        rows = [int(labelled[k]) for k in _some(len(labelled), IMAGES)]
        if not rows:
            return []
        few, origin = part(self.ds, rows)
        table = build_bank(few, min_quality=0.0).table
        quality = np.nan_to_num(as_numpy(table["quality"].fill_null(0.0)).astype(np.float64))
        good = np.asarray(table["accepted"].fill_null(False).to_numpy(), bool)
        names = self.ds.categories["name"].to_pylist()
        order = np.lexsort((-quality, ~good))
        found: list[dict[str, Any]] = []
        for at in _by_class(order, as_numpy(table["category_id"].fill_null(-1))):
            row = table.slice(at, 1).to_pylist()[0]
            if not good[at] and row["short_side"] is not None and row["short_side"] < 4:
                continue
            kind = row["category_id"]
            found.append(
                {
                    "object": int(origin[row["annotation_id"]]),
                    "class": visible(names[kind], 80) if kind is not None else "no class",
                    "quality": round(float(quality[at]), 2),
                    "good": bool(good[at]),
                    "why": "" if good[at] else visible(row["reason"] or ""),
                    "side": round(float(row["short_side"] or 0)),
                }
            )
            if len(found) == SHOWN:
                break
        found.sort(key=lambda one: (not one["good"], -one["quality"]))
        return found

    def thumbnail(self, annotation: int) -> bytes:
        """One object, cut out, as a PNG with an alpha channel."""
        import cv2

        if not 0 <= annotation < self.ds.annotations.num_rows:
            raise ApiError(404, "object", "there is no such object")
        try:
            patch = self.chosen().every.patch(annotation)
        except DatasetError as error:
            raise ApiError(422, "unreadable", str(error)) from error
        x1, y1 = (max(int(v), 0) for v in patch.box[:2])
        x2, y2 = (math.ceil(v) for v in patch.box[2:])
        cut = np.dstack([patch.pixels, patch.alpha])[y1:y2, x1:x2]
        scale = min(THUMB / max(cut.shape[:2]), 1.0)
        if scale < 1:
            size = max(round(cut.shape[1] * scale), 1), max(round(cut.shape[0] * scale), 1)
            cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
        done, data = cv2.imencode(".png", np.ascontiguousarray(cut))
        if not done:
            raise ApiError(422, "unreadable", "it cannot be encoded")
        return data.tobytes()

    @property
    def prior(self) -> Perspective:
        """Where boxes of this set stand, and how large they are there."""
        with self._lock:
            if self._prior is None:
                rows = _some(self.ds.annotations.num_rows, LEARNT)
                table = self.ds.annotations.take(rows)
                tall = self.ds.images["height"].fill_null(0).take(table["image_id"])
                whole = as_numpy(tall).astype(np.float64)
                with np.errstate(divide="ignore", invalid="ignore"):
                    heights = (as_numpy(table["y2"]) - as_numpy(table["y1"])) / whole
                    self._prior = learn(heights, as_numpy(table["y2"]) / whole)
            return self._prior

    def place(
        self, annotation: int, made: Augmented, full: tuple[int, int], draw: int
    ) -> dict[str, Any]:
        """A place for an object in a picture, as the parameters of the stage ``place``.

        The row is drawn by the prior for the object's height there; of the places tried the first
        that no box touches is taken, else the one that hides least.
        """
        if not 0 <= annotation < self.ds.annotations.num_rows:
            raise ApiError(404, "object", "there is no such object")
        try:
            patch = self.chosen().every.patch(annotation)
        except DatasetError as error:
            raise ApiError(422, "unreadable", str(error)) from error
        row = self.ds.annotations.slice(annotation, 1).to_pylist()[0]
        own = row["y2"] - row["y1"], row["x2"] - row["x1"]
        chance = np.random.Generator(np.random.PCG64([annotation, draw]))
        prior = self.prior
        most = min(own[0] / full[1], 0.9 * full[0] / full[1] * own[0] / max(own[1], 1e-9), 0.9)
        h, w = made.image.shape[:2]
        shape = (patch.box[2] - patch.box[0]) / (patch.box[3] - patch.box[1])
        boxes = np.concatenate([made.boxes, made.ignore])
        frame = Frame(w, h, [tuple(box) for box in boxes.tolist()], [False] * len(boxes))
        best: tuple[float, dict[str, Any]] | None = None
        for _ in range(TRIES):
            if prior.slope:
                y = float(prior.rows(min(0.5 * most, 0.9), 1, chance)[0])
                height = math.exp(prior.intercept + prior.slope * y)
            else:
                height = most * float(chance.uniform(0.4, 1.0))
                y = float(prior.rows(min(height, 0.9), 1, chance)[0])
            height = min(max(height, 4 / h), most)
            y = max(y, height)
            wide = height * h * shape
            x = float(chance.uniform(wide / 2, max(w - wide / 2, wide / 2 + 1e-6))) / w
            box = (x * w - wide / 2, (y - height) * h, x * w + wide / 2, y * h)
            hidden = sum(area for _, area in frame.covered(box)) / (wide * height * h)
            params = {"x": round(x, 4), "y": round(y, 4), "height": round(height, 4)}
            if best is None or hidden < best[0]:
                best = hidden, params
            if hidden == 0:
                break
        assert best is not None
        return {**best[1], "object": annotation}


def _some(n: int, most: int) -> NDArray[np.int64]:
    if n <= most:
        return np.arange(n)
    draw = np.random.Generator(np.random.PCG64(n))
    return np.sort(draw.choice(n, most, replace=False))


def _by_class(order: NDArray[np.int64], kinds: NDArray[Any]) -> list[int]:
    """The best of each class first, then the second of each: rare classes are seen too."""
    seen: dict[Any, int] = {}
    ranked = []
    for k, at in enumerate(order.tolist()):
        kind = kinds[at]
        seen[kind] = seen.get(kind, 0) + 1
        ranked.append((seen[kind], k, at))
    return [at for _, _, at in sorted(ranked)]
