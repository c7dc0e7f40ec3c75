"""Findings beside a ledger of planted errors: what was found, in which order, and what was not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .._scalars import as_number
from ..dataset import Dataset, DatasetError
from ..schema import ERRORS

if TYPE_CHECKING:
    from ..check import Report

__all__ = [
    "OUTCOMES",
    "FindingScores",
    "average_precision",
    "evaluate_findings",
    "read_parquet",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: What a finding is: it shows an error that none before it did; one shown already, which counts
#: neither way; none that was planted; or it is not about a box, and takes no part.
OUTCOMES = ("right", "again", "wrong", "aside")

Place = str | os.PathLike[str]

#: What is read of a finding.
_COLUMNS = {
    "code": pa.string(),
    "image_id": pa.int64(),
    "annotation_id": pa.int64(),
    "score": pa.float64(),
    "evidence": pa.string(),
}


@dataclass(frozen=True, eq=False)
class FindingScores:
    """How well findings show planted errors.

    Attributes
    ----------
    table : pyarrow.Table
        One row a finding (or object of a queue), the first to be looked at first: ``rank``,
        ``row`` of the input, ``image_id``, ``codes``, ``score``, ``outcome`` (one of
        :data:`OUTCOMES`), ``errors`` (ids of the ledger that it shows).
    errors : pyarrow.Table
        The ledger with ``found_rank`` and ``found_by`` (codes), null where it was not found.
    images : int
        Images of the set.
    """

    table: pa.Table
    errors: pa.Table
    images: int
    _order: FloatArray = field(repr=False)  # falls with the rank; equal: no order between them

    def __repr__(self) -> str:
        return (
            f"FindingScores(AP {self.average_precision:.3f}, precision {self.precision:.3f}, "
            f"recall {self.recall:.3f}; {self.errors.num_rows:,} errors)"
        )

    def _is(self, outcome: str) -> npt.NDArray[np.bool_]:
        return np.array([got == outcome for got in self.table["outcome"].to_pylist()], bool)

    @cached_property
    def precision(self) -> float:
        """Right ones of those that are right or wrong; NaN without any."""
        right, wrong = int(self._is("right").sum()), int(self._is("wrong").sum())
        return right / (right + wrong) if right + wrong else float("nan")

    @cached_property
    def recall(self) -> float:
        """Share of the errors that some finding shows; NaN without errors."""
        count = self.errors.num_rows
        return (count - self.errors["found_rank"].null_count) / count if count else float("nan")

    @cached_property
    def average_precision(self) -> float:
        """Mean over all errors of the precision at the finding that shows each; 0 if none does."""
        return self._ap(None)

    def _ap(self, kind: str | None) -> float:
        kinds = self.errors["kind"].to_pylist()
        gained, wrong = [], []
        seen: set[int] = set()
        for errors, outcome in zip(
            self.table["errors"].to_pylist(), self.table["outcome"].to_pylist(), strict=True
        ):
            new = set(errors) - seen
            seen |= new
            gained.append(sum(kind is None or kinds[error] == kind for error in new))
            wrong.append(outcome == "wrong")
        total = len(kinds) if kind is None else kinds.count(kind)
        return average_precision(self._order, np.array(gained), np.array(wrong), total)

    @cached_property
    def image_average_precision(self) -> float:
        """Average precision of the images, each by its best finding; those without come last.

        Right is an image with an error. This is what papers on label errors report, and
        ``average_precision_score`` of scikit-learn; NaN where no image or every one has an error.
        """
        bad = np.zeros(self.images, bool)
        bad[np.asarray(self.errors["image_id"].to_numpy(), np.int64)] = True
        if not bad.any():
            return float("nan")
        best = np.full(self.images, -np.inf)
        here = ~self._is("aside")
        images = np.asarray(self.table["image_id"].to_numpy(), np.int64)
        np.maximum.at(best, images[here], self._order[here])
        order = np.argsort(-best, kind="stable")
        return average_precision(
            best[order], bad[order].astype(np.int64), ~bad[order], int(bad.sum())
        )

    @cached_property
    def per_kind(self) -> pa.Table:
        """One row a kind of error: ``planted``, ``found``, ``recall``, ``average_precision``.

        Findings of other kinds' errors count neither way in the average precision of a kind.
        """
        kinds = self.errors["kind"].to_pylist()
        ranks = self.errors["found_rank"].to_pylist()
        rows = []
        for kind in sorted(set(kinds)):
            mine = [rank for k, rank in zip(kinds, ranks, strict=True) if k == kind]
            found = sum(rank is not None for rank in mine)
            rows.append(
                {
                    "kind": kind,
                    "planted": len(mine),
                    "found": found,
                    "recall": found / len(mine),
                    "average_precision": self._ap(kind),
                }
            )
        kinds_of = [("kind", pa.string()), ("planted", pa.int64()), ("found", pa.int64())]
        kinds_of += [("recall", pa.float64()), ("average_precision", pa.float64())]
        return pa.Table.from_pylist(rows, schema=pa.schema(kinds_of))

    @cached_property
    def per_code(self) -> pa.Table:
        """One row a rule: ``findings``, ``right``, ``again``, ``wrong``, ``precision``."""
        counts: dict[str, dict[str, int]] = {}
        for codes, outcome in zip(
            self.table["codes"].to_pylist(), self.table["outcome"].to_pylist(), strict=True
        ):
            if outcome != "aside":
                for code in codes:
                    counts.setdefault(code, dict.fromkeys(OUTCOMES[:3], 0))[outcome] += 1
        rows = []
        for code, got in sorted(counts.items()):
            judged = got["right"] + got["wrong"]
            share = got["right"] / judged if judged else None
            rows.append({"code": code, "findings": sum(got.values()), **got, "precision": share})
        kinds = [("code", pa.string())]
        kinds += [(name, pa.int64()) for name in ("findings", *OUTCOMES[:3])]
        return pa.Table.from_pylist(rows, schema=pa.schema([*kinds, ("precision", pa.float64())]))

    @cached_property
    def curve(self) -> pa.Table:
        """What one has after each finding: ``findings``, ``images`` opened, ``found`` errors,
        ``precision``, ``recall``, ``score``.
        """  # noqa: D205
        here = ~self._is("aside")
        right, wrong = self._is("right")[here], self._is("wrong")[here]
        images = np.asarray(self.table["image_id"].to_numpy(), np.int64)[here]
        seen: set[int] = set()
        found: list[int] = []
        for errors in (
            e for e, at in zip(self.table["errors"].to_pylist(), here, strict=True) if at
        ):
            seen |= set(errors)
            found.append(len(seen))
        first = np.zeros(len(images), bool)
        first[np.unique(images, return_index=True)[1]] = True
        judged = np.cumsum(right | wrong)
        precision = np.divide(
            np.cumsum(right), judged, out=np.full(len(right), np.nan), where=judged > 0
        )
        scores = np.asarray(self.table["score"].to_numpy(), np.float64)[here]
        total = max(self.errors.num_rows, 1)
        return pa.table(
            {
                "findings": pa.array(np.arange(1, len(right) + 1)),
                "images": pa.array(np.cumsum(first)),
                "found": pa.array(np.array(found, np.int64)),
                "precision": pa.array(precision),
                "recall": pa.array(np.array(found, np.float64) / total),
                "score": pa.array(scores),
            }
        )

    def plot(self, path: Place) -> None:
        """Draw the gain curve and precision against recall.

        Parameters
        ----------
        path : str or os.PathLike
            ``.svg`` or ``.png``.
        """
        from .plots import finding_plot

        finding_plot(self, Path(path))

    def summary(self) -> dict[str, Any]:
        """All numbers as plain JSON values."""
        outcomes = self.table["outcome"].to_pylist()
        return {
            "errors": self.errors.num_rows,
            "images": self.images,
            "outcomes": {name: outcomes.count(name) for name in OUTCOMES},
            "precision": _plain(self.precision),
            "recall": _plain(self.recall),
            "average_precision": _plain(self.average_precision),
            "image_average_precision": _plain(self.image_average_precision),
            "per_kind": self.per_kind.to_pylist(),
            "per_code": self.per_code.to_pylist(),
        }


def evaluate_findings(
    findings: pa.Table | Report | Place,
    ledger: pa.Table | Place,
    dataset: Dataset | None = None,
    *,
    queue: pa.Table | None = None,
    select: Iterable[str] | None = None,
    threshold: float = 0.0,
    iou: float = 0.5,
) -> FindingScores:
    """Score findings against errors that were planted.

    Parameters
    ----------
    findings : pyarrow.Table, Report, str or os.PathLike
        As :data:`fastlabel.schema.FINDINGS` says; the report or its folder will do.
    ledger : pyarrow.Table, str or os.PathLike
        As :func:`fastlabel.corrupt` gives it; or the folder that ``fastlabel corrupt`` made.
    dataset : Dataset, optional
        The corrupted set, to be sure that the ledger is about it.
    queue : pyarrow.Table, optional
        The order of the review, as :func:`fastlabel.review_queue` gives it for these findings;
        without it findings are ranked by score.
    select : iterable of str, optional
        Rules to look at, as codes or their beginnings: ``["FL7"]``. By default all that speak
        of a box.
    threshold : float
        Findings with a lower score are left out.
    iou : float
        From which IoU on a box that a finding proposes to add is one that was taken away.

    Returns
    -------
    FindingScores

    Raises
    ------
    DatasetError
        If a file cannot be read or the ledger is not about this set.
    ValueError
        For a table without the columns, or numbers that mean nothing.

    Notes
    -----
    A finding shows an error when it names its row (or the other box of a pair), or when it
    proposes to add a box where one was taken away. Each error counts once: what shows it again
    counts neither as right nor as wrong. Errors that the set had before are not in the ledger:
    findings of them count as wrong.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> labels = {
    ...     "images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [
    ...         {"id": i, "image_id": 1, "category_id": 1, "bbox": [100 * i, 50, 60, 80]}
    ...         for i in range(5)
    ...     ],
    ...     "categories": [{"id": 1, "name": "bird"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     noisy, ledger = fl.corrupt(fl.read(folder), rate=0.2, kinds=["duplicate"], seed=1)
    ...     findings = fl.check(noisy, select=["FL204", "FL205"]).findings
    >>> fl.evaluate_findings(findings, ledger).recall
    1.0
    """
    rows = _findings(findings)
    errors = _ledger(ledger)
    lowest, least = as_number(threshold, "threshold"), as_number(iou, "iou")
    if not 0 < least <= 1:
        raise ValueError(f"iou: got {iou}, expected over 0, at most 1")
    images = _images(errors, dataset)
    if dataset is None:
        named = [i for i in rows["image_id"].to_pylist() if i is not None]
        images = max([images, *(i + 1 for i in named)])
    wanted = None if select is None else tuple(select)
    if isinstance(select, str):
        raise TypeError(f"select: got {select!r}, expected a list, e.g. ['FL7']")
    items = _items(rows, queue, wanted, lowest)
    return _scored(items, errors, images, _Planted(errors, least))


def average_precision(
    order: FloatArray, gained: IntArray, wrong: npt.NDArray[np.bool_], total: int
) -> float:
    """Mean over `total` things of the precision where each is gained; equal places are one step."""
    if total == 0:
        return float("nan")
    if not len(order):
        return 0.0
    ends = np.append(np.flatnonzero(order[1:] != order[:-1]), len(order) - 1)
    more = np.cumsum(gained)[ends]
    right = np.cumsum(gained > 0)[ends]
    judged = right + np.cumsum(wrong)[ends]
    precision = np.divide(right, judged, out=np.zeros(len(ends)), where=judged > 0)
    return float((np.diff(more, prepend=0) * precision).sum() / total)


@dataclass(frozen=True)
class _Item:
    """What is looked at in one go: a finding, or an object of a queue."""

    row: int
    image: int | None
    codes: list[str]
    score: float
    order: float
    annotations: frozenset[int]
    boxes: tuple[tuple[float, ...], ...]


def _findings(given: Any) -> pa.Table:
    if isinstance(given, (str, os.PathLike)):
        given = read_parquet(Path(given), "findings.parquet")
    table = getattr(given, "findings", given)
    if not isinstance(table, pa.Table):
        raise TypeError(f"findings: got {type(given).__name__}, expected a table or a Report")
    missing = [name for name in _COLUMNS if name not in table.schema.names]
    if missing:
        raise ValueError(f"findings: has no column {missing[0]!r}; expected fastlabel's findings")
    return table.select(list(_COLUMNS)).cast(pa.schema(list(_COLUMNS.items())))


def _ledger(given: Any) -> pa.Table:
    if isinstance(given, (str, os.PathLike)):
        given = read_parquet(Path(given), "ledger.parquet")
    if not isinstance(given, pa.Table):
        raise TypeError(f"ledger: got {type(given).__name__}, expected a table")
    missing = [name for name in ERRORS.names if name not in given.schema.names]
    if missing:
        raise ValueError(
            f"ledger: has no column {missing[0]!r}; expected the ledger of fastlabel corrupt"
        )
    return given.select(ERRORS.names).cast(ERRORS.with_metadata(given.schema.metadata))


def read_parquet(place: Path, name: str) -> pa.Table:
    """A table by its file, or by the folder it lies in."""
    import pyarrow.parquet as pq

    file = place / name if place.is_dir() else place
    if not file.is_file():
        raise DatasetError(f"{file}: no such file; name the table or the folder it lies in")
    try:
        return pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise DatasetError(f"{file}: cannot be read as Parquet: {error}") from error


def _images(errors: pa.Table, dataset: Dataset | None) -> int:
    """How many images there are; after a look whether the ledger is about this set."""
    from ..prepare.corrupt import settings_of

    if dataset is None:
        known = [i + 1 for i in errors["image_id"].to_pylist()]
        return int(max([settings_of(errors).get("images", 0), *known]))
    count, rows = len(dataset), dataset.annotations.num_rows
    names = dataset.images["file_name"].to_pylist()
    for error in errors.select(["error_id", "image_id", "file_name", "annotation_id"]).to_pylist():
        image, row = error["image_id"], error["annotation_id"]
        if not 0 <= image < count or names[image] != error["file_name"]:
            raise DatasetError(
                f"ledger: error {error['error_id']} is in image {image}, "
                f"{error['file_name']!r}, which {dataset.root} does not have there; it is the "
                "ledger of another set"
            )
        if row is not None and not (
            0 <= row < rows and dataset.annotations["image_id"][row].as_py() == image
        ):
            raise DatasetError(
                f"ledger: error {error['error_id']} is annotation {row} of image {image}, which "
                f"{dataset.root} does not have; it is the ledger of another set"
            )
    return count


def _proposed(text: str | None) -> tuple[list[int], tuple[float, ...] | None]:
    """Other annotations that evidence names, and the box that it proposes to add."""
    if not text or ("related" not in text and "fix" not in text):
        return [], None
    try:
        evidence = json.loads(text)
    except ValueError:
        return [], None
    if not isinstance(evidence, Mapping):
        return [], None
    related = evidence.get("related_annotations") or []
    fix = evidence.get("fix") or {}
    box = None
    if isinstance(fix, Mapping) and fix.get("action") == "add_box":
        numbers = fix.get("box")
        if isinstance(numbers, list) and len(numbers) == 4:
            box = tuple(float(v) for v in numbers)
    return [int(row) for row in related if isinstance(row, int)], box


def _items(
    findings: pa.Table, queue: pa.Table | None, select: tuple[str, ...] | None, lowest: float
) -> list[_Item]:
    single = []
    columns = (findings[name].to_pylist() for name in _COLUMNS)
    for row, (code, image, own, score, evidence) in enumerate(zip(*columns, strict=True)):
        related, box = _proposed(evidence)
        rows = frozenset([*related, *([] if own is None else [own])])
        value = 0.0 if score is None or np.isnan(score) else score
        boxes = () if box is None else (box,)
        single.append(_Item(row, image, [code or ""], value, value, rows, boxes))
    if queue is None:
        chosen = [i for i in single if _chosen(i.codes, select) and i.score >= lowest]
        return sorted(chosen, key=lambda item: -item.score)
    missing = {"rank", "image_id", "codes", "annotation_ids", "score", "findings"} - set(
        queue.schema.names
    )
    if missing:
        raise ValueError(f"queue: has no column {min(missing)!r}; expected a review queue")
    items = []
    for at, row in enumerate(queue.to_pylist()):
        members = row["findings"] or []
        if any(not 0 <= m < len(single) for m in members):
            raise ValueError(f"queue: row {at} names findings that are not there; it is of others")
        of = [single[m] for m in members]
        codes = [code for code in row["codes"] or [] if _chosen([code], select)]
        if not codes or row["score"] < lowest:
            continue
        rows = frozenset(row["annotation_ids"] or []).union(*(m.annotations for m in of))
        boxes = tuple(box for m in of for box in m.boxes)
        items.append(
            _Item(at, row["image_id"], codes, row["score"], -float(row["rank"]), rows, boxes)
        )
    return sorted(items, key=lambda item: -item.order)


def _chosen(codes: list[str], select: tuple[str, ...] | None) -> bool:
    return select is None or any(code.startswith(select) for code in codes)


class _Planted:
    """Which errors an item shows."""

    def __init__(self, errors: pa.Table, iou: float) -> None:
        self.iou = iou
        self.by_row: dict[int, list[int]] = {}
        self.gone: dict[int, list[tuple[int, FloatArray]]] = {}
        for at, error in enumerate(errors.to_pylist()):
            for row in (error["annotation_id"], *(error["related"] or [])):
                if row is not None:
                    self.by_row.setdefault(row, []).append(at)
            if error["kind"] in ("drop", "merge"):
                boxes = np.array([one["box"] for one in json.loads(error["before"] or "[]")])
                self.gone.setdefault(error["image_id"], []).append((at, boxes.reshape(-1, 4)))

    def shown_by(self, item: _Item) -> list[int]:
        shown = {error for row in item.annotations for error in self.by_row.get(row, ())}
        if item.boxes and item.image is not None:
            boxes = np.array(item.boxes, np.float64)
            for error, gone in self.gone.get(item.image, ()):
                if (_ious(boxes, gone) >= self.iou).any():
                    shown.add(error)
        return sorted(shown)


def _ious(a: FloatArray, b: FloatArray) -> FloatArray:
    from ..boxes import box_iou

    return np.asarray(box_iou(a, b), np.float64)


def _scored(items: list[_Item], errors: pa.Table, images: int, planted: _Planted) -> FindingScores:
    rank_of: dict[int, int] = {}
    codes_of: dict[int, list[str]] = {}
    rows = []
    for rank, item in enumerate(items, 1):
        shown = planted.shown_by(item)
        new = [error for error in shown if error not in rank_of]
        if item.image is None or not (item.annotations or item.boxes):
            outcome = "aside"
        else:
            outcome = "right" if new else "again" if shown else "wrong"
        for error in new:
            rank_of[error], codes_of[error] = rank, item.codes
        rows.append(
            {
                "rank": rank,
                "row": item.row,
                "image_id": item.image if item.image is not None else -1,
                "codes": item.codes,
                "score": item.score,
                "outcome": outcome,
                "errors": shown,
            }
        )
    kinds = [("rank", pa.int64()), ("row", pa.int64()), ("image_id", pa.int64())]
    kinds += [("codes", pa.list_(pa.string())), ("score", pa.float64())]
    kinds += [("outcome", pa.string()), ("errors", pa.list_(pa.int64()))]
    count = range(errors.num_rows)
    told = errors.append_column(
        "found_rank", pa.array([rank_of.get(at) for at in count], pa.int64())
    ).append_column("found_by", pa.array([codes_of.get(at) for at in count], pa.list_(pa.string())))
    table = pa.Table.from_pylist(rows, schema=pa.schema(kinds))
    return FindingScores(table, told, images, np.array([item.order for item in items], np.float64))


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value
