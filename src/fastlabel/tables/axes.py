"""Axes: what a histogram's cells mean, or which group a row belongs to.

Every axis has three cells beside its bins: below, above and unknown (NaN or null), so that
each row is counted somewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import as_real
from .._scalars import as_number

__all__ = ["Axis", "Category", "Log", "Regular", "Variable", "axis_from_dict"]

#: Cells beside the bins: below, above, unknown.
FLOW = 3
_MOST_BINS = 2**31 - 1 - FLOW


def _count(bins: Any, name: str) -> int:
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)):
        raise TypeError(f"{name}: got {type(bins).__name__}, expected a whole number")
    if not 1 <= bins <= _MOST_BINS:
        raise ValueError(f"{name}: got {bins}, expected 1 to {_MOST_BINS}")
    return int(bins)


class Axis(ABC):
    """An axis of bins; make a :class:`Regular`, :class:`Log`, :class:`Variable` or
    :class:`Category`.

    Attributes
    ----------
    bins : int
        How many.
    edges : numpy.ndarray or None
        (bins + 1,) float64. Bin k holds ``edges[k] <= x < edges[k + 1]``, the last one its
        upper edge too, as :func:`numpy.histogram` has it. None for categories.
    name : str
        For you: shown in what is counted outside.
    """  # noqa: D205

    edges: NDArray[np.float64] | None = None
    bins: int
    name: str

    @property
    def extent(self) -> int:
        """Cells: the bins, below, above and unknown."""
        return self.bins + FLOW

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; :func:`axis_from_dict` reads them."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Axis) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((type(self), self.bins, self.name))

    def __repr__(self) -> str:
        parts = ", ".join(f"{k}={v!r}" for k, v in self.to_dict().items() if k != "kind")
        return f"{type(self).__name__}({parts})"


class _Edges(Axis):
    """An axis with edges; `edges` are checked here."""

    def _set(self, edges: NDArray[np.float64], name: str) -> None:
        if edges.ndim != 1 or len(edges) < 2:
            raise ValueError(f"edges: got shape {edges.shape}, expected at least two numbers")
        if not np.isfinite(edges).all():
            raise ValueError("edges: got a number that is not finite, expected finite ones")
        falls = ~(edges[1:] > edges[:-1])
        if falls.any():
            at = int(falls.argmax()) + 1
            raise ValueError(
                f"edges[{at}]: got {edges[at]} after {edges[at - 1]}, expected them to rise"
            )
        self.edges = edges
        self.edges.flags.writeable = False
        self.bins = _count(len(edges) - 1, "bins")
        self.name = str(name)


class Regular(_Edges):
    """Bins of one width, with the edges of ``numpy.linspace(low, high, bins + 1)``.

    Parameters
    ----------
    bins : int
        How many, at least 1.
    low, high : float
        The outer edges, low < high.
    name : str
        Yours.

    Examples
    --------
    >>> Regular(4, 0, 1).edges.tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """

    def __init__(self, bins: int, low: float, high: float, name: str = "") -> None:
        count = _count(bins, "bins")
        self.low, self.high = as_number(low, "low"), as_number(high, "high")
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low, high: got {low}, {high}, expected finite low < high")
        self._set(np.linspace(self.low, self.high, count + 1), name)

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {
            "kind": "regular",
            "bins": self.bins,
            "low": self.low,
            "high": self.high,
            "name": self.name,
        }


@lru_cache(maxsize=64)
def _log_edges(bins: int, low: float, high: float) -> tuple[float, ...]:
    # Decimal's ln and exp are correctly rounded and the same everywhere; those of a C library
    # or of a vector unit are not.
    context = Context(prec=50)
    start, end = context.ln(Decimal(low)), context.ln(Decimal(high))
    step = context.divide(context.subtract(end, start), Decimal(bins))
    inner = (
        float(context.exp(context.add(start, context.multiply(step, Decimal(k)))))
        for k in range(1, bins)
    )
    return (low, *inner, high)


class Log(_Edges):
    """Bins of one ratio: edge k is ``low * (high / low) ** (k / bins)``, correctly rounded.

    Parameters
    ----------
    bins : int
        How many, 1 to 65536.
    low, high : float
        The outer edges, 0 < low < high.
    name : str
        Yours.

    Examples
    --------
    >>> Log(3, 1, 1000).edges.tolist()
    [1.0, 10.0, 100.0, 1000.0]
    """

    def __init__(self, bins: int, low: float, high: float, name: str = "") -> None:
        count = _count(bins, "bins")
        if count > 65536:
            raise ValueError(f"bins: got {bins}, expected at most 65536 on a log axis")
        self.low, self.high = as_number(low, "low"), as_number(high, "high")
        if not (0 < self.low < self.high < np.inf):
            raise ValueError(f"low, high: got {low}, {high}, expected finite 0 < low < high")
        self._set(np.array(_log_edges(count, self.low, self.high)), name)

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        return {
            "kind": "log",
            "bins": self.bins,
            "low": self.low,
            "high": self.high,
            "name": self.name,
        }


class Variable(_Edges):
    """Bins between edges of your own.

    Parameters
    ----------
    edges : array_like
        (bins + 1,) finite, rising.
    name : str
        Yours.

    Examples
    --------
    >>> Variable([0, 32, 96, 1e5]).bins
    3
    """

    def __init__(self, edges: ArrayLike, name: str = "") -> None:
        self._set(np.array(as_real(edges, "edges"), np.float64), name)

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        assert self.edges is not None
        return {"kind": "variable", "edges": self.edges.tolist(), "name": self.name}


class Category(Axis):
    """One bin for each category.

    Whole numbers 0 .. bins - 1 or, with names, their texts. A negative number is counted
    below, any other number or text that is none of them above.

    Parameters
    ----------
    names : int or iterable of str
        How many, or what they are called.
    name : str
        Yours.

    Examples
    --------
    >>> Category(["train", "val"]).bins
    2
    """

    def __init__(self, names: int | Iterable[str], name: str = "") -> None:
        self.names: tuple[str, ...] | None = None
        if isinstance(names, str):
            raise TypeError("names: got one text, expected a number or several texts")
        if isinstance(names, Iterable):
            self.names = tuple(names)
            for given in self.names:
                if not isinstance(given, str):
                    raise TypeError(f"names: got {given!r}, expected texts")
                if "\0" in given:
                    raise ValueError(f"names: got {given!r}, expected texts without NUL")
            if len(set(self.names)) < len(self.names):
                raise ValueError("names: got one of them twice, expected each once")
            self.bins = _count(len(self.names), "names")
        else:
            self.bins = _count(names, "names")
        self.name = str(name)

    def to_dict(self) -> dict[str, Any]:  # noqa: D102
        names: Any = self.bins if self.names is None else list(self.names)
        return {"kind": "category", "names": names, "name": self.name}


@contextmanager
def reading(plain: Any) -> Iterator[None]:
    """What a broken file of plain values makes go wrong, as one ValueError."""
    if not isinstance(plain, dict):
        raise TypeError(f"plain: got {type(plain).__name__}, expected a dict of to_dict()")
    try:
        yield
    except KeyError as error:
        raise ValueError(f"plain: got no {error}, expected what to_dict() writes") from error
    except (AttributeError, TypeError, OverflowError) as error:
        raise ValueError(f"plain: expected what to_dict() writes ({error})") from error


def axis_from_dict(plain: dict[str, Any]) -> Axis:
    """The axis that :meth:`Axis.to_dict` wrote.

    Parameters
    ----------
    plain : dict
        Its parameters and their ``kind``.

    Returns
    -------
    Axis
        Equal to the one written.

    Examples
    --------
    >>> axis_from_dict(Regular(4, 0, 1, name="score").to_dict())
    Regular(bins=4, low=0.0, high=1.0, name='score')
    """
    kinds: dict[str, type[Axis]] = {
        "regular": Regular,
        "log": Log,
        "variable": Variable,
        "category": Category,
    }
    if not isinstance(plain, dict):
        raise TypeError(f"plain: got {type(plain).__name__}, expected a dict of an axis")
    arguments = dict(plain)
    kind = arguments.pop("kind", None)
    if kind not in kinds:
        raise ValueError(f"kind: got {kind!r}, expected one of {', '.join(kinds)}")
    return kinds[kind](**arguments)
