"""What a row of the benchmark table is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Peer:
    """Somebody else's way to the same answer."""

    name: str
    needs: tuple[str, ...]  # import names; the peer is left out where one is absent
    run: Callable[..., Any]
    promised: float | None = None  # how many times faster we say we are


@dataclass(frozen=True)
class Row:
    """One piece of work: ours, the peers' and how their answers must agree."""

    name: str  # kebab-case, unique
    title: str  # for the table, with the size of the work
    make: Callable[[], tuple[Any, ...]]  # the inputs, seeded
    run: Callable[..., Any]  # ours, on those inputs
    peers: tuple[Peer, ...]
    agree: Callable[[Any, Any], None]  # raises AssertionError when ours and a peer's differ
    bytes_moved: Callable[..., int] | None = None  # least traffic to memory, for the roofline
    budget: dict[str, float] = field(default_factory=dict)  # e.g. {"seconds": 1.0, "mb": 200}
