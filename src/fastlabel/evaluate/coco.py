"""Average precision and recall as COCO defines them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._arrays import as_real
from .._scalars import as_choice, as_whole
from ..dataset import Dataset, DatasetError
from ..report.text import count
from .inputs import Rows, image_order, label_rows, model_rows, prediction_rows

if TYPE_CHECKING:
    from ..deploy import Profile
    from ..predictions import Predictions
    from .mistakes import Confusion, Mistakes

__all__ = ["AREA_RANGES", "STATS", "Evaluation", "evaluate"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: COCO's areas in square pixels of the image, both ends included.
AREA_RANGES: Mapping[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}

#: Names of the twelve figures, in COCO's order.
STATS = (
    *("AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge"),
    *("AR1", "AR10", "AR100", "ARsmall", "ARmedium", "ARlarge"),
)

#: What a label with ``ignore`` means.
IGNORE = ("region", "label", "count")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What :func:`evaluate` found: T thresholds, R recalls, K classes, A areas, M limits.

    Attributes
    ----------
    dataset : Dataset
    predictions : Predictions
    precision : numpy.ndarray
        (T, R, K, A, M) float64; -1 where a class has no label that counts.
    scores : numpy.ndarray
        (T, R, K, A, M): of the prediction with which the recall is reached.
    recall : numpy.ndarray
        (T, K, A, M), likewise.
    label_counts : numpy.ndarray
        (K, A): labels that count.
    iou_thresholds, recalls, max_dets : numpy.ndarray
    area_ranges : dict of str to (float, float)
    labels, found : Rows
        The labels and the predictions that took part.
    match, ignored : numpy.ndarray
        (T, predictions that took part): the label's place in ``labels`` or -1, and whether
        the prediction counts neither as right nor as wrong, over all areas at the last limit.
    regions, aside : numpy.ndarray
        Labels that are crowds, or are taken as such; and those that are not to be found, these
        among them.
    notes : tuple of str
        What a person should know besides.
    """

    dataset: Dataset
    predictions: Predictions
    precision: FloatArray
    scores: FloatArray
    recall: FloatArray
    label_counts: IntArray
    iou_thresholds: FloatArray
    recalls: FloatArray
    max_dets: IntArray
    area_ranges: Mapping[str, tuple[float, float]]
    labels: Rows
    found: Rows
    match: IntArray
    ignored: BoolArray
    regions: BoolArray
    aside: BoolArray
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        first = ", ".join(f"{k} {v:.3f}" for k, v in list(self.stats.items())[:3])
        return f"Evaluation({first}; {len(self.labels.rows):,} labels)"

    def ap(
        self, iou: float | None = None, *, area: str = "all", max_dets: int | None = None
    ) -> float:
        """Average precision, -1 where no label counts.

        Parameters
        ----------
        iou : float, optional
            One of the thresholds; by default the mean of all.
        area : str
            One of ``area_ranges``.
        max_dets : int, optional
            One of ``max_dets``; by default the last.
        """
        return _mean(self.precision[self._at(iou)][..., self._area(area), self._limit(max_dets)])

    def ar(
        self, iou: float | None = None, *, area: str = "all", max_dets: int | None = None
    ) -> float:
        """Average recall; the arguments are those of :meth:`ap`."""
        return _mean(self.recall[self._at(iou)][..., self._area(area), self._limit(max_dets)])

    def _at(self, iou: float | None) -> Any:
        if iou is None:
            return slice(None)
        at = np.flatnonzero(np.isclose(self.iou_thresholds, iou))
        if not len(at):
            raise ValueError(f"iou: got {iou}, evaluated were {self.iou_thresholds.tolist()}")
        return at

    def _area(self, area: str) -> int:
        return list(self.area_ranges).index(as_choice(area, "area", tuple(self.area_ranges)))

    def _limit(self, limit: int | None) -> int:
        if limit is None:
            return len(self.max_dets) - 1
        if limit not in self.max_dets.tolist():
            raise ValueError(f"max_dets: got {limit}, evaluated were {self.max_dets.tolist()}")
        return int(np.flatnonzero(self.max_dets == limit)[0])

    @cached_property
    def stats(self) -> dict[str, float]:
        """COCO's figures, as far as thresholds, areas and limits have them; -1: no label."""
        said = {"AP": self.ap()}
        for iou in (0.5, 0.75):
            if np.isclose(self.iou_thresholds, iou).any():
                said[f"AP{round(100 * iou)}"] = self.ap(iou)
        others = [name for name in self.area_ranges if name != "all"]
        said |= {f"AP{name}": self.ap(area=name) for name in others}
        said |= {f"AR{limit}": self.ar(max_dets=limit) for limit in self.max_dets.tolist()}
        return said | {f"AR{name}": self.ar(area=name) for name in others}

    @cached_property
    def per_class(self) -> pa.Table:
        """One row a class: ``category_id``, ``name``, ``labels``, ``predictions``, AP, AP50, AR."""
        names = self.dataset.categories["name"].to_pylist()
        counts = np.bincount(self.found.classes, minlength=len(names))
        half = np.flatnonzero(np.isclose(self.iou_thresholds, 0.5))
        rows = []
        for k, name in enumerate(names):
            precision = self.precision[:, :, k, 0, -1]
            rows.append(
                {
                    "category_id": k,
                    "name": name,
                    "labels": int(self.label_counts[k, 0]),
                    "predictions": int(counts[k]),
                    "AP": _known(precision),
                    "AP50": _known(precision[half]) if len(half) else None,
                    "AR": _known(self.recall[:, k, 0, -1]),
                }
            )
        kinds = [("category_id", pa.int32()), ("name", pa.string()), ("labels", pa.int64())]
        kinds += [("predictions", pa.int64())]
        kinds += [(name, pa.float64()) for name in ("AP", "AP50", "AR")]
        return pa.Table.from_pylist(rows, schema=pa.schema(kinds))

    def confusion(self, *, score: float | None = None, iou: float = 0.5) -> Confusion:
        """Which class was taken for which; see :func:`fastlabel.evaluate.mistakes.confusion`."""
        from .mistakes import confusion

        return confusion(self, score=score, iou=iou)

    def mistakes(self, *, score: float | None = None, iou: float = 0.5) -> Mistakes:
        """Errors by type; see :func:`fastlabel.evaluate.mistakes.mistakes`."""
        from .mistakes import mistakes

        return mistakes(self, score=score, iou=iou)

    def sizes(self, deploy: str | os.PathLike[str] | Profile) -> pa.Table:
        """Figures by size at the model's input; see
        :func:`fastlabel.evaluate.breakdown.size_table`.
        """  # noqa: D205
        from .breakdown import size_table

        return size_table(self, deploy)

    def difficulty(
        self,
        *,
        deploy: str | os.PathLike[str] | Profile | None = None,
        box_stats: pa.Table | None = None,
    ) -> pa.Table:
        """What is found, by what makes labels difficult; see
        :func:`fastlabel.evaluate.breakdown.difficulty_table`.
        """  # noqa: D205
        from .breakdown import difficulty_table

        return difficulty_table(self, deploy=deploy, box_stats=box_stats)

    def label_table(self) -> pa.Table:
        """One row a label that took part: ``annotation_id``, ``image_id``, ``category_id``,
        ``found``: the share of thresholds at which it is; null where it is not to be found.
        """  # noqa: D205
        found = self.label_found
        rows = pa.array(self.labels.rows)
        table = self.dataset.annotations
        return pa.table(
            {
                "annotation_id": rows,
                "image_id": table["image_id"].take(rows),
                "category_id": table["category_id"].take(rows),
                "found": pa.array(found, mask=np.isnan(found)),
            }
        )

    def prediction_table(self, score: float | None = None) -> pa.Table:
        """One row a prediction that took part: ``row`` of the predictions, ``image_id``,
        ``category_id``, ``score``, ``annotation_id`` of the label that it has at the lowest
        threshold, ``outcome``: right, ignored, or the type of its error.
        """  # noqa: D205
        from .mistakes import ERROR_TYPES

        iou = float(self.iou_thresholds[0])
        kind = self.mistakes(score=0.0 if score is None else score, iou=iou).prediction_type
        names = np.array([*ERROR_TYPES, "ignored", "right"], object)
        place = np.where(kind >= 0, kind, np.where(self.ignored[0], -2, -1))
        match = self.match[0]
        rows = pa.array(self.found.rows)
        table = self.predictions.table
        return pa.table(
            {
                "row": rows,
                "image_id": table["image_id"].take(rows),
                "category_id": table["category_id"].take(rows),
                "score": table["score"].take(rows),
                "annotation_id": pa.array(
                    self.labels.rows[match] if len(self.labels.rows) else match, mask=match < 0
                ),
                "outcome": pa.array(names[place].tolist(), pa.string()),
            }
        )

    def summary(
        self, *, score: float | None = None, deploy: Profile | str | None = None
    ) -> dict[str, Any]:
        """All numbers as plain JSON values; the arguments are those of :meth:`mistakes`."""
        iou = 0.5 if np.isclose(self.iou_thresholds, 0.5).any() else float(self.iou_thresholds[0])
        wrong = self.mistakes(score=score, iou=iou)
        confusion = self.confusion(score=wrong.score, iou=iou)
        return {
            "labels": int((~self.aside).sum()),
            "images": len(np.unique(np.concatenate([self.labels.images, self.found.images]))),
            "predictions": len(self.found.rows),
            "stats": {k: None if v < 0 else v for k, v in self.stats.items()},
            "score": wrong.score,
            "iou": iou,
            "mistakes": wrong.table.to_pylist(),
            "confused": [list(row) for row in confusion.pairs(20)],
            "deploy": getattr(deploy, "name", deploy),
            "sizes": None if deploy is None else self.sizes(deploy).to_pylist(),
            "difficulty": self.difficulty(deploy=deploy).to_pylist(),
            "classes": self.per_class.to_pylist(),
            "notes": list(self.notes),
        }

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw precision against recall into an ``.svg`` or ``.png``."""
        from .plots import precision_plot

        precision_plot(self, Path(path))

    @cached_property
    def label_found(self) -> FloatArray:
        """Of each label that took part the share of thresholds at which it is found.

        NaN for regions and ignored ones.
        """
        found = np.zeros(len(self.labels.rows))
        for match in self.match:
            found[match[match >= 0]] += 1
        found /= len(self.iou_thresholds)
        found[self.aside] = np.nan
        return found


def evaluate(
    dataset: Dataset,
    predictions: Predictions | str | os.PathLike[str],
    *,
    split: str | None = None,
    model: str | int | None = None,
    ignore: str = "region",
    iou_thresholds: npt.ArrayLike | None = None,
    recalls: npt.ArrayLike | None = None,
    max_dets: Sequence[int] = (1, 10, 100),
    area_ranges: Mapping[str, tuple[float, float]] | None = None,
    workers: int = 0,
) -> Evaluation:
    """Evaluate predictions against labels, as COCO's own code does.

    Parameters
    ----------
    dataset : Dataset
        The labels.
    predictions : Predictions, str or os.PathLike
        What a model says; a file is read with :func:`fastlabel.read_predictions`.
    split : str, optional
        Only the images of this split.
    model : str or int, optional
        Which model's, where there are several. Folds, whose models looked at different images,
        are taken together.
    ignore : {"region", "label", "count"}
        What a label with ``ignore`` means. "region": the same as a crowd, as this package's
        writers say it to COCO's tools; "label": it is not to be found, and what is there is not
        wrong; "count": a label like any other, as pycocotools, which reads ``iscrowd`` alone,
        takes one that is no crowd.
    iou_thresholds : array_like, optional
        Rising, at most 32; by default 0.5, 0.55, ... 0.95.
    recalls : array_like, optional
        Where the precision is read; by default 0, 0.01, ... 1.
    max_dets : sequence of int
        Predictions of an image and class that count, best first; rising, at most 8.
    area_ranges : mapping of str to (float, float), optional
        Square pixels of the image; the first is what matches are told of. By default COCO's.
        The area of a label is that of its source, where it gives one.
    workers : int
        Threads; 0 means one a CPU.

    Returns
    -------
    Evaluation
        ``stats`` are COCO's twelve figures.

    Raises
    ------
    ValueError, TypeError
        For thresholds, limits or ranges that mean nothing.
    DatasetError
        If the split or the model is not there, or several models saw the same images.

    Notes
    -----
    This is ``COCOeval`` of pycocotools with ``iouType="bbox"``, with equal numbers: greedy by
    score, crowds matched by the share of the prediction, labels outside the area range ignored,
    101 points of recall. Of equal scores the order of the rows and of the images' ids decides.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> labels = {
    ...     "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [
    ...         {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40]},
    ...         {"id": 2, "image_id": 1, "category_id": 1, "bbox": [90, 10, 40, 40]},
    ...     ],
    ...     "categories": [{"id": 1, "name": "bird"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     ds = fl.read(folder)
    >>> said = fl.Predictions.from_arrays(ds, [0], [0], [[10, 10, 50, 50]], [0.9])
    >>> round(fl.evaluate(ds, said).stats["AP"], 3)
    0.505
    """
    from .._core import evaluate as native

    if isinstance(predictions, (str, os.PathLike)):
        from ..predictions import read_predictions

        predictions = read_predictions(predictions, dataset)
    as_choice(ignore, "ignore", IGNORE)
    ranges = dict(AREA_RANGES if area_ranges is None else area_ranges)
    thresholds = _rising(np.linspace(0.5, 0.95, 10), iou_thresholds, "iou_thresholds", 32)
    points = _rising(np.linspace(0, 1, 101), recalls, "recalls", 2**31)
    limits = _limits(max_dets)
    threads = as_whole(workers, "workers")
    if not 0 <= threads <= 1024:
        raise ValueError(f"workers: got {workers}, expected 0 to 1024")
    place = image_order(dataset, _wanted(dataset, split))
    labels = label_rows(dataset, place)
    found = prediction_rows(predictions, place, model_rows(predictions, model))
    crowd, aside = _flags(dataset, labels.rows, ignore)
    area = dataset.annotations["area"]
    areas = None
    if area.null_count < len(area):
        given = np.asarray(area.fill_null(np.nan).to_numpy(), np.float64)[labels.rows]
        areas = np.where(np.isnan(given), labels.boxes[:, 2] * labels.boxes[:, 3], given)
    result = native(
        found.boxes,
        np.ascontiguousarray(predictions.column("score")[found.rows]),
        found.images,
        found.classes,
        labels.boxes,
        areas,
        labels.images,
        labels.classes,
        crowd.view(np.uint8),
        aside.view(np.uint8),
        len(place),
        dataset.categories.num_rows,
        thresholds,
        points,
        _bounds(ranges),
        limits,
        True,
        True,
        threads,
    )
    return Evaluation(
        dataset,
        predictions,
        result["precision"],
        result["scores"],
        result["recall"],
        result["labels"],
        thresholds,
        points,
        limits,
        ranges,
        labels,
        found,
        result["match"],
        result["ignored"].view(np.bool_),
        crowd,
        crowd | aside,
        _notes(predictions, place, labels, found),
    )


def _mean(values: FloatArray) -> float:
    known = values[values > -1]
    return float(np.mean(known)) if known.size else -1.0


def _known(values: FloatArray) -> float | None:
    mean = _mean(values)
    return None if mean < 0 else mean


def _wanted(dataset: Dataset, split: str | None) -> BoolArray:
    if split is None:
        return np.ones(len(dataset), bool)
    splits = dataset.images["split"].to_pylist()
    wanted = np.array([name == split for name in splits], bool)
    if not wanted.any():
        have = sorted({name for name in splits if name is not None})
        listed = ", ".join(have) if have else "none are declared"
        raise DatasetError(f"no split named {split!r}; this set has: {listed}")
    return wanted


def _flags(dataset: Dataset, rows: IntArray, ignore: str) -> tuple[BoolArray, BoolArray]:
    """Which labels are regions, and which are ignored besides."""

    def true(name: str) -> BoolArray:
        column = dataset.annotations[name]
        if column.null_count == len(column):
            return np.zeros(len(rows), bool)
        return np.asarray(column.fill_null(False).to_numpy(), bool)[rows]

    crowd, ignored = true("crowd"), true("ignore")
    if ignore == "region":
        return crowd | ignored, np.zeros(len(rows), bool)
    return crowd, ignored if ignore == "label" else np.zeros(len(rows), bool)


def _rising(default: FloatArray, given: Any, name: str, most: int) -> FloatArray:
    if given is None:
        return default
    values = np.atleast_1d(as_real(given, name)).astype(np.float64)
    fine = values.ndim == 1 and 1 <= len(values) <= most
    if not (fine and ((values >= 0) & (values <= 1)).all() and (np.diff(values) >= 0).all()):
        raise ValueError(f"{name}: expected rising numbers from 0 to 1, at most {most:,}")
    return values


def _limits(given: Any) -> IntArray:
    limits = [as_whole(value, "max_dets") for value in given]
    if not 1 <= len(limits) <= 8 or limits[0] < 1 or limits != sorted(limits):
        raise ValueError(f"max_dets: got {limits}, expected 1 to 8 rising numbers over 0")
    return np.array(limits, np.int64)


def _bounds(ranges: Mapping[str, tuple[float, float]]) -> FloatArray:
    bounds = np.array(list(ranges.values()), np.float64)
    if not 1 <= len(ranges) <= 8 or bounds.shape != (len(ranges), 2) or np.isnan(bounds).any():
        raise ValueError("area_ranges: expected 1 to 8 names with (least, most) each")
    return bounds


def _notes(predictions: Predictions, place: IntArray, labels: Rows, found: Rows) -> tuple[str, ...]:
    notes = []
    met: dict[str, list[str]] = {}
    for kind, message in zip(
        *(predictions.problems[name].to_pylist() for name in ("kind", "message")), strict=True
    ):
        if kind not in ("unknown-category", "no-predictions"):  # told of below
            met.setdefault(kind, []).append(str(message))
    notes += [f"{kind}, {len(told):,}: {told[0]}" for kind, told in sorted(met.items())]
    if labels.left_out:
        notes.append(f"left out: {count(labels.left_out, 'label')} whose box or class is not known")
    if found.left_out:
        other = count(found.left_out, "prediction")
        notes.append(f"left out: {other} of classes that the set does not have")
    unlooked = place >= 0
    for seen in predictions.seen:
        unlooked[seen] = False
    unseen = int(unlooked.sum())
    if unseen:
        notes.append(
            f"{count(unseen, 'image')} of which the predictions say nothing: labels there count "
            "as not found"
        )
    return tuple(notes)
