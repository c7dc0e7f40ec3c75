"""Ids of any type as columns, and the joins on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import _core
from ..dataset import null_column

__all__ = ["BLOCK", "IdTable", "Keys", "repeats"]

#: Rows looked up at once: what a block needs beside the column itself stays small.
BLOCK = 1 << 18

#: Rows compared with each other at once.
_PART = 1 << 19


@dataclass
class Keys:
    """One id a row, equal where Python's objects are equal: 1, 1.0 and True are one id."""

    NONE: ClassVar[int] = 0  # none given, or a list or an object
    INT: ClassVar[int] = 1
    TEXT: ClassVar[int] = 2
    OBJECT: ClassVar[int] = 3  # whatever else: its number in ``objects``

    numbers: npt.NDArray[np.int64]
    #: None: every one is ``INT``
    kinds: npt.NDArray[np.uint8] | None = None
    texts: pa.Array | None = None
    objects: list[Any] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.numbers)

    @classmethod
    def of(cls, values: list[Any]) -> Keys:
        """The ids of Python objects."""
        kinds = np.zeros(len(values), dtype=np.uint8)
        numbers = np.zeros(len(values), dtype=np.int64)
        texts: list[str | None] = [None] * len(values)
        objects: list[Any] = []
        for row, value in enumerate(values):
            if value is None or isinstance(value, list | dict):
                continue
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if isinstance(value, int) and -(2**63) <= value < 2**63:
                kinds[row], numbers[row] = cls.INT, int(value)
            elif isinstance(value, str) and _is_unicode(value):
                kinds[row], texts[row] = cls.TEXT, value
            else:
                kinds[row], numbers[row] = cls.OBJECT, len(objects)
                objects.append(value)
        return cls(numbers, kinds, pa.array(texts, pa.string()), objects)

    def merged(self, other: Keys, order: npt.NDArray[np.int64]) -> Keys:
        """Rows of both, this one's first, in a new order."""
        kinds = np.concatenate([self.all_kinds(), other.all_kinds()])
        numbers = np.concatenate(
            [self.numbers, other.numbers + (other.all_kinds() == self.OBJECT) * len(self.objects)]
        )
        texts = pa.concat_arrays([self.all_texts(), other.all_texts()])
        return Keys(
            numbers[order], kinds[order], texts.take(order), [*self.objects, *other.objects]
        )

    def all_kinds(self) -> npt.NDArray[np.uint8]:
        """``kinds`` at full length."""
        if self.kinds is None:
            return np.full(len(self), self.INT, dtype=np.uint8)
        return self.kinds

    def all_texts(self) -> pa.Array:
        """``texts`` at full length."""
        return null_column(len(self), pa.string()) if self.texts is None else self.texts

    def rows(self, kind: int) -> npt.NDArray[np.int64]:
        """The rows of one kind."""
        return np.flatnonzero(self.all_kinds() == kind)

    def take(self, rows: npt.NDArray[np.int64]) -> Keys:
        """Some of the rows."""
        texts = None if self.texts is None else self.texts.take(rows)
        return Keys(
            self.numbers[rows],
            None if self.kinds is None else self.kinds[rows],
            texts,
            self.objects,
        )

    def value(self, row: int) -> Any:
        """One id as the object that stands for all its equals; None where there is none."""
        kind = self.INT if self.kinds is None else int(self.kinds[row])
        if kind == self.INT:
            return int(self.numbers[row])
        if kind == self.TEXT:
            return self.all_texts()[row].as_py()
        return self.objects[int(self.numbers[row])] if kind == self.OBJECT else None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def repeats(keys: Keys) -> dict[int, int]:
    """Rows whose id an earlier row has, rising, each with the first row that has it.

    However many rows there are, little is needed beside the column: ids are compared part by
    part, and equal ones are always in the same part. ``keys.numbers`` of rows that are no whole
    number are used up.
    """
    codes, kinds = keys.numbers, keys.kinds
    objects = keys.rows(Keys.OBJECT) if keys.objects else np.zeros(0, dtype=np.int64)
    first: dict[Any, int] = {}
    found = _again(((row, keys.value(row)) for row in objects.tolist()), first)
    if kinds is not None:
        _name_others(keys, kinds)
    rows = _occurring_twice(codes)
    if kinds is not None:
        rows = rows[(kinds[rows] == Keys.INT) | (kinds[rows] == Keys.TEXT)]
    found |= _again(((row, keys.value(row)) for row in rows.tolist()), first)
    return dict(sorted(found.items()))


def _name_others(keys: Keys, kinds: npt.NDArray[np.uint8]) -> None:
    """Give rows that are no whole number one: texts their hash, others what no other has."""
    for at in range(0, len(keys), BLOCK):
        block, kind = keys.numbers[at : at + BLOCK], kinds[at : at + BLOCK]
        if keys.texts is not None:
            hashes = _hashes(keys.texts.slice(at, BLOCK))
            np.copyto(block, hashes, where=kind == Keys.TEXT)
        others = (kind != Keys.INT) & (kind != Keys.TEXT)
        np.copyto(block, np.arange(at, at + len(block)), where=others)


def _again(rows: Iterable[tuple[int, Any]], first: dict[Any, int]) -> dict[int, int]:
    return {row: first[key] for row, key in rows if first.setdefault(key, row) != row}


