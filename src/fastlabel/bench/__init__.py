"""The kernel suite beside its peers, on the user's machine: ``fastlabel bench``.

Each ``rows_<topic>`` module holds :class:`Row` objects: one piece of work, done by us and by
others, and how their answers must agree. The same rows serve ``benchmarks/``.

>>> from fastlabel.bench import choose, load
>>> rows, absent = load()
>>> [row.name for _, row in choose(rows, ["user-rule-10m"])]
['user-rule-10m']
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module

from ..config import ConfigError, nearest
from .row import Peer, Row

__all__ = ["TOPICS", "Peer", "Row", "choose", "load"]

#: Modules with rows, ``rows_<topic>``, in the order of the table.
TOPICS = (
    "boxes",
    "suppress",
    "tiles",
    "merge",
    "evaluate",
    "pixels",
    "gate",
    "resize",
    "frame",
    "cut",
    "lossless",
    "paste",
    "augment",
    "tables",
    "hashes",
    "files",
    "rules",
    "pairing",
    "ingest",
)

#: A topic and a row of it.
Named = tuple[str, Row]


def load(topics: Iterable[str] = TOPICS) -> tuple[list[Named], list[str]]:
    """Load all rows.

    Parameters
    ----------
    topics : iterable of str
        Those of :data:`TOPICS` by default.

    Returns
    -------
    rows : list of (str, Row)
        Topic and row.
    absent : list of str
        Topics whose module is not installed.
    """
    rows: list[Named] = []
    absent = []
    for topic in topics:
        name = f"{__name__}.rows_{topic}"
        try:
            module = import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            absent.append(topic)
            continue
        rows += [(topic, row) for row in module.ROWS]
    return rows, absent


def choose(rows: Sequence[Named], patterns: Iterable[str]) -> list[Named]:
    """Choose rows by topic, by name, or by both with a slash between.

    Parameters
    ----------
    rows : sequence of (str, Row)
        As :func:`load` gives them.
    patterns : iterable of str
        ``boxes``, ``boxes/box-iou`` or ``box-iou``; all rows when there is none.

    Returns
    -------
    list of (str, Row)
        In the order of the table.

    Raises
    ------
    ConfigError
        For a pattern that no row matches; the message names the nearest one.
    """
    wanted = [pattern.strip() for pattern in patterns]
    if not wanted:
        return list(rows)
    names = [{topic, row.name, f"{topic}/{row.name}"} for topic, row in rows]
    for pattern in wanted:
        if not any(pattern in mine for mine in names):
            known = set().union(*names) if names else ()
            raise ConfigError(f"select: no benchmark {pattern!r}; {nearest(pattern, known)}")
    return [row for row, mine in zip(rows, names, strict=True) if mine & set(wanted)]
