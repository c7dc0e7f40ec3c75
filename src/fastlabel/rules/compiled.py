"""A function for one row, compiled by numba into one loop over columns."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..config import ConfigError
from .columns import Column
from .context import Bools, Floats, Ints

__all__ = ["Compiled", "Found", "RaisedError", "RuleError", "compile_rule"]

#: Rows between two looks at the keyboard.
STRETCH = 1 << 20
#: Rows whose answers stay in the first-level cache until the found ones are picked out; few
#: enough that most blocks of a rare fault hold none and are passed over.
BLOCK = 256
MOST_LINES = 3


class RuleError(ConfigError):
    """A user's rule that cannot be used: the message says which, where and why."""


class RaisedError(Exception):
    """The function raised for a row."""

    def __init__(self, row: int, error: Exception) -> None:
        super().__init__(str(error))
        self.row, self.error = row, error


class Found(NamedTuple):
    """Rows for which a rule has something to say, with what it said."""

    rows: Ints
    values: Floats | None
    scores: Floats | None


#: What a rule may return -> (its parts, when there is something to say, parts that go out).
#: A number that is not equal to itself is NaN.
_KINDS: dict[str, tuple[tuple[str, ...], str, tuple[str, ...]]] = {
    "flag": (("flag",), "flag[j]", ()),
    "value": (("value",), "value[j] == value[j]", ("value",)),
    "scored": (
        ("value", "score"),
        "(value[j] == value[j]) & (score[j] == score[j])",
        ("value", "score"),
    ),
}


@dataclass(frozen=True)
class Compiled:
    """One rule as machine code.

    Attributes
    ----------
    kind : {"flag", "value", "scored"}
        What the function returns: bool, float, or (value, score).
    """

    kind: str
    loop: Callable[..., int]
    masked_loop: Callable[..., int]

    def find(
        self,
        columns: Sequence[npt.NDArray[Any]],
        thresholds: Sequence[float],
        n: int,
        image: Ints | None = None,
        known: Bools | None = None,
    ) -> Found:
        """Ask the function about every row.

        Parameters
        ----------
        columns : sequence of numpy.ndarray
            One for each column of the function: (n,), or (images,) for columns of images
            when ``image`` is given.
        thresholds : sequence of float
            In the function's order.
        n : int
            Rows.
        image : numpy.ndarray, optional
            (n,) int64: the image row of each box.
        known : numpy.ndarray, optional
            (n,) bool: rows to ask about; the others are passed over.

        Returns
        -------
        Found

        Raises
        ------
        RaisedError
            If the function raises; ``row`` is the first that makes it.
        """
        # Pages nobody writes cost nothing: room for every row is room for those found.
        rows = np.empty(n, np.int64)
        out = [np.empty(n, np.float64) for _ in _KINDS[self.kind][2]]
        given = [*columns, *([] if image is None else [image])]
        loop = self.loop
        if known is not None:
            loop, given = self.masked_loop, [*given, known]
        # One signature a rule, whether or not an array may be written to.
        views = [_read_only(column) for column in given]

        def ask(start: int, stop: int, at: int) -> int:
            return loop(start, stop, at, *views, *thresholds, rows, *out)

        found = 0
        for start in range(0, n, STRETCH):
            stop = min(start + STRETCH, n)
            try:
                found = ask(start, stop, found)
            except Exception as error:
                raise RaisedError(_first_raising(ask, start, stop), error) from error
        values = [column[:found].copy() for column in out]
        value, score = [*values, None, None][:2]
        return Found(rows[:found].copy(), value, score)


