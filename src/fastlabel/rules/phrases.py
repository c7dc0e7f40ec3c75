"""Messages and evidence of many findings at once: columns in, a column of sentences out.

Each function here writes what the f-string of one finding would, character for character.
Numbers are put into words once for each text they can become, not once for each finding.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .wording import clean, count, number, quote

__all__ = [
    "choice",
    "fixed",
    "general",
    "join",
    "json_rounded",
    "json_texts",
    "members",
    "numbers",
    "quoted",
    "whole_numbers",
]

#: Fewer values than this are written one by one.
FEW = 256

Texts: TypeAlias = "pa.Array"
Numbers = npt.NDArray[Any]


def join(*pieces: str | Texts | Sequence[str]) -> Texts:
    """Put pieces together, row by row: literal texts, and columns of one length."""
    columns = [p if isinstance(p, str | pa.Array) else pa.array(p, pa.string()) for p in pieces]
    literals = [pa.scalar(p) if isinstance(p, str) else p for p in columns]
    made: Texts = pc.binary_join_element_wise(*literals, "")
    return made


def choice(options: Sequence[str], which: Numbers) -> Texts:
    """The option of each row's number (or truth: False is the first)."""
    return pa.array(options, pa.string()).take(pa.array(np.asarray(which).astype(np.int64)))


# ---- numbers -------------------------------------------------------------------


def _one_by_one(values: Numbers, form: Callable[[float], str]) -> Texts:
    return pa.array([form(v) for v in values.tolist()], pa.string())


def _by_key(
    values: npt.NDArray[np.float64],
    keys: npt.NDArray[np.int64],
    sure: npt.NDArray[np.bool_],
    form: Callable[[float], str],
) -> Texts:
    """Write one value of each key; values that are not sure, one by one.

    Values of one key, where ``sure``, have one text.
    """
    encoded = pa.array(keys, mask=~sure).dictionary_encode()
    codes = np.asarray(pc.fill_null(encoded.indices, -1), np.int64)
    one = np.zeros(len(encoded.dictionary), np.int64)
    at = np.flatnonzero(codes >= 0)
    one[codes[at]] = at
    words = [form(v) for v in values[one].tolist()] if len(one) else []
    odd = np.flatnonzero(~sure)
    codes[odd] = len(words) + np.arange(len(odd))
    words += [form(v) for v in values[odd].tolist()]
    return pa.array(words, pa.string()).take(pa.array(codes))


