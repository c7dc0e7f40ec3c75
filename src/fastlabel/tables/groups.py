"""The groups that stand in a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._arrays import to_numpy
from .._arrow import arrow_batches, column_values, is_arrow
from .axes import Category
from .columns import known_rows

if TYPE_CHECKING:
    from .._core import ArrowColumn

__all__ = ["grouped_axis"]


def grouped_axis(groups: Any, name: str) -> tuple[Category, Any]:
    """The categories that stand in a column, texts or whole numbers from 0; and the column."""
    if is_arrow(groups):
        found: set[Any] = set()
        for _, columns in arrow_batches(groups, name):
            if len(columns) != 1:
                raise ValueError(f"{name}: got {len(columns)} columns, expected one")
            found |= _in_arrow(columns[0], name)
        return _category(found, name), groups
    if isinstance(groups, (list, tuple)) and any(isinstance(v, str) for v in groups):
        # As they stand: NumPy would make texts of all of them.
        return _category(_in_texts(groups, name), name), list(groups)
    array = to_numpy(groups, name)
    if array.dtype.kind in "UO":
        return _category(_in_texts(array.ravel().tolist(), name), name), array
    return _category(_in_numbers(array, name), name), array


def _in_texts(values: Any, name: str) -> set[str]:
    texts = set()
    for k, value in enumerate(values):
        if isinstance(value, str):
            texts.add(value)
        elif value is not None and value == value:  # NaN is unknown, as None is
            raise TypeError(f"{name}[{k}]: got {type(value).__name__}, expected text or None")
    return texts


def _in_numbers(values: NDArray[Any], name: str) -> set[int]:
    if values.dtype.kind not in "iub":
        raise TypeError(f"{name}: got dtype {values.dtype}, expected whole numbers or texts")
    return {int(values.max())} if values.size else set()


def _in_arrow(column: ArrowColumn, name: str) -> set[Any]:
    known = known_rows(column)
    if column.kind == "numbers":
        return _in_numbers(column_values(column)[known], name)
    if column.kind == "text":
        texts = column.texts()
        return {texts[k] for k in np.flatnonzero(known).tolist()}
    if column.kind == "dictionary":
        inner = column.children[0]
        used = np.zeros(inner.length, bool)
        used[column.values[known]] = True
        used &= known_rows(inner)
        if inner.kind == "numbers":
            return _in_numbers(column_values(inner)[used], name)
        if inner.kind == "text":
            texts = inner.texts()
            return {texts[k] for k in np.flatnonzero(used).tolist()}
    raise TypeError(f"{name}: got {column.kind.replace('_', ' ')}, expected whole numbers or texts")


def _category(found: set[Any], name: str) -> Category:
    """Every text, sorted; or 0 to the greatest number."""
    if any(isinstance(value, str) for value in found):
        return Category(sorted(found), name=name)
    most = max(found, default=0)
    if most >= 2**31 - 4:
        raise ValueError(f"{name}: got the number {most}, expected less than 2^31 - 4")
    return Category(max(most + 1, 1), name=name)
