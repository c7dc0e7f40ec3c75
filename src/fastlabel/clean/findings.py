"""What findings propose, as a plan: one action for each thing, the surest where several differ."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..dataset import Dataset, DatasetError
from ..formats import Change, editor
from .evidence import ACTIONS
from .places import Places
from .plan import ABOUT_IMAGES, Plan

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["IMAGE_ACTIONS", "file_of", "plan", "proposals"]

#: What may become of a picture that cannot be learnt from.
IMAGE_ACTIONS = ("quarantine", "exclude", "keep")

#: Findings about a whole picture that no label can mend.
_PICTURES = frozenset(
    ("FL001", "FL006", "FL401", "FL402", "FL403", "FL404", "FL405", "FL407", "FL501")
)
#: Copies: the finding names the first, its evidence the others.
_COPIES = "FL501"
#: Copies whose labels disagree: which of them is right, a person has to say.
_DISPUTED = "FL504"
#: Boxes that have no area or no place at all.
_NO_BOX = frozenset(("FL202", "FL208"))
_SWAPPED, _OUTSIDE, _REPEATED = "FL203", "FL201", "FL204"

#: Actions on one annotation that cannot stand together with any other.
_ALONE = "drop_box"


@dataclass
class _Wish:
    """One action that findings ask for."""

    row: dict[str, Any]
    score: float
    codes: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def plan(
    ds: Dataset,
    findings: pa.Table,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    min_score: float = 0.5,
    images: str = "quarantine",
    file: str | None = None,
) -> Plan:
    """Make a plan of findings: what could be done about each, for a person to look at.

    Nothing is changed. A finding becomes an action where its evidence has a ``fix``, or
    where its rule leaves no choice: copies of a file, a repeated box, corners in the wrong
    order, a box that leaves the image, boxes to ignore, pictures that cannot be learnt from.
    All others need a person; the plan's notes count them.

    Parameters
    ----------
    ds : Dataset
        What the findings are about, read from files.
    findings : pyarrow.Table
        As ``Report.findings``.
    select, ignore : sequence of str
        Codes, or beginnings of codes, that are taken (none: all) and left.
    min_score : float
        Findings less sure than this are left, 0 to 1.
    images : {"quarantine", "exclude", "keep"}
        What becomes of pictures: moved aside with their labels, which loses nothing; left out
        of the new tree; or nothing.
    file : str, optional
        As :meth:`Plan.from_actions` has it.

    Returns
    -------
    Plan

    Raises
    ------
    DatasetError
        If the findings are not about this data set.
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> box = {"image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40]}
    >>> labels = {
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [{"id": 1, **box}, {"id": 2, **box}],
    ...     "categories": [{"id": 3, "name": "raccoon"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     report = fl.check(folder)
    ...     plan = fl.plan(report.ds, report.findings)
    >>> plan.counts(), plan.notes
    ({'drop_box': 1}, ('left to a person: 1 FL004',))
    """
    if not 0 <= min_score <= 1:
        raise ValueError(f"min_score: got {min_score!r}, expected a number from 0 to 1")
    if images not in IMAGE_ACTIONS:
        raise ValueError(f"images: got {images!r}, expected one of {', '.join(IMAGE_ACTIONS)}")
    maker = _Maker(ds, images)
    for row in _taken(findings, select, ignore, min_score, maker):
        maker.take(row)
    actions = maker.actions()
    return Plan.from_actions(ds, actions, file=file or file_of(ds), notes=maker.notes())


def proposals(
    ds: Dataset, images: str = "quarantine"
) -> Callable[[Mapping[str, Any]], list[dict[str, Any]]]:
    """Give what says, of one finding at a time, which actions :func:`plan` would make of it.

    Parameters
    ----------
    ds : Dataset
        What the findings are about, read from files.
    images : {"quarantine", "exclude", "keep"}
        As for :func:`plan`.

    Returns
    -------
    callable
        Of a row of the findings, as a mapping; rows for :meth:`Plan.from_actions`, none where
        a person has to decide what is to be done.
    """
    maker = _Maker(ds, images)
    return maker.alone


def _taken(
    findings: pa.Table,
    select: Sequence[str],
    ignore: Sequence[str],
    min_score: float,
    maker: _Maker,
) -> list[dict[str, Any]]:
    """The findings that count, and a count of those that are not sure enough."""
    names = ("code", "image_id", "annotation_id", "score", "message", "suggestion", "evidence")
    missing = [name for name in names if name not in findings.column_names]
    if missing:
        raise DatasetError(f"findings: no column {missing[0]!r}; give the findings of a report")
    taken = []
    for row in findings.select(names).to_pylist():
        code = row["code"]
        if (select and not code.startswith(tuple(select))) or code.startswith(tuple(ignore)):
            continue
        if row["score"] is not None and row["score"] < min_score:
            maker.unsure[code] += 1
            continue
        taken.append(row)
    return taken


def file_of(ds: Dataset) -> str | None:
    """The label file that alone was read, where reading it gives the same root; None: others."""
    if ds.format == "coco" and ds.meta.get("label_file_count") == 1:
        path = str(ds.meta["label_files"][0])
        above = Path(path).parent
        named = above.name.lower().startswith(("annotation", "label"))
        return path if path.count("/") == int(named) else None
    declaration = ds.meta.get("declaration")
    return declaration if declaration and "/" not in declaration else None


class _Maker:
    def __init__(self, ds: Dataset, images: str) -> None:
        self.ds = ds
        self.places = Places(ds)
        self.images = images
        self.about: dict[int, dict[str, _Wish]] = defaultdict(dict)  # by annotation and action
        self.pictures: dict[int, _Wish] = {}
        self.added: list[_Wish] = []
        self.disputed: set[int] = set()
        self.for_person: Counter[str] = Counter()
        self.unsure: Counter[str] = Counter()
        self.impossible: Counter[str] = Counter()
        self.overruled = 0
        self.whole_pixels = self._has_whole_pixels()

    def _has_whole_pixels(self) -> bool:
        """Whether all boxes of a VOC set are whole numbers, which readers may count on."""
        import numpy as np

        boxes = self.ds.boxes()
        return self.ds.format == "voc" and bool((boxes == np.round(boxes)).all())

    # --- one finding --------------------------------------------------------------------

    def take(self, finding: Mapping[str, Any]) -> None:
        """What one finding asks for."""
        self._require_ours(finding)
        evidence = _evidence(finding["evidence"])
        code = finding["code"]
        if code == _DISPUTED:
            self.disputed.update(self._related(finding, evidence))
        row = self._row(finding, evidence)
        if row is None:
            self.for_person[code] += 1
            return
        if code == _COPIES:
            for image in self._related(finding, evidence)[1:]:
                self._picture({**row, "image_id": image}, finding)
        elif row["action"] in ABOUT_IMAGES:
            self._picture(row, finding)
        elif row["action"] == "add_box":
            self.added.append(self._wish(row, finding))
        else:
            self._box(row, finding)

    def alone(self, finding: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What one finding asks for, whatever the others do."""
        self._require_ours(finding)
        evidence = _evidence(finding["evidence"])
        row = self._row(finding, evidence)
        if row is None:
            return []
        if finding["code"] != _COPIES:
            return [row]
        return [{**row, "image_id": i} for i in self._related(finding, evidence)[1:]]

    def _require_ours(self, finding: Mapping[str, Any]) -> None:
        for name, count in (
            ("image_id", len(self.ds)),
            ("annotation_id", self.ds.annotations.num_rows),
        ):
            value = finding[name]
            if value is not None and not 0 <= value < count:
                raise DatasetError(
                    f"findings: {finding['code']} is about {name} {value:,}, and the set has "
                    f"{count:,}: they are of another data set, or of an earlier version of it; "
                    "run `fastlabel check` again"
                )

    def _related(self, finding: Mapping[str, Any], evidence: Mapping[str, Any]) -> list[int]:
        """A group's images: the finding's own, then those that its evidence names."""
        others = evidence.get("related_images")
        found = [finding["image_id"], *(others if isinstance(others, list) else ())]
        return [i for i in found if isinstance(i, int) and 0 <= i < len(self.ds)]

    def _row(
        self, finding: Mapping[str, Any], evidence: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The action of a finding; None where a person has to decide."""
        code, annotation = finding["code"], finding["annotation_id"]
        fix = evidence.get("fix")
        if isinstance(fix, dict) and fix.get("action") in ACTIONS:
            return self._fixed(fix, finding)
        if annotation is not None:
            place = {"annotation_id": annotation}
            if finding["suggestion"] == "ignore":
                return {"action": "mark_ignore", **place}
            if code in _NO_BOX or code == _REPEATED:
                return {"action": "drop_box", **place}
            if code in (_SWAPPED, _OUTSIDE):
                return self._mended(code, annotation)
            return None
        if finding["image_id"] is not None and code in _PICTURES and self.images != "keep":
            return {"action": f"{self.images}_image", "image_id": finding["image_id"]}
        return None

    def _fixed(self, fix: Mapping[str, Any], finding: Mapping[str, Any]) -> dict[str, Any] | None:
        row: dict[str, Any] = {"action": fix["action"]}
        if fix["action"] == "add_box":
            row["image_id"] = finding["image_id"]
        elif finding["annotation_id"] is None:
            return None
        else:
            row["annotation_id"] = finding["annotation_id"]
        if fix["action"] in ("add_box", "replace_box"):
            box = self._inside(fix.get("box"), finding["image_id"])
            if box is None:
                return None
            row["box"] = box
        if fix["action"] in ("add_box", "relabel"):
            if fix.get("category_id") is None:
                return None
            row["category_id"] = fix["category_id"]
        return row

    def _mended(self, code: str, annotation: int) -> dict[str, Any] | None:
        row = self.ds.annotations.slice(annotation, 1).to_pylist()[0]
        box = [row[side] for side in ("x1", "y1", "x2", "y2")]
        if any(v is None or not math.isfinite(v) for v in box):
            return None
        if code == _SWAPPED:
            x1, y1, x2, y2 = box
            box = [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]
        box_inside = self._inside(box, row["image_id"])
        if box_inside is None:  # nothing of it lies in the image
            return {"action": "drop_box", "annotation_id": annotation}
        return {"action": "replace_box", "annotation_id": annotation, "box": box_inside}

    def _inside(self, box: Any, image: int | None) -> list[float] | None:
        """A box, cut at the image's edges, on whole pixels where the set has no others."""
        if not isinstance(box, list) or len(box) != 4 or image is None:
            return None
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in box):
            return None
        x1, y1, x2, y2 = (float(round(v) if self.whole_pixels else v) for v in box)
        row = self.ds.images.slice(image, 1).to_pylist()[0]
        width, height = self.places.size_of(row)
        limit_x, limit_y = width or math.inf, height or math.inf
        found = [max(x1, 0.0), max(y1, 0.0), min(x2, limit_x), min(y2, limit_y)]
        return found if found[0] < found[2] and found[1] < found[3] else None

    # --- several findings about one thing -----------------------------------------------

    def _wish(self, row: dict[str, Any], finding: Mapping[str, Any]) -> _Wish:
        score = 1.0 if finding["score"] is None else float(finding["score"])
        return _Wish(row, score, [finding["code"]], [finding["message"] or ""])

    def _picture(self, row: dict[str, Any], finding: Mapping[str, Any]) -> None:
        new = self._wish(row, finding)
        old = self.pictures.setdefault(row["image_id"], new)
        if old is not new:
            _join(old, new)

    def _box(self, row: dict[str, Any], finding: Mapping[str, Any]) -> None:
        new = self._wish(row, finding)
        wishes = self.about[row["annotation_id"]]
        old = wishes.get(row["action"])
        if old is not None and old.row == new.row:
            _join(old, new)
        elif old is None or new.score > old.score:
            self.overruled += old is not None
            wishes[row["action"]] = new
        else:
            self.overruled += 1

    def actions(self) -> list[dict[str, Any]]:
        """Rows for :meth:`Plan.from_actions`, by image; what cannot be done is counted."""
        found: list[_Wish] = []
        for image, wish in self.pictures.items():
            if image in self.disputed and wish.codes == [_COPIES]:
                self.for_person[_COPIES] += 1
                continue
            found.append(wish)
        gone = {wish.row["image_id"] for wish in found}
        image_of = self.ds.column("annotations", "image_id")
        places: set[tuple[Any, ...]] = set()
        for annotation, wishes in self.about.items():
            if int(image_of[annotation]) in gone:
                self.overruled += len(wishes)
                continue
            if not self._is_first_of(annotation, places):
                continue
            found += self._settled(wishes)
        found += [wish for wish in self.added if wish.row["image_id"] not in gone]
        found = [wish for wish in found if self._possible(wish)]
        found.sort(key=lambda wish: self._order(wish, image_of))
        return [
            {
                **wish.row,
                "codes": wish.codes,
                "reason": " ".join(dict.fromkeys(wish.reasons)),
                "score": min(max(wish.score, 0.0), 1.0),
            }
            for wish in found
        ]

    def _is_first_of(self, annotation: int, seen: set[tuple[Any, ...]]) -> bool:
        """Whether no other row is the same box of the same file, read for another split."""
        row = self.ds.annotations.slice(annotation, 1).to_pylist()[0]
        path = self.ds.images["path"][row["image_id"]].as_py()
        origin = row["origin"] or {}
        place = (path, *origin.values(), row["image_id"] if self.ds.format == "coco" else None)
        if self.ds.format == "voc":
            place = (*place, self.places.labels.rows_of(row["image_id"]).index(annotation))
        if place in seen:
            return False
        seen.add(place)
        return True

    def _settled(self, wishes: dict[str, _Wish]) -> list[_Wish]:
        """One box is dropped, or changed in several ways; the surest decides which."""
        drop = wishes.get(_ALONE)
        if drop is None or len(wishes) == 1:
            return list(wishes.values())
        others = [wish for action, wish in wishes.items() if action != _ALONE]
        if drop.score >= max(wish.score for wish in others):
            self.overruled += len(others)
            return [drop]
        self.overruled += 1
        return others

    def _possible(self, wish: _Wish) -> bool:
        row = wish.row
        image = row.get("image_id")
        if image is None:
            image = int(self.ds.column("annotations", "image_id")[row["annotation_id"]])
        action = "drop_image" if row["action"] in ABOUT_IMAGES else row["action"]
        box = row.get("box")
        reason = self._editor.why_not(
            Change(
                action,
                image,
                row.get("annotation_id"),
                row.get("category_id"),
                None if box is None else tuple(box),
                row.get("weight"),
            )
        )
        if reason is not None:
            self.impossible[f"{row['action']}: {reason}"] += 1
        return reason is None

    @property
    def _editor(self) -> Any:
        if not hasattr(self, "_made"):
            self._made = editor(self.ds, self.places.labels)
        return self._made

    def _order(self, wish: _Wish, image_of: Any) -> tuple[int, int, str]:
        row = wish.row
        annotation = row.get("annotation_id")
        image = row.get("image_id") if annotation is None else int(image_of[annotation])
        return int(image or 0), -1 if annotation is None else int(annotation), row["action"]

    def notes(self) -> list[str]:
        """What was left out, and why."""
        found = []
        if self.for_person:
            found.append(f"left to a person: {_listed(self.for_person)}")
        if self.unsure:
            found.append(f"not sure enough (--min-score): {_listed(self.unsure)}")
        if self.overruled:
            found.append(f"{self.overruled:,} that a surer finding about the same thing overrules")
        for reason, count in self.impossible.most_common():
            found.append(f"{count:,} that cannot be written: {reason}")
        return found


def _join(old: _Wish, new: _Wish) -> None:
    old.codes += [code for code in new.codes if code not in old.codes]
    old.reasons += new.reasons
    old.score = max(old.score, new.score)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[code]:,} {code}" for code in sorted(counts))


def _evidence(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