def _rounded(
    scaled: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Nearest whole numbers, and where they are beyond doubt: no tie, no minus zero, finite."""
    whole = np.rint(scaled)
    with np.errstate(invalid="ignore"):
        sure = np.abs(np.abs(scaled - whole) - 0.5) > 1e-5
        sure &= np.abs(scaled) < 2.0**31
        sure &= (whole != 0) | ~np.signbit(scaled)
    return whole, sure


def fixed(values: Numbers, digits: int, form: Callable[[float], str] | None = None) -> Texts:
    """``f"{v:.1f}"`` of each value; or another form that only looks at so many decimals.

    Examples
    --------
    >>> fixed(np.array([1.25, 2.0]), 1).to_pylist()
    ['1.2', '2.0']
    """
    values = np.asarray(values, np.float64)
    write = form if form is not None else f"{{:.{digits}f}}".format
    if len(values) < FEW:
        return _one_by_one(values, write)
    with np.errstate(over="ignore", invalid="ignore"):
        whole, sure = _rounded(values * 10.0**digits)
    return _by_key(values, np.where(sure, whole, 0).astype(np.int64), sure, write)


def json_rounded(values: Numbers, digits: int) -> Texts:
    """``json.dumps(round(v, digits))`` of each value.

    Examples
    --------
    >>> json_rounded(np.array([0.25, 1 / 3]), 4).to_pylist()
    ['0.25', '0.3333']
    """
    return fixed(values, digits, lambda v: _json_number(round(v, digits)))


def _json_number(value: float) -> str:
    # What json.dumps writes of a finite number, many times faster.
    return repr(value) if math.isfinite(value) else json.dumps(value)


def general(values: Numbers, digits: int = 3) -> Texts:
    """``f"{v:.3g}"`` of each value."""
    return _significant(np.asarray(values, np.float64), digits, f"{{:.{digits}g}}".format)


def whole_numbers(values: Numbers) -> Texts:
    """``f"{int(v)}"`` of each value."""
    return pa.array(np.asarray(values).astype(np.int64)).cast(pa.string())


def counts(values: Numbers, one: str | None = None, many: str | None = None) -> Texts:
    """``f"{n:,}"`` of each whole number; with a noun, :func:`fastlabel.rules.wording.count`."""
    encoded = pa.array(np.asarray(values, np.int64)).dictionary_encode()
    words = [
        f"{n:,}" if one is None else count(n, one, many) for n in encoded.dictionary.to_pylist()
    ]
    return pa.array(words, pa.string()).take(encoded.indices)


def numbers(values: Numbers) -> Texts:
    """:func:`fastlabel.rules.wording.number` of each value.

    Examples
    --------
    >>> numbers(np.array([0.2, 1234.5])).to_pylist()
    ['0.2', '1,234']
    """
    return _significant(np.asarray(values, np.float64), 3, number, whole_from=1000.0)


def _significant(
    values: npt.NDArray[np.float64],
    digits: int,
    form: Callable[[float], str],
    whole_from: float = np.inf,
) -> Texts:
    """Write values of which only so many leading digits count; all before the point from a size."""
    if len(values) < FEW:
        return _one_by_one(values, form)
    size = np.abs(values)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        usable = (size > 1e-30) & (size < 1e30)
        power = np.floor(np.log10(np.where(usable, size, 1.0)))
        large = size >= whole_from
        scaled = np.where(large, size, size * 10.0 ** (digits - 1 - power))
        whole, sure = _rounded(np.where(usable, scaled, np.nan))
    # Rounded up to the next power of ten, as 999.7 is: "1e+03", which no other value near is.
    sure &= large | (whole < 10.0**digits)
    key = np.where(sure, whole, 0).astype(np.int64)
    key = key * 256 + np.where(large, 100, power).astype(np.int64)
    return _by_key(values, np.where(values < 0, -key, key), sure, form)


# ---- texts ---------------------------------------------------------------------

#: Printable ASCII; and of it, what JSON writes as it is.
_PLAIN = r"^[ -~]*$"
_PLAIN_JSON = r"^[ !#-\[\]-~]*$"


def _where_plain(
    texts: Texts,
    pattern: str,
    longest: int | None,
    form: Callable[[Any], str],
    mark: str = '"',
) -> Texts:
    """Put plain texts between marks; others are given to ``form`` one by one."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    plain = pc.match_substring_regex(texts, pattern)
    if longest is not None:
        plain = pc.and_(plain, pc.less_equal(pc.binary_length(texts), longest))
    out = pc.binary_join_element_wise(mark, texts, mark, "") if mark else texts
    odd = np.flatnonzero(~np.asarray(plain.fill_null(False).to_numpy(zero_copy_only=False)))
    if not len(odd):
        return out
    mask = np.zeros(len(texts), np.bool_)
    mask[odd] = True
    words = [form(text) for text in texts.take(pa.array(odd)).to_pylist()]
    return pc.replace_with_mask(out, pa.array(mask), pa.array(words, pa.string()))


def quoted(texts: Texts, limit: int = 100) -> Texts:
    """:func:`fastlabel.rules.wording.quote` of each text."""
    return _where_plain(texts, _PLAIN, limit, lambda text: quote(text, limit))


def cleaned(texts: Texts) -> Texts:
    """:func:`fastlabel.rules.wording.clean` of each text."""
    return _where_plain(texts, _PLAIN, 300, clean, "")


def json_texts(texts: Texts) -> Texts:
    """``json.dumps`` of each text; null stays null."""
    made = _where_plain(texts, _PLAIN_JSON, None, json.dumps)
    return pc.if_else(pc.is_valid(texts), made, pa.scalar(None, pa.string()))


def members(**columns: Texts | Sequence[str]) -> Texts:
    """Members of JSON objects, without the braces, from values that are JSON already.

    Examples
    --------
    >>> members(side=['"large"'], share=["0.5"]).to_pylist()
    ['"side": "large", "share": 0.5']
    """
    pieces: list[Any] = []
    for name, values in columns.items():
        pieces += [f'{", " if pieces else ""}"{name}": ', values]
    return join(*pieces)
