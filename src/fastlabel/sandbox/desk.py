"""The review desk: findings, decisions, and what the page is told of them."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..clean.findings import proposals
from ..clean.review.tasks import Book
from ..dataset import DatasetError
from ..report.rows import Finding, findings_at
from ..report.text import visible
from ..rules import RULES
from .cards import STATES, Cards, Filter
from .decided import as_edits, boxes_after, checked_edits, round_of
from .guard import ApiError
from .journal import VERBS, Event, Journal
from .pictures import Pictures

if TYPE_CHECKING:
    import pyarrow as pa

    from ..clean.review.rounds import ReviewRound
    from ..config import Config
    from ..dataset import Dataset
    from ..predictions import Predictions

__all__ = ["JOURNAL", "Desk", "stamp_of"]

#: Beside the findings.
JOURNAL = "review.sqlite"
_STATE = {"accept": 1, "dismiss": 2, "skip": 3}
#: What the sentence of a card asks for, by what the rule suggests.
_ASKS = {
    "review": "right or wrong?",
    "relabel": "another class?",
    "ignore": "mark it to be ignored?",
    "exclude": "exclude it?",
    "fix-file": "is the file broken?",
    "collect": "is that so?",
    "split": "does it leak?",
}
#: Predictions and other findings that a card shows.
_MOST_GUESSES, _MOST_ALSO = 200, 12
_AHEAD = 3


class Desk:
    """One review of the findings of a data set.

    Parameters
    ----------
    ds : Dataset
        What the findings are about.
    findings : pyarrow.Table
        As :data:`fastlabel.schema.FINDINGS`.
    journal : Journal
        Earlier decisions, and where new ones go.
    predictions : Predictions, optional
        Drawn beside the labels.
    config : Config, optional
        Its ``[review]`` orders the cards.
    file : str, optional
        The label file, where one alone was read.
    """

    def __init__(
        self,
        ds: Dataset,
        findings: pa.Table,
        journal: Journal,
        *,
        predictions: Predictions | None = None,
        config: Config | None = None,
        file: str | None = None,
    ) -> None:
        self.ds, self.findings = ds, findings.combine_chunks()
        self.journal, self.file = journal, file
        self.summary: dict[str, Any] = {"findings": {"by_code": []}}
        self.pictures = Pictures(ds)
        self.book = Book(ds)
        self.cards = Cards(ds, findings, config)
        self._guesses = None if predictions is None else _Guesses(predictions)
        self._propose: Callable[[Mapping[str, Any]], list[dict[str, Any]]] | None = None
        if ds.format != "images":
            self._propose = proposals(ds)
        self._lock = threading.RLock()
        self._events: dict[int, Event] = {}
        self._of_finding: dict[int, list[int]] = defaultdict(list)
        self._of_image: dict[int, list[int]] = defaultdict(list)
        for event in journal.events():
            self._learn(event)
        self._begun = max(self._events, default=0)

    # --- decisions ----------------------------------------------------------------------

    def _learn(self, event: Event) -> None:
        self._events[event.number] = event
        self._of_finding[event.finding].append(event.number)
        self._of_image[event.image].append(event.number)
        self._restate(event.finding)

    def _restate(self, finding: int) -> None:
        numbers = [n for n in self._of_finding[finding] if self._events[n].verb in _STATE]
        card = self.cards.at[finding]
        self.cards.put(card, _STATE[self._events[numbers[-1]].verb] if numbers else 0)

    def decide(self, given: Mapping[str, Any]) -> int:
        """Keep a decision of a page; it is on disk when this returns.

        Parameters
        ----------
        given : mapping
            ``finding``, ``verb``, ``edits``, ``seen`` and ``image_seen`` (what the page knew),
            ``tab``.

        Returns
        -------
        int
            The card.

        Raises
        ------
        ApiError
            409 where another tab has decided in the meantime; then nothing is kept.
        """
        card = self.card_of(given.get("finding"))
        verb, tab = given.get("verb"), given.get("tab")
        if verb not in VERBS:
            raise ApiError(400, "verb", f"verb: expected one of {', '.join(VERBS)}")
        if not isinstance(tab, str) or not 1 <= len(tab) <= 64:
            raise ApiError(400, "tab", "tab: expected the page's own name")
        finding, image = int(self.cards.finding[card]), int(self.cards.image[card])
        with self._lock:
            if given.get("seen") != _last(self._of_finding[finding]):
                raise ApiError(409, "decided", "another tab has decided about this finding")
            if given.get("image_seen") != _last(self._of_image[image]):
                raise ApiError(409, "decided", "another tab has changed this picture's boxes")
            size = self.book.size(image)
            known = boxes_after(self.book, image, self._decided(image))
            edits = checked_edits(given.get("edits") or [], known, size, len(self.ds.categories))
            if verb == "accept" and not edits and not self._is_edited(finding):
                edits = as_edits(self._proposed(finding))
            if verb == "edit" and not edits:
                raise ApiError(400, "edits", "nothing was changed")
            self._learn(self.journal.add(finding, image, verb, edits, tab))
        return card

    def undo(self, tab: Any) -> int | None:
        """Take back the last decision of this tab; its card, or None where there is none.

        A tab that was just opened takes back the last one of an earlier run.
        """
        with self._lock:
            mine = [n for n, e in self._events.items() if e.tab == tab]
            mine = mine or [n for n in self._events if n <= self._begun]
            if not mine:
                return None
            event = self._events[max(mine)]
            self.journal.undo(event.number)
            del self._events[event.number]
            self._of_finding[event.finding].remove(event.number)
            self._of_image[event.image].remove(event.number)
            self._restate(event.finding)
            return int(self.cards.at[event.finding])

    def _is_edited(self, finding: int) -> bool:
        """Whether its card was left with changes: they stand for what the finding proposes."""
        return any(self._events[n].verb == "edit" for n in self._of_finding.get(finding, ()))

    def _decided(self, image: int) -> list[Event]:
        return [self._events[n] for n in self._of_image.get(image, ())]

    def _proposed(self, finding: int) -> list[dict[str, Any]]:
        if self._propose is None:
            return []
        return self._propose(self.findings.slice(finding, 1).to_pylist()[0])

    def round(self) -> ReviewRound:
        """The plan and the verdicts of all decisions."""
        with self._lock:
            events = [self._events[n] for n in sorted(self._events)]
        return round_of(self.book, self.findings, events, file=self.file)

    # --- what the page is told ----------------------------------------------------------

    def card_of(self, finding: Any) -> int:
        """The card of a finding.

        Raises
        ------
        ApiError
            If there is none.
        """
        whole = isinstance(finding, int) and not isinstance(finding, bool)
        if not whole or not 0 <= finding < len(self.cards.at) or self.cards.at[finding] < 0:
            raise ApiError(404, "finding", "there is no such finding on the desk")
        return int(self.cards.at[finding])

    def about(self) -> dict[str, Any]:
        """What stays the same: the set, its classes, the rules that found something."""
        codes = Counter(self.cards.codes[k] for k in self.cards.code.tolist())
        classes = np.unique(self.cards.category)
        splits = np.unique(self.cards.split)
        return {
            "name": visible(Path(self.ds.root).resolve().name, 60),
            "cards": len(self.cards),
            "elsewhere": int((self.cards.at < 0).sum()),
            "classes": [visible(label, 80) for label in self.book.labels],
            "found_classes": [k for k in classes.tolist() if k >= 0],
            "codes": [{"code": c, "name": self._name(c), "count": codes[c]} for c in sorted(codes)],
            "splits": [
                {
                    "value": self.cards.splits[k],
                    "name": visible(self.cards.splits[k] or "no split", 40),
                }
                for k in splits.tolist()
            ],
            "earlier": len(self._events),
            "moved": None if self.journal.moved is None else self.journal.moved.name,
        }

    @staticmethod
    def _name(code: str) -> str:
        rule = RULES.get(code)
        return visible(rule.name.replace("-", " ") if rule is not None else code, 60)

    def card(self, at: int, wanted: Filter) -> dict[str, Any]:
        """All that the page needs to show one card, and the addresses of the next pictures."""
        (finding,) = findings_at(self, [int(self.cards.finding[at])])
        image = int(self.cards.image[at])
        with self._lock:
            events = self._decided(image)
            numbers = self._of_finding.get(finding.row, [])
            shown = {
                "card": at,
                "finding": finding.row,
                "seen": _last(numbers),
                "image_seen": _last(self._of_image.get(image, [])),
                "state": STATES[self.cards.state[at]],
                "edited": self._is_edited(finding.row),
            }
        proposed = [] if shown["edited"] else self._proposed(finding.row)
        size = self.book.size(image) or self.pictures.size_or(image)
        related = set(finding.related("related_annotations"))
        return {
            **shown,
            "code": finding.code,
            "name": self._name(finding.code),
            "severity": finding.severity,
            "message": visible(finding.message, 600),
            "asks": _ASKS.get(finding.suggestion, ""),
            "score": finding.score,
            "class": visible(finding.category, 80) if finding.annotation_id is not None else None,
            "place": visible(finding.place, 160),
            "image": self._image(image, finding, size),
            "twin": self._twin(finding),
            "boxes": self._boxes(image, events, finding, related),
            "guesses": [] if self._guesses is None else self._guesses.of(image),
            "proposed": self._told(proposed),
            "also": self._also(at),
            "ahead": self._ahead(at, wanted),
            "progress": self.cards.counts(wanted),
        }

    def _image(self, image: int, finding: Finding, size: tuple[int, int]) -> dict[str, Any]:
        return {
            "id": self.pictures.id(image),
            "name": visible(finding.image or finding.path, 200),
            "split": visible(finding.split or "", 40),
            "width": size[0],
            "height": size[1],
        }

    def _twin(self, finding: Finding) -> dict[str, Any] | None:
        """The other picture, where a finding compares two."""
        others = [i for i in finding.related("related_images") if i != finding.image_id]
        if not others or not 0 <= others[0] < len(self.ds):
            return None
        name = self.ds.images["file_name"][others[0]].as_py()
        return {"id": self.pictures.id(others[0]), "name": visible(name, 200)}

    def _boxes(
        self, image: int, events: list[Event], finding: Finding, related: set[int]
    ) -> list[dict[str, Any]]:
        found = []
        for key, box in boxes_after(self.book, image, events).items():
            row = int(key[1:]) if key[0] == "a" else -1
            kind = "subject" if row == finding.annotation_id else "other"
            if row in related and kind != "subject":
                kind = "related"
            finite = bool(np.isfinite(box["box"]).all())
            found.append({**box, "key": key, "kind": kind, "box": box["box"] if finite else None})
        return found

    def _told(self, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
        """What accepting does, in words, and the box of it."""
        if not rows:
            return None
        row = rows[0]
        category = row.get("category_id")
        label = None if category is None else self.book.labels[category]
        words = {
            "relabel": f"change the class to {visible(label, 60)}",
            "replace_box": "move the box to the dashed place",
            "add_box": f"add the dashed box as {visible(label, 60)}",
            "drop_box": "delete the box",
            "mark_ignore": "mark the box to be ignored",
            "quarantine_image": "put the picture aside",
        }
        if row["action"] == "quarantine_image" and len(rows) > 1:
            words["quarantine_image"] = f"put its {len(rows):,} copies aside"
        return {
            "action": row["action"],
            "words": words.get(row["action"], row["action"]),
            "box": row.get("box"),
            "category": category,
        }

    def _also(self, at: int) -> list[dict[str, Any]]:
        """Other findings about the same box."""
        return [
            {
                "finding": int(self.cards.finding[k]),
                "code": self.cards.codes[self.cards.code[k]],
                "name": self._name(self.cards.codes[self.cards.code[k]]),
                "state": STATES[self.cards.state[k]],
            }
            for k in self.cards.same_box(at)[:_MOST_ALSO]
        ]

    def _ahead(self, at: int, wanted: Filter) -> list[str]:
        images = self.cards.image[self.cards.after(wanted, at + 1, _AHEAD)].tolist()
        return [self.pictures.id(i) for i in dict.fromkeys(images)]

    def tiles(self, wanted: Filter, start: int, most: int) -> dict[str, Any]:
        """Some cards of the grid, from a place of the filtered list on."""
        places = np.flatnonzero(self.cards.shown(wanted))
        some = places[start : start + most].tolist()
        found = []
        for at, finding in zip(
            some, findings_at(self, self.cards.finding[some].tolist()), strict=True
        ):
            image = int(self.cards.image[at])
            size = self.book.size(image) or self.pictures.size_or(image)
            box = None if finding.box is None or None in finding.box else list(finding.box)
            if box is not None and not np.isfinite(np.array(box, float)).all():
                box = None
            found.append(
                {
                    "finding": finding.row,
                    "code": finding.code,
                    "name": self._name(finding.code),
                    "severity": finding.severity,
                    "message": visible(finding.message, 160),
                    "state": STATES[self.cards.state[at]],
                    "score": finding.score,
                    "image": self._image(image, finding, size),
                    "box": box,
                }
            )
        return {"cards": found, "total": len(places), "progress": self.cards.counts(wanted)}


class _Guesses:
    """Predicted boxes by image."""

    def __init__(self, predictions: Predictions) -> None:
        self.table = predictions.table
        image = self.table["image_id"].to_numpy()
        self.order = np.argsort(image, kind="stable")
        self.image = image[self.order]

    def of(self, image: int) -> list[dict[str, Any]]:
        first, stop = np.searchsorted(self.image, [image, image + 1])
        rows = self.table.take(self.order[first:stop]).to_pylist()
        rows = [r for r in rows if np.isfinite([r[c] for c in ("x1", "y1", "x2", "y2")]).all()]
        rows.sort(key=lambda r: -r["score"])
        return [
            {
                "box": [r["x1"], r["y1"], r["x2"], r["y2"]],
                "name": visible(r["name"], 60),
                "score": r["score"],
            }
            for r in rows[:_MOST_GUESSES]
        ]


def _last(numbers: list[int]) -> int:
    return numbers[-1] if numbers else 0


def stamp_of(file: Path) -> str:
    """What tells one table of findings from another: a hash of its file."""
    told = hashlib.blake2b(digest_size=16)
    try:
        with file.open("rb") as data:
            while part := data.read(1 << 22):
                told.update(part)
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror or error}") from error
    return told.hexdigest()
