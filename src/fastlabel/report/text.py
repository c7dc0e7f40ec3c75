"""Names from data as text that is safe to show: no escapes, no hidden turns, no surprises."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["count", "listed", "number", "percent", "shorten", "unjudged", "visible"]

#: Format characters that belong to ordinary writing (joiners of Indic scripts and emoji).
_HARMLESS = {"\u200c", "\u200d"}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: object, limit: int = 0) -> str:
    r"""Text with every control, bidirectional and unassigned character spelt out.

    Parameters
    ----------
    text : object
        Anything; ``str`` is taken of it. None gives an empty string.
    limit : int
        Longest result in characters; 0 for no limit. The middle is left out.

    Returns
    -------
    str
        One line of text. A hidden character shows as ``\n``, ``\t`` or ``\u{202E}``.

    Examples
    --------
    >>> visible("a\nb\u202ec")
    'a\\nb\\u{202E}c'
    """
    if text is None:
        return ""
    raw = str(text)
    if not raw.isascii() or not raw.isprintable():
        raw = "".join(_spelt(c) for c in raw)
    return shorten(raw, limit) if limit else raw


def _spelt(char: str) -> str:
    if char in _HARMLESS or unicodedata.category(char) not in _HIDDEN:
        return char
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    return named or f"\\u{{{ord(char):04X}}}"


def shorten(text: str, limit: int) -> str:
    """``text`` cut in the middle to ``limit`` characters: both ends of a name tell it apart."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def count(n: int, one: str, many: str | None = None) -> str:
    """``1 box``, ``4,888 boxes``: a number with its noun, thousands apart.

    Examples
    --------
    >>> count(1, "image"), count(4888, "box", "boxes")
    ('1 image', '4,888 boxes')
    """
    return f"{n:,} {one if n == 1 else (many or one + 's')}"


def number(value: float | None, digits: int = 3) -> str:
    """Write a measured value with ``digits`` significant digits and no needless zeros."""
    if value is None:
        return ""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def percent(share: float | None) -> str:
    """Write a share 0..1 as a percentage; a small share that is not zero never reads 0 %."""
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:.0f} %"


def listed(names: Sequence[str], most: int = 3, more: str = "more") -> str:
    """Write ``a, b and c`` or ``a, b and 7 more``."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1:,} {more}"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def unjudged(summary: Mapping[str, Any]) -> str:
    """Say what rules could not judge: ``X001: 12 rows (...)``."""
    parts = [f"{code}: {count(n, 'row')}" for code, n in summary["unjudged"].items()]
    return f"{'; '.join(parts)} (a value that the rule needs is unknown)"
