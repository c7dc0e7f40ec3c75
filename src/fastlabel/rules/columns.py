"""The columns that a user's rule may name, and how they come out of the tables without a copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import schema
from ..config import nearest
from ..dataset import as_numpy
from .context import Bools, Context, Ints

__all__ = ["Column", "Values", "columns_of", "find_column", "image_rows"]

#: One column: its values, and which of them are known (None: all).
Values = tuple[npt.NDArray[Any], Bools | None]


@dataclass(frozen=True)
class Column:
    """One number of a box or of its image, by the name that rules use.

    Attributes
    ----------
    name : str
        The name of a rule's argument.
    of_image : bool
        One entry an image; otherwise one a box.
    dtype : numpy.dtype
        Of the entries.
    take : callable
        ``take(context)`` gives the column's :data:`Values`.
    """

    name: str
    of_image: bool
    dtype: np.dtype[Any]
    take: Callable[[Context], Values]


def image_rows(ctx: Context) -> Ints:
    """Give the image row of each box, checked: compiled code does not look before it reads."""
    rows: Ints = as_numpy(ctx.ds.annotations["image_id"])
    if rows.size and not (rows.min() >= 0 and rows.max() < len(ctx.ds)):
        raise ValueError(
            f"annotations.image_id: got {rows.min()} to {rows.max()}, "
            f"expected rows of the {len(ctx.ds):,} images"
        )
    return rows


def _arrow(column: pa.ChunkedArray) -> Values:
    known = None
    if column.null_count:
        known = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)
    if pa.types.is_boolean(column.type):  # bits in Arrow, bytes in NumPy
        return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False)), known
    return as_numpy(column), known


def _from(table: str, field: str) -> Callable[[Context], Values]:
    def take(ctx: Context) -> Values:
        if table == "box_stats" and ctx.box_stats is None:
            n = ctx.ds.annotations.num_rows
            dtype = schema.BOX_STATS.field(field).type.to_pandas_dtype()
            return np.zeros(n, dtype), np.zeros(n, np.bool_)
        source = ctx.ds if table in ("images", "annotations") else ctx
        return _arrow(getattr(source, table)[field])

    return take


def _side(at: int) -> Callable[[Context], Values]:
    def take(ctx: Context) -> Values:
        side = ctx.size[at]
        known = np.isfinite(side)
        return side, None if known.all() else known

    return take


def _box_count(ctx: Context) -> Values:
    return ctx.box_counts, None


def _table_columns(
    table: str, of_image: bool, prefix: str = "", *leave_out: str
) -> dict[str, Column]:
    fields = getattr(schema, table.upper())
    return {
        prefix + f.name: Column(
            prefix + f.name, of_image, np.dtype(f.type.to_pandas_dtype()), _from(table, f.name)
        )
        for f in fields
        if pa.types.is_primitive(f.type) and f.name not in leave_out
    }


_OF_IMAGES: dict[str, Column] = {
    "image_id": Column("image_id", True, np.dtype(np.int64), _from("images", "image_id")),
    "width": Column("width", True, np.dtype(np.float64), _side(0)),
    "height": Column("height", True, np.dtype(np.float64), _side(1)),
    "box_count": Column("box_count", True, np.dtype(np.int64), _box_count),
    **_table_columns("image_stats", True, "", "image_id", "width", "height"),
}
_OF_BOXES: dict[str, Column] = {
    **_OF_IMAGES,
    **_table_columns("annotations", False),
    **_table_columns("box_stats", False, "box_", "image_id", "annotation_id"),
}
#: Columns that are no numbers: known, so that an error can say why they cannot be used.
_NO_NUMBERS = {
    f.name
    for table in (schema.IMAGES, schema.ANNOTATIONS, schema.IMAGE_STATS)
    for f in table
    if not pa.types.is_primitive(f.type)
}


def columns_of(scope: str) -> dict[str, Column]:
    """Give the columns that a rule about boxes (``annotation``) or images may name.

    Examples
    --------
    >>> [name for name in columns_of("annotation") if name.startswith("box_l")]
    ['box_luma_mean', 'box_laplacian_variance']
    """
    return _OF_BOXES if scope == "annotation" else _OF_IMAGES


def find_column(name: str, scope: str) -> Column:
    """Find a column by name.

    Raises
    ------
    ValueError
        If there is none; the message names the nearest one, or says why it cannot be used.
    """
    known = columns_of(scope)
    if name in known:
        return known[name]
    if name in _OF_BOXES:
        raise ValueError(f"column {name!r} is one of boxes; use scope='annotation'")
    if name in _NO_NUMBERS:
        raise ValueError(f"column {name!r} is not a number; rules are given numbers only")
    raise ValueError(f"no column {name!r}; {nearest(name, known)}")
