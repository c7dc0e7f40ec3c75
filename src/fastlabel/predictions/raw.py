"""Predictions of one source as it has them: its own names of images and classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .. import schema

__all__ = [
    "BOX_FORMATS",
    "Key",
    "Notes",
    "Raw",
    "clipped",
    "encoded",
    "joined",
    "merged_codes",
    "nothing",
]

#: How a source may write boxes; with ``n`` as shares of the image.
BOX_FORMATS = ("xyxy", "xywh", "cxcywh", "xyxyn", "xywhn", "cxcywhn")

#: Rows of one kind of problem that are told one by one; the rest is counted.
_TOLD = 100
_SHOWN = 80

Key = int | str | None


def clipped(value: object) -> str:
    """A value from the data as a short piece of a message."""
    text = repr(value) if isinstance(value, str) else str(value)
    text = re.sub(r"\s+", " ", text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


@dataclass
class Notes:
    """Problems of one source, each kind counted in full and told up to a number."""

    file: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(
        self,
        kind: str,
        message: str,
        *,
        pointer: str | None = None,
        line: int | None = None,
        file: str | None = None,
        value: object = None,
        image_id: int | None = None,
    ) -> None:
        """Note one."""
        self.rows.append(
            {
                "kind": kind,
                "image_id": image_id,
                "annotation_id": None,
                "file": self.file if file is None else file,
                "line": line,
                "pointer": pointer,
                "value": None if value is None else clipped(value),
                "message": message,
            }
        )

    def each(self, kind: str, rows: Iterable[int], tell: Callable[[int], dict[str, Any]]) -> int:
        """Note many of a kind: the first ones by `tell`, the others as a number."""
        every = list(rows)
        self.counts[kind] = self.counts.get(kind, 0) + len(every)
        for row in every[:_TOLD]:
            self.add(kind, **tell(row))
        rest = len(every) - _TOLD
        if rest > 0:
            after = tell(every[_TOLD])
            self.add(
                kind,
                f"and {rest:,} more of this kind, the next at "
                f"{after.get('pointer') or after.get('line')}",
                value=rest,
            )
        return len(every)

    def table(self) -> pa.Table:
        """As ``schema.PROBLEMS``."""
        return pa.Table.from_pylist(self.rows, schema=schema.PROBLEMS)


@dataclass
class Raw:
    """Columns of one source, a row a prediction."""

    place: str  # the file, in messages
    image_codes: NDArray[np.int64]
    image_keys: list[Key]
    class_codes: NDArray[np.int64]
    class_keys: list[Key]
    boxes: NDArray[np.float64]  # (N, 4) as written
    box_format: str
    scores: NDArray[np.float64]  # NaN where there is none
    notes: Notes
    #: where each row stands: its index in the source; the files they are of
    index: NDArray[np.int64] | None = None
    files: list[str] | None = None
    file_codes: NDArray[np.int64] | None = None
    by_line: bool = False
    #: names that the source gives its class ids
    names: dict[int, str] = field(default_factory=dict)
    #: every class the model knows, where the source says so
    classes: list[str] | None = None
    #: every image that was looked at, where the source says so
    seen: list[Key] | None = None
    #: (width, height) that the source gives for the image of each row
    sizes: NDArray[np.float64] | None = None
    model: str | None = None
    #: classes of the model that the set calls otherwise, where the source says so
    mapped: dict[str, str | None] = field(default_factory=dict)
    #: image_keys are rows of the data set
    own_ids: bool = False

    def __len__(self) -> int:
        return len(self.scores)

    def at(self, row: int) -> dict[str, Any]:
        """Where a row stands, for a problem."""
        index = row if self.index is None else int(self.index[row])
        file = None
        if self.files is not None and self.file_codes is not None:
            file = self.files[int(self.file_codes[row])]
        if self.by_line:
            return {"line": index, "file": file}
        return {"pointer": f"/{index}", "file": file}

    def spot(self, row: int) -> str:
        """The same as text."""
        at = self.at(row)
        file = at["file"] or self.place
        return f"{file}:{at['line']}" if self.by_line else f"{file}#{at['pointer']}"

    def origins(self, rows: NDArray[np.int64]) -> pa.Array:
        """The column ``origin`` of some rows."""
        index = rows if self.index is None else self.index[rows]
        number = pa.array(index).cast(pa.string())
        sign = ":" if self.by_line else "#/"
        if self.files is None or self.file_codes is None:
            # Without its folder: two million rows repeat it.
            name = self.place.replace("\\", "/").rpartition("/")[2]
            return pc.binary_join_element_wise(name + sign, number, "")
        names = pa.array([name + sign for name in self.files], pa.string())
        return pc.binary_join_element_wise(names.take(pa.array(self.file_codes[rows])), number, "")


def joined(first: Raw, second: Raw) -> Raw:
    """Rows of two pieces of one source, in the order of their index."""
    assert first.index is not None and second.index is not None
    index = np.concatenate([first.index, second.index])
    order = np.argsort(index, kind="stable")
    first.notes.rows += second.notes.rows
    images = np.concatenate([first.image_codes, second.image_codes + len(first.image_keys)])
    classes = np.concatenate([first.class_codes, second.class_codes + len(first.class_keys)])
    return Raw(
        first.place,
        images[order],
        [*first.image_keys, *second.image_keys],
        classes[order],
        [*first.class_keys, *second.class_keys],
        np.concatenate([first.boxes, second.boxes])[order],
        first.box_format,
        np.concatenate([first.scores, second.scores])[order],
        first.notes,
        index=index[order],
    )


def encoded(column: pa.Array | pa.ChunkedArray) -> tuple[NDArray[np.int64], list[Any]]:
    """A column as codes and distinct values; a null is the value None."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of no chunks, or too large for one
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = column.dictionary_encode(null_encoding="encode")
    codes = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)
    return codes, coded.dictionary.to_pylist()


def nothing(codes: NDArray[np.int64], values: list[Any]) -> NDArray[np.bool_]:
    """Rows whose value is None, under whichever codes."""
    return np.isin(codes, [k for k, value in enumerate(values) if value is None])


def merged_codes(
    first: tuple[NDArray[np.int64], list[Any]], second: tuple[NDArray[np.int64], list[Any]]
) -> tuple[NDArray[np.int64], list[Any]]:
    """Take the first column, and the second where that is None."""
    codes, values = first
    empty = nothing(codes, values)
    if not empty.any():
        return first
    return np.where(empty, second[0] + len(values), codes), [*values, *second[1]]
