"""Words for messages: names that come from data, counts and numbers."""

from __future__ import annotations

import unicodedata

__all__ = ["clean", "count", "number", "quote"]

#: Unicode categories that a terminal or a page may act on instead of showing:
#: controls, formats (bidirectional overrides among them), surrogates, line ends.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def clean(text: object, limit: int = 300) -> str:
    r"""Turn a text that came from data into one printable line.

    Parameters
    ----------
    text : object
        Anything; ``None`` gives an empty text.
    limit : int
        Longest result; a longer text is cut in its middle, where names differ least.

    Examples
    --------
    >>> clean("a\x1b[31m\nb")
    'a [31m b'
    """
    raw = "" if text is None else str(text)
    if not raw.isprintable():
        raw = "".join(" " if unicodedata.category(c) in _UNSAFE else c for c in raw)
        raw = " ".join(raw.split())
    if len(raw) > limit:
        half = (limit - 1) // 2
        raw = f"{raw[:half]}…{raw[-half:]}"
    return raw


def quote(name: object, limit: int = 100) -> str:
    """Put a name from data between double quotes, printable and not too long."""
    return f'"{clean(name, limit)}"'


def count(n: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> count(1, "box", "boxes"), count(1200, "image")
    ('1 box', '1,200 images')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def number(value: float) -> str:
    """Write a number with three or so digits that count, and no needless zeros.

    Examples
    --------
    >>> number(0.2), number(1234.5), number(15.0)
    ('0.2', '1,234', '15')
    """
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