def _read_only(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = np.ascontiguousarray(column).view()
    view.flags.writeable = False
    return view


def _first_raising(ask: Callable[[int, int, int], int], start: int, stop: int) -> int:
    """Halve the stretch until one row is left: the loop itself keeps no account of rows."""
    while stop - start > 1:
        middle = (start + stop) // 2
        try:
            ask(start, middle, 0)
        except Exception:
            stop = middle
        else:
            start = middle
    return start


def compile_rule(
    function: Callable[..., Any],
    arguments: Sequence[str],
    columns: Sequence[Column],
    scope: str,
    title: str,
) -> Compiled:
    """Compile a function for one row and the loop around it.

    Parameters
    ----------
    function : callable
        Plain Python, or compiled by numba already.
    arguments : sequence of str
        All its arguments in order; those that are no column are thresholds.
    columns : sequence of Column
        The columns, in the order of the arguments.
    scope : {"annotation", "image"}
        What a row is.
    title : str
        The rule's code, function and place, for errors.

    Raises
    ------
    RuleError
        If numba cannot compile it, or it returns something that is no answer.
    ImportError
        If numba is not installed; the message names the extra.
    """
    try:
        import numba
        from numba.core import types as numba_types
        from numba.core.errors import NumbaError
    except ImportError as error:
        raise ImportError(
            f"{title}: rules of your own are compiled by numba, which is not installed; "
            "pip install 'fastlabel[numba]'"
        ) from error
    types: Any = numba_types  # numba's module says little of itself to a type checker
    by_name = {c.name: c for c in columns}
    kinds = tuple(_scalar(types, by_name.get(name)) for name in arguments)
    compiled = function
    if not hasattr(function, "py_func"):
        # Division by zero gives inf or NaN, as NumPy's columns do.
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    try:
        compiled.compile(kinds)  # type: ignore[attr-defined]
    except NumbaError as error:
        raise RuleError(f"{title} cannot be compiled: {_reason(error)}") from error
    returned = compiled.overloads[kinds].signature.return_type  # type: ignore[attr-defined]
    kind = _kind(types, returned)
    if kind is None:
        nothing = isinstance(returned, types.Optional | types.NoneType)
        hint = "; return math.nan instead of None" if nothing else ""
        raise RuleError(
            f"{title} returns {returned}, expected bool, a float (NaN: nothing to report) "
            f"or (value, score){hint}"
        )
    loops = [
        numba.njit(nogil=True, error_model="numpy")(
            _loop(compiled, arguments, by_name, scope, kind, masked)
        )
        for masked in (False, True)
    ]
    return Compiled(kind, *loops)


def _scalar(types: Any, column: Column | None) -> Any:
    """Type of one argument: as the column has it, floats always of 64 bits."""
    if column is None or column.dtype.kind == "f":
        return types.float64
    return types.boolean if column.dtype.kind == "b" else getattr(types, column.dtype.name)


def _kind(types: Any, returned: Any) -> str | None:
    if isinstance(returned, types.Boolean):
        return "flag"
    if isinstance(returned, types.Float):
        return "value"
    if isinstance(returned, types.BaseTuple) and len(returned) == 2:
        numbers = (types.Float, types.Integer, types.Boolean)
        if all(isinstance(part, numbers) for part in returned):
            return "scored"
    return None


def _loop(
    function: Callable[..., Any],
    arguments: Sequence[str],
    columns: dict[str, Column],
    scope: str,
    kind: str,
    masked: bool,
) -> Callable[..., int]:
    """Write the loop around a function, in a shape that compilers turn into vectors.

    Slices that begin at zero spare it the question whether an index is negative; a block is
    asked about first, and what was found is picked out after, without a branch.
    """
    parts, said, out = _KINDS[kind]
    indexed = scope == "annotation" and any(c.of_image for c in columns.values())
    names = {name: f"column{k}" for k, name in enumerate(columns)}
    by_image = {name for name, c in columns.items() if indexed and c.of_image}
    sliced = [names[name] for name in columns if name not in by_image]
    sliced += ["image"] * indexed + ["known"] * masked
    limits = {name: f"limit{k}" for k, name in enumerate(a for a in arguments if a not in columns)}

    def term(name: str) -> str:
        if name in limits:
            return limits[name]
        at = f"{names[name]}[{'uint64(image_[j])' if name in by_image else 'j'}]"
        at = at if name in by_image else at.replace("[", "_[", 1)
        return f"float64({at})" if columns[name].dtype.kind == "f" else at

    parameters = ["start", "stop", "found", *names.values()]
    parameters += ["image"] * indexed + ["known"] * masked
    parameters += [*limits.values(), "rows", *(f"out_{part}" for part in out)]
    targets = ", ".join(f"{part}[j]" for part in parts)
    ask = [f"{targets} = function({', '.join(map(term, arguments))})"]
    if masked:
        nothing = "False" if kind == "flag" else ", ".join(["nan"] * len(parts))
        ask = ["if known_[j]:", f"    {ask[0]}", "else:", f"    {targets} = {nothing}"]
    dtype = "bool_" if kind == "flag" else "float64"
    lines = [
        f"def loop({', '.join(parameters)}):",
        *(f"    {part} = empty({BLOCK}, {dtype})" for part in parts),
        f"    for low in range(start, stop, {BLOCK}):",
        f"        size = min({BLOCK}, stop - low)",
        *(f"        {name}_ = {name}[low : low + size]" for name in sliced),
        "        some = False",
        "        for j in range(size):",
        *(f"            {line}" for line in ask),
        f"            some |= {said}",
        "        if some:",
        "            for j in range(size):",
        "                rows[found] = low + j",
        *(f"                out_{part}[found] = {part}[j]" for part in out),
        f"                found += {said}",
        "    return found",
    ]
    known_names: dict[str, Any] = {
        "function": function,
        "empty": np.empty,
        "float64": np.float64,
        "uint64": np.uint64,
        "bool_": np.bool_,
        "nan": math.nan,
    }
    exec("\n".join(lines), known_names)
    loop: Callable[..., int] = known_names["loop"]
    return loop


def _reason(error: Exception) -> str:
    """Take numba's own words out of its pages: the first lines, and the line of the rule."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in text.splitlines()]
    told = (line for line in lines if line and not line.startswith(("Failed in", "- Resolution")))
    words = itertools.takewhile(lambda line: not line.startswith(("File ", "During:")), told)
    first = " ".join(itertools.islice(words, MOST_LINES)) or type(error).__name__
    place = re.search(r'File "[^"]*", line (\d+)', text)
    return f"{first} (line {place[1]})" if place else first
