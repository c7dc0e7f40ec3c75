"""A corrected export read back: what changed, the plan of it, and what it says of the rules."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..._scalars import as_choice
from ...dataset import Dataset, DatasetError
from .changes import Change, Comparison, changes_table, compare
from .records import Record
from .tasks import Book
from .verdicts import agreement, verdicts

if TYPE_CHECKING:
    from ..plan import Plan

__all__ = ["ReviewRound", "planned", "read_review"]

#: What was left aside in the way of business; all else needs a person's eye.
_USUAL = ("unanswered", "several answers")


@dataclass(frozen=True, eq=False)
class ReviewRound:
    """One round of review.

    Attributes
    ----------
    plan : Plan
        The corrections, to be applied by :func:`fastlabel.apply`.
    changes : pyarrow.Table
        One row a box that differs: added, dropped, moved, relabelled, ignored.
    verdicts : pyarrow.Table
        One row a finding that the review judges: confirmed, other, rejected.
    skipped : pyarrow.Table
        What was not taken over: ``kind``, ``image``, ``detail``.
    counts : mapping of str to int
        ``images`` in the file, ``answered``, ``checked`` (marked as looked at), ``boxes``
        compared, ``same``, ``clipped`` (cut by the tool at the image's edge, kept as they
        were), ``matched by place`` (boxes that came without their number).
    """

    plan: Plan
    changes: pa.Table
    verdicts: pa.Table
    skipped: pa.Table
    counts: Mapping[str, int]

    def __repr__(self) -> str:
        return (
            f"ReviewRound({self.counts['answered']:,} images, {self.changes.num_rows:,} changes, "
            f"{self.skipped.num_rows:,} skipped)"
        )

    @property
    def agreement(self) -> list[dict[str, Any]]:
        """Precision in the field of each rule; see ``fastlabel calibrate``."""
        return agreement(self.verdicts)

    @property
    def complete(self) -> bool:
        """Whether all that the reviewers did was taken over."""
        return all(kind in _USUAL for kind in self.skipped["kind"].to_pylist())

    def write(self, path: str | os.PathLike[str]) -> list[Path]:
        """Write the plan; beside it as Parquet the changes, the verdicts and what was skipped."""
        import pyarrow.parquet as pq

        from ..._output import write_whole

        plan = Path(path)
        files = self.plan.write(plan)
        tables = {"changes": self.changes, "verdicts": self.verdicts}
        if self.skipped.num_rows:
            tables["skipped"] = self.skipped
        others: dict[Path, Callable[[Path], Any]] = {
            plan.with_name(f"{plan.stem}.{name}.parquet"): _writer(table, pq.write_table)
            for name, table in tables.items()
        }
        write_whole(others)
        return [*files, *others]


def _writer(table: pa.Table, write: Callable[..., Any]) -> Callable[[Path], Any]:
    return lambda part: write(table, part, compression="zstd")


def read_review(
    ds: Dataset,
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    reviewed: str = "marked",
    take_clipped: bool = False,
    file: str | None = None,
) -> ReviewRound:
    """Read a corrected export of Label Studio or CVAT, and make a plan of the corrections.

    Each box is known by the number that :func:`export_review` gave it, so that exactly the
    corrected boxes change; a coordinate within the rounding of the tool's file stays as it was
    to the last bit. A set's own export without such numbers (labelled in the tool from the
    start) is matched by image names and by place.

    Parameters
    ----------
    ds : Dataset
        The labels that were sent, unchanged since. Images whose labels changed are skipped.
    path : str or os.PathLike
        Label Studio's JSON (not JSON-MIN), or the XML of "CVAT for images 1.1".
    format : {"auto", "label-studio", "cvat"}
        "auto" looks at the first character.
    reviewed : {"marked", "all"}
        Which images count as looked at when findings are judged: those that are marked as
        checked (or changed), or every one that came back.
    take_clipped : bool
        Take a box that comes back cut at the image's edge for a correction.
    file : str, optional
        As for :meth:`Plan.from_actions`.

    Returns
    -------
    ReviewRound

    Raises
    ------
    DatasetError
        If the file cannot be read, is of another tool or kind, or of another data set.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> from fastlabel.schema import FINDINGS
    >>> labels = {
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [64, 48, 32, 24]}],
    ...     "categories": [{"id": 3, "name": "raccoon"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     ds, out = fl.read(folder), Path(folder, "tasks.json")
    ...     done = fl.export_review(
    ...         ds, FINDINGS.empty_table(), to="label-studio", out=out, everything=True
    ...     )
    ...     unchanged = fl.read_review(ds, out)
    ...     tasks = json.loads(out.read_text())
    ...     tasks[0]["annotations"][0]["result"][0]["value"]["width"] = 10  # a reviewer's work
    ...     _ = out.write_text(json.dumps(tasks))
    ...     corrected = fl.read_review(ds, out)
    >>> len(unchanged.plan), corrected.plan
    (0, Plan(1 replace_box))
    >>> [[round(v, 6) for v in box] for box in corrected.changes["box_after"].to_pylist()]
    [[64.0, 48.0, 128.0, 72.0]]
    """
    from ..plan import Plan

    as_choice(format, "format", ("auto", "label-studio", "cvat"))
    as_choice(reviewed, "reviewed", ("marked", "all"))
    where = Path(path)
    book = Book(ds)
    found = compare(book, _records(where, format), take_clipped=take_clipped)
    _refuse_another_set(where, ds, found)
    changes = [change for image in found.reviewed for change in image.changes]
    judged = verdicts(book, found.reviewed, all_looked_at=reviewed == "all")
    plan = Plan.from_actions(ds, planned(book, changes, judged), file=file)
    counts = Counter(found.counts)
    counts["answered"] = len(found.reviewed)
    counts["checked"] = sum(image.record.checked for image in found.reviewed)
    kinds, images, details = zip(*found.skipped, strict=True) if found.skipped else ((), (), ())
    text = pa.string()
    skipped = pa.table(
        {
            "kind": pa.array(kinds, text),
            "image": pa.array(images, text),
            "detail": pa.array(details, text),
        }
    )
    return ReviewRound(plan, changes_table(book, changes), judged, skipped, counts)


def _records(path: Path, format: str) -> Iterable[Record]:
    if format == "auto":
        format = _sniff(path)
    if format == "cvat":
        from . import cvat

        return cvat.read_export(path)
    from . import label_studio

    return label_studio.read_export(path)


def _sniff(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:2]
    if first[:1] == b"<" or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "cvat"
    if first[:1] in (b"[", b"{"):
        return "label-studio"
    told = "is empty" if not first else "is neither JSON nor XML"
    zipped = "; unpack the archive first" if first == b"PK" else ""
    raise DatasetError(
        f"{path}: {told}{zipped}: give the JSON export of Label Studio or the XML of "
        '"CVAT for images 1.1"'
    )


def _refuse_another_set(path: Path, ds: Dataset, found: Comparison) -> None:
    images = found.counts["images"]
    if not images:
        raise DatasetError(f"{path}: holds no task; export the project again, with its answers")
    kinds = Counter(kind for kind, _, _ in found.skipped)
    if kinds["unknown image"] == images:
        shown = ", ".join(repr(name[:80]) for _, name, _ in found.skipped[:3])
        raise DatasetError(
            f"{path}: none of its {images:,} images is in {ds.root} (it names {shown}): the "
            "export is of another data set"
        )
    other = kinds["other labels"]
    if other and other + kinds["unknown image"] == images:
        raise DatasetError(
            f"{path}: the labels in {ds.root} are no longer those that were sent to review, in "
            f"all {other:,} images: read it into the version that was exported"
        )


def planned(book: Book, changes: Iterable[Change], judged: pa.Table) -> Iterator[dict[str, Any]]:
    """Changes as rows for :meth:`Plan.from_actions`, with the rules that they bear out."""
    codes = _codes(judged)
    for change in changes:
        yield _action(book, change, codes)


def _codes(judged: pa.Table) -> dict[tuple[int, int | None], list[str]]:
    """Codes of the findings that a reviewer agreed with, by image and annotation."""
    codes: dict[tuple[int, int | None], list[str]] = {}
    columns = ("image_id", "annotation_id", "code", "verdict")
    for image, annotation, code, verdict in zip(
        *(judged[name].to_pylist() for name in columns), strict=True
    ):
        mine = codes.setdefault((image, annotation), [])
        if verdict != "rejected" and code not in mine:
            mine.append(code)
    return codes


_WORDS = {
    "added": "a reviewer added the box",
    "dropped": "a reviewer deleted the box",
    "moved": "a reviewer moved the box",
    "relabelled": "a reviewer gave it another class",
    "ignored": "a reviewer marked it as a region to ignore",
}


def _action(
    book: Book, change: Change, codes: Mapping[tuple[int, int | None], list[str]]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "codes": codes.get((change.image_id, change.annotation_id), []),
        "reason": _WORDS[change.kind],
    }
    if change.kind == "added":
        assert change.label_after is not None
        number = book.number[change.label_after]
        return row | {
            "action": "add_box",
            "image_id": change.image_id,
            "box": change.after,
            "category_id": number,
        }
    row["annotation_id"] = change.annotation_id
    if change.kind in ("dropped", "ignored"):
        return row | {"action": "drop_box" if change.kind == "dropped" else "mark_ignore"}
    if change.kind == "moved":
        return row | {"action": "replace_box", "box": change.after}
    assert change.label_after is not None
    return row | {"action": "relabel", "category_id": book.number[change.label_after]}
