"""Ids of any type as columns, and the joins on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..dataset import null_column

__all__ = ["IdTable", "Keys"]

#: Rows looked up at once: what a block needs beside the column itself stays small.
_BLOCK = 1 << 18


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
        repeats = []
        firsts: dict[int, int] = {}
        # Whole numbers.
        at = np.arange(len(keys)) if keys.kinds is None else keys.rows(Keys.INT)
        numbers = keys.numbers if keys.kinds is None else keys.numbers[at]
        if len(numbers) > 1 and not bool(np.all(numbers[1:] > numbers[:-1])):
            order = np.argsort(numbers, kind="stable")
            numbers, at = numbers[order], at[order]
            again = np.zeros(len(numbers), dtype=bool)
            again[1:] = numbers[1:] == numbers[:-1]
            starts = np.flatnonzero(~again)
            first_of = at[starts[np.cumsum(~again) - 1]]
            for row, first in zip(at[again].tolist(), first_of[again].tolist(), strict=True):
                repeats.append(row)
                firsts[row] = first
            numbers, at = numbers[~again], at[~again]
        self._numbers = numbers
        self._values = values[at]
        self._dense: npt.NDArray[np.int64] | None = None
        if len(numbers):
            self._low, self._high = int(numbers[0]), int(numbers[-1])
            span = self._high - self._low + 1
            if span <= 4 * len(numbers) + (1 << 20):
                self._dense = np.full(span, -1, dtype=np.int64)
                self._dense[numbers - self._low] = self._values
                self._numbers = self._values = numbers[:0].copy()
        # Texts.
        at = keys.rows(Keys.TEXT) if keys.kinds is not None else np.zeros(0, dtype=np.int64)
        self._texts = keys.all_texts().take(at) if len(at) else pa.array([], pa.string())
        self._text_values = values[at]
        if len(at):
            codes = self._texts.dictionary_encode()
            where, found = np.unique(np.asarray(codes.indices), return_index=True)
            if len(where) != len(at):
                first = at[found][np.asarray(codes.indices)]
                for row, earlier in zip(at.tolist(), first.tolist(), strict=True):
                    if row != earlier:
                        repeats.append(row)
                        firsts[row] = earlier
            self._texts, self._text_values = codes.dictionary, values[at[found]]
        # Whatever else.
        self._objects: dict[Any, int] = {}
        rows: dict[Any, int] = {}
        for row in keys.rows(Keys.OBJECT).tolist() if keys.objects else ():
            key = keys.value(row)
            if key in rows:
                repeats.append(row)
                firsts[row] = rows[key]
            else:
                rows[key] = row
                self._objects[key] = int(values[row])
        #: rows whose id an earlier row has, rising, and that earlier row of each
        self.repeats: list[int] = sorted(repeats)
        self.firsts = firsts

    def match(self, keys: Keys) -> npt.NDArray[np.int64]:
        """What each id stands for, -1 where it is none of these.

        Where all are whole numbers and known, the answer takes the place of ``keys.numbers``.
        """
        if keys.kinds is None:
            blocks = range(0, len(keys), _BLOCK)
            for start in blocks:
                block = keys.numbers[start : start + _BLOCK]
                found = self._match_numbers(block)
                if len(found) and int(found.min()) < 0:
                    break
            else:
                for start in blocks:
                    block = keys.numbers[start : start + _BLOCK]
                    block[:] = self._match_numbers(block)
                return keys.numbers
            parts = [self._match_numbers(keys.numbers[at : at + _BLOCK]) for at in blocks]
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
            return np.where(known, found, -1)
        at = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        return np.where(self._numbers[at] == numbers, self._values[at], -1)

    def get(self, value: Any) -> int | None:
        """What one id stands for."""
        found = int(self.match(Keys.of([value]))[0])
        return None if found < 0 else found
