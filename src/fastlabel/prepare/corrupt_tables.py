"""The tables of a set with errors made on purpose, and the ledger of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..dataset import Dataset
from ..schema import ERRORS, PROBLEMS

if TYPE_CHECKING:
    from .corrupt import _Corruption

__all__ = ["Tables"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass
class Tables:
    """The corrupted set and the ledger, of what was done to which rows."""

    run: _Corruption
    gone: npt.NDArray[np.bool_]
    new_box: dict[int, tuple[list[float], int]]
    added: list[tuple[int, int, int, list[float], int]]

    def made(self, settings: dict[str, Any]) -> tuple[Dataset, pa.Table]:
        """The new set, and the ledger."""
        run, count = self.run, len(self.gone)
        kept = np.flatnonzero(~self.gone)
        after = np.array([row for row, *_ in self.added], np.int64)
        order = np.argsort(np.concatenate([kept, after]), kind="stable")
        number = np.empty(len(order), np.int64)  # of kept rows, then of added ones
        number[order] = np.arange(len(order))
        new_of_old = np.full(count, -1, np.int64)
        new_of_old[kept] = number[: len(kept)]
        new_of_added = {
            (error, part): int(at)
            for (_, error, part, *_), at in zip(self.added, number[len(kept) :], strict=True)
        }
        annotations = self._annotations(kept, order)
        images = _with_states(run.dataset, annotations)
        problems = _renumbered(run.dataset.problems, new_of_old)
        noisy = replace(run.dataset, images=images, annotations=annotations, problems=problems)
        return noisy, self._ledger(new_of_old, new_of_added, settings)

    def _annotations(self, kept: IntArray, order: IntArray) -> pa.Table:
        run = self.run
        source = run.dataset.annotations
        changed = np.isin(kept, np.fromiter(self.new_box, np.int64, len(self.new_box)))
        table = source.take(pa.array(kept))
        boxes, classes = run.boxes[kept].copy(), run.class_of[kept].copy()
        where = np.searchsorted(kept, np.fromiter(self.new_box, np.int64, len(self.new_box)))
        moved = np.zeros(len(kept), bool)
        for at, (box, category) in zip(where.tolist(), self.new_box.values(), strict=True):
            moved[at] = box != boxes[at].tolist()
            boxes[at], classes[at] = box, category
        nulls = pa.Table.from_pydict(
            {f.name: pa.nulls(len(self.added), f.type) for f in source.schema}
        )
        table = pa.concat_tables([table.cast(_nullable(source.schema)), nulls])
        more = np.array([box for *_, box, _ in self.added], np.float64).reshape(-1, 4)
        boxes = np.concatenate([boxes, more])
        classes = np.concatenate([classes, np.array([c for *_, c in self.added], np.int64)])
        images = [run.errors[error].image for _, error, *_ in self.added]
        new = np.ones(len(self.added), bool)
        redrawn = np.concatenate([moved, new])
        own = np.concatenate([source["x1"].is_null().to_numpy()[kept], ~new])
        for column, name in enumerate(("x1", "y1", "x2", "y2")):
            table = _set(table, name, pa.array(boxes[:, column], mask=own))
        table = _set(table, "category_id", pa.array(classes, pa.int32(), mask=classes < 0))
        image_of = np.concatenate([run.image_of[kept], np.array(images, np.int64)])
        table = _set(table, "image_id", pa.array(image_of))
        table = self._told(table, boxes, redrawn, np.concatenate([changed, new]), classes)
        table = table.take(pa.array(order))
        table = _set(table, "annotation_id", pa.array(np.arange(table.num_rows)))
        return table.cast(source.schema)

    def _told(
        self,
        table: pa.Table,
        boxes: FloatArray,
        redrawn: npt.NDArray[np.bool_],
        changed: npt.NDArray[np.bool_],
        classes: IntArray,
    ) -> pa.Table:
        """What goes with a box, so that none of it tells the true one."""
        for name in ("segmentation", "obb"):
            values = table[name].to_pylist()
            if any(value is not None for value in values):
                hidden = [None if off else v for v, off in zip(values, redrawn, strict=True)]
                table = _set(table, name, pa.array(hidden, table.schema.field(name).type))
        if table["area"].null_count < len(self.gone):
            area = np.asarray(table["area"].fill_null(np.nan).to_numpy()).copy()
            sides = boxes[redrawn, 2:] - boxes[redrawn, :2]
            area[redrawn] = sides[:, 0] * sides[:, 1]
            table = _set(table, "area", pa.array(area, mask=np.isnan(area)))
        texts = table["source_category"].to_pylist()
        word: dict[int, str | None] = {}
        for category, text in zip(classes.tolist(), texts, strict=True):
            if text is not None:
                word.setdefault(category, text)
        ids = self.run.dataset.categories["source_id"].to_pylist()
        for at in np.flatnonzero(changed).tolist():
            category = int(classes[at])
            texts[at] = word.get(category, ids[category] or self.run.names[category])
        table = _set(table, "source_category", pa.array(texts, pa.string()))
        table = _set(table, "source_id", _new_ids(table["source_id"].to_pylist(), len(self.added)))
        origins = table["origin"].to_pylist()
        for at in np.flatnonzero(changed).tolist():
            if origins[at] is not None:
                origins[at] = {**origins[at], "raw": None}
        return _set(table, "origin", pa.array(origins, table.schema.field("origin").type))

    def _ledger(
        self,
        new_of_old: IntArray,
        new_of_added: dict[tuple[int, int], int],
        settings: dict[str, Any],
    ) -> pa.Table:
        names = self.run.dataset.images["file_name"].to_pylist()
        rows = []
        for number, error in enumerate(self.run.errors):
            own = [int(new_of_old[error.sources[0]])] if error.sources and error.after else []
            first = len(own)
            own += [new_of_added[number, part] for part in range(first, len(error.after))]
            after = [self.run.as_json(*new) for new in error.after]
            if error.kind == "duplicate":  # the second box is the error, and the first is right
                own, after = own[::-1], after[::-1]
            rows.append(
                {
                    "error_id": number,
                    "kind": error.kind,
                    "image_id": error.image,
                    "file_name": names[error.image],
                    "annotation_id": own[0] if own else None,
                    "source_annotation_id": error.sources[0] if error.sources else None,
                    "related": own[1:],
                    "related_sources": list(error.sources[1:]),
                    "before": json.dumps(error.before) if error.before else None,
                    "after": json.dumps(after) if after else None,
                }
            )
        table = pa.Table.from_pylist(rows, schema=ERRORS)
        return table.replace_schema_metadata({b"fastlabel.corrupt": json.dumps(settings)})


def _set(table: pa.Table, name: str, values: Any) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), values)


def _nullable(schema: pa.Schema) -> pa.Schema:
    return pa.schema([f.with_nullable(True) for f in schema])


def _new_ids(ids: list[str | None], added: int) -> pa.Array:
    """Ids for new rows that go on where the source's whole numbers end; else none."""
    known = [text for text in ids[: len(ids) - added] if text is not None]
    if known and all(text.isascii() and text.isdigit() for text in known):
        first = max(map(int, known)) + 1
        ids = ids[: len(ids) - added] + [str(first + k) for k in range(added)]
    return pa.array(ids, pa.string())


def _with_states(dataset: Dataset, annotations: pa.Table) -> pa.Table:
    """Images with labels none are left of, or with their first, say so."""
    filled = np.zeros(len(dataset), bool)
    filled[np.asarray(annotations["image_id"].to_numpy())] = True
    states = dataset.images["label_state"].to_pylist()
    for at, (state, some) in enumerate(zip(states, filled.tolist(), strict=True)):
        if state in ("labelled", "labelled_empty"):
            states[at] = "labelled" if some else "labelled_empty"
    return _set(dataset.images, "label_state", pa.array(states, pa.string()))


def _renumbered(problems: pa.Table, new_of_old: IntArray) -> pa.Table:
    """What the reader met, about the rows that are left."""
    rows = []
    for row in problems.to_pylist():
        if row["annotation_id"] is not None:
            row["annotation_id"] = int(new_of_old[row["annotation_id"]])
            if row["annotation_id"] < 0:
                continue
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=PROBLEMS)
