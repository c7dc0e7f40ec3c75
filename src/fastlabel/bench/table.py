"""The results as a table: on a terminal, and in words that other tables share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

__all__ = ["lines", "share_text", "time_text", "write"]

#: Width where the output is no terminal that has one of its own.
WIDE = 132
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def time_text(seconds: float | None) -> str:
    """Write a time with three digits and its unit.

    Examples
    --------
    >>> time_text(0.0123), time_text(4.2e-8)
    ('12.3 ms', '42.0 ns')
    """
    if seconds is None:
        return ""
    scale, unit = next((u for u in _UNITS if seconds >= u[0]), _UNITS[-1])
    value = seconds / scale
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"


def ratio_text(ratio: float | None) -> str:
    """Write how many times as long a peer takes."""
    if ratio is None:
        return ""
    return f"{ratio:.0f}x" if ratio >= 20 else f"{ratio:.1f}x" if ratio >= 2 else f"{ratio:.2f}x"


def share_text(share: float | None) -> str:
    """Write a share of the memory's speed; what is faster than memory never left the cache."""
    if share is None:
        return ""
    return "in cache" if share > 1.05 else f"{100 * share:.0f} %"


def promise_text(promised: float | None, met: bool | None) -> str:
    """Write what is promised and whether it is kept."""
    if promised is None:
        return ""
    return f"{promised:g}x {_MET[met]}"


_MET = {True: "met", False: "NOT MET", None: "not measured"}
_BUDGET = {"seconds": "s", "mb": "MB"}


def lines(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Give the table line by line: work, ours, peer, theirs, ratio, promised, share of memory.

    Parameters
    ----------
    document : mapping
        As :func:`fastlabel.bench.runner.document` gives it. The first line of a row has its
        title; a row has a line for each peer, and for each limit of its own.
    """
    for row in document["rows"]:
        head = [row["title"], time_text(row["min_s"]), share_text(row["bandwidth_share"])]
        rest = [_peer(peer) for peer in row["peers"]]
        rest += [_limit(name, limit, row) for name, limit in row["budget"].items()]
        if row["status"] in ("failed", "skipped"):
            rest.insert(0, (f"{row['status']}: {row['message']}", "", "", ""))
        for title, ours, share, peer in zip(
            *([text, *[""] * len(rest)] for text in head), rest or [("",) * 4], strict=False
        ):
            yield (title, ours, *peer, share)


def _peer(peer: Mapping[str, Any]) -> tuple[str, str, str, str]:
    name = peer["name"]
    if peer["status"] == "absent":
        name = f"{name}: not installed"
    elif peer["status"] != "ok":
        name = f"{name} {peer['status'].upper()}: {peer['message']}"
    return (
        name,
        time_text(peer["min_s"]),
        ratio_text(peer["ratio"]),
        promise_text(peer["promised"], peer["met"]),
    )


def _limit(
    name: str, limit: Mapping[str, Any], row: Mapping[str, Any]
) -> tuple[str, str, str, str]:
    measured = row["min_s"] if name == "seconds" else row["peak_mb"]
    said = "" if measured is None else f"{measured:.3g} {_BUDGET.get(name, name)}"
    promised = f"at most {limit['at_most']:g} {_BUDGET.get(name, name)} {_MET[limit['met']]}"
    return ("memory" if name == "mb" else "time", said, "", promised)


HEAD = ("work, one thread", "us", "peer", "peer's", "ratio", "promised", "of memory")


def write(document: Mapping[str, Any], file: TextIO, *, color: bool | None = None) -> None:
    """Write the table and what it was measured on.

    Parameters
    ----------
    document : mapping
        As :func:`fastlabel.bench.runner.document` gives it.
    file : text file
        Where to write.
    color : bool, optional
        Force colours on or off; by default as the file allows.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=file, force_terminal=color, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for at, title in enumerate(HEAD):
        right = at in (1, 3, 4, 6)
        table.add_column(title, justify="right" if right else "left", no_wrap=right)
    for line in lines(document):
        table.add_row(*(Text(cell, style=_style(cell)) for cell in line))
    console.print(table)
    for text in facts_text(document):
        console.print(Text(text, style="dim"))


def _style(cell: str) -> str:
    if "NOT MET" in cell or "DISAGREES" in cell or cell.startswith("failed: "):
        return "bold red"
    return "green" if cell.endswith(" met") else ""


def facts_text(document: Mapping[str, Any]) -> Sequence[str]:
    """Say what the table was measured on, and what is missing from it."""
    host, speed = document["host"], document["bandwidth_bytes_per_second"]
    told = ", ".join(f"{name} {value / 1e9:.1f} GB/s" for name, value in speed.items())
    texts = [
        "",
        f"{host['cpu']}, {host['isa']}; {host['compiler']}; fastlabel "
        f"{host['versions'].get('fastlabel')}, NumPy {host['versions'].get('numpy')}",
        f"memory, one thread: {told}; shares are of the largest, for the least traffic possible",
    ]
    absent = {
        name
        for row in document["rows"]
        for peer in row["peers"]
        if peer["status"] == "absent"
        for name in peer["message"].split(", ")
    }
    if absent:
        texts.append(
            f"not installed: {', '.join(sorted(absent))}; pip install 'fastlabel[bench]' brings "
            "the peers, all but torch, which is too large for an extra"
        )
    if not document["complete"]:
        texts.append("interrupted: the rows above are those that were done")
    return texts