def _hashes(texts: pa.Array) -> npt.NDArray[np.int64]:
    """A number of each text, the same for equal texts."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    low, high = int(ends[0]), int(ends[-1])
    block = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)[low:high]
    return _core.hash_slices(block, ends.astype(np.int64) - low).view(np.int64)[:, 0]


def _occurring_twice(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows whose number another row has too, rising."""
    found = [np.zeros(0, dtype=np.int64)]
    bits = (len(codes) // _PART).bit_length()
    for part in range(1 << bits):
        rows = _part_of(codes, part, bits)
        own = codes if rows is None else codes[rows]
        ordered = np.sort(own)
        again = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(again):
            at = np.flatnonzero(np.isin(own, np.unique(again)))
            found.append(at if rows is None else rows[at])
    return np.sort(np.concatenate(found))


def _part_of(codes: npt.NDArray[np.int64], part: int, bits: int) -> npt.NDArray[np.int64] | None:
    """Rows of one of ``2 ** bits`` parts; None: all."""
    if bits == 0:
        return None
    # Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): near ids go far apart.
    spread, shift = np.uint64(0x9E3779B97F4A7C15), np.uint64(64 - bits)
    blocks = []
    for at in range(0, len(codes), BLOCK):
        block = codes[at : at + BLOCK].view(np.uint64)
        blocks.append(np.flatnonzero((block * spread) >> shift == part) + at)
    return np.concatenate(blocks)


class IdTable:
    """From ids to what they stand for; an id given twice stands for its first.

    Parameters
    ----------
    keys : Keys
        The ids.
    values : numpy.ndarray
        int64, what each stands for; not negative.
    """

    def __init__(self, keys: Keys, values: npt.NDArray[np.int64]) -> None:
        # Whole numbers.
        at = np.arange(len(keys)) if keys.kinds is None else keys.rows(Keys.INT)
        numbers = keys.numbers if keys.kinds is None else keys.numbers[at]
        all_differ = True
        if len(numbers) > 1 and not bool(np.all(numbers[1:] > numbers[:-1])):
            numbers, first = np.unique(numbers, return_index=True)
            all_differ = len(first) == len(at)
            at = at[first]
        self._numbers = numbers
        self._values = values[at]
        self._dense: npt.NDArray[Any] | None = None
        if len(numbers):
            self._low, self._high = int(numbers[0]), int(numbers[-1])
            span = self._high - self._low + 1
            if span <= 4 * len(numbers) + (1 << 20):
                small = int(self._values.max()) < 2**31
                self._dense = np.full(span, -1, dtype=np.int32 if small else np.int64)
                self._dense[numbers - self._low] = self._values
                self._numbers = self._values = numbers[:0].copy()
        # Texts.
        at = keys.rows(Keys.TEXT) if keys.kinds is not None else np.zeros(0, dtype=np.int64)
        self._texts = keys.all_texts().take(at) if len(at) else pa.array([], pa.string())
        self._text_values = values[at]
        if len(at):
            codes = self._texts.dictionary_encode()
            where, found = np.unique(np.asarray(codes.indices), return_index=True)
            all_differ = all_differ and len(where) == len(at)
            self._texts, self._text_values = codes.dictionary, values[at[found]]
        # Whatever else.
        self._objects: dict[Any, int] = {}
        others = keys.rows(Keys.OBJECT).tolist() if keys.objects else []
        for row in others:
            self._objects.setdefault(keys.value(row), int(values[row]))
        all_differ = all_differ and len(self._objects) == len(others)
        #: rows whose id an earlier row has, rising
        self.repeats = [] if all_differ else list(repeats(keys))

    def match(self, keys: Keys) -> npt.NDArray[np.int64]:
        """What each id stands for, -1 where it is none of these.

        Where all are whole numbers and known, the answer takes the place of ``keys.numbers``.
        """
        if keys.kinds is None:
            blocks = range(0, len(keys), BLOCK)
            for start in blocks:
                block = keys.numbers[start : start + BLOCK]
                found = self._match_numbers(block)
                if len(found) and int(found.min()) < 0:
                    break
            else:
                for start in blocks:
                    block = keys.numbers[start : start + BLOCK]
                    block[:] = self._match_numbers(block)
                return keys.numbers
            parts = [self._match_numbers(keys.numbers[at : at + BLOCK]) for at in blocks]
            return np.concatenate(parts)
        out = np.full(len(keys), -1, dtype=np.int64)
        at = keys.rows(Keys.INT)
        out[at] = self._match_numbers(keys.numbers[at])
        at = keys.rows(Keys.TEXT)
        if len(at) and len(self._texts):
            found = pc.index_in(keys.all_texts().take(at), value_set=self._texts)
            places = np.asarray(found.fill_null(-1))
            out[at] = np.where(places >= 0, self._text_values[places], -1)
        for row in keys.rows(Keys.OBJECT).tolist():
            out[row] = self._objects.get(keys.value(row), -1)
        return out

    def _match_numbers(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if self._dense is None and not len(self._numbers):
            return np.full(len(numbers), -1, dtype=np.int64)
        known = (numbers >= self._low) & (numbers <= self._high)
        if self._dense is not None:
            found = self._dense[np.where(known, numbers, self._low) - self._low]
            return np.where(known, found, np.int64(-1))
        at = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        return np.where(self._numbers[at] == numbers, self._values[at], -1)

    def get(self, value: Any) -> int | None:
        """What one id stands for."""
        found = int(self.match(Keys.of([value]))[0])
        return None if found < 0 else found
