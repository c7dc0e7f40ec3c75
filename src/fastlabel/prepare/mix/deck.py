"""One group's images in a fixed order of chance, dealt from epoch to epoch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .chance import hashed, ordered

__all__ = ["Deck", "repeats_of"]

Ints = npt.NDArray[np.int64]

#: A weight of this much of the least is the most that a deck carries.
MOST_COPIES = 16
#: Copies of an image of average weight, where weights differ.
COPIES = 4


def repeats_of(weights: npt.NDArray[np.float64]) -> Ints:
    """Copies of each image in a deck, in proportion to its weight, at least one."""
    if not len(weights) or weights.max() - weights.min() <= 1e-9 * weights.max():
        return np.ones(len(weights), np.int64)
    # One by one, so that the sum is the same on every machine.
    mean = float(np.cumsum(weights)[-1]) / len(weights)
    copies = np.rint(weights * (COPIES / mean)).astype(np.int64)
    return np.clip(copies, 1, MOST_COPIES)


class Deck:
    """Images that are dealt one after the other, round and round.

    Every image comes up once a round, or as often as it has copies, which lie evenly apart: so
    none is starved, and any stretch of the deck can be had without what came before it.

    Parameters
    ----------
    images : numpy.ndarray
        (k,) image ids.
    copies : numpy.ndarray
        (k,) of each, 1 or more.
    key : int
        Seed and group.
    """

    def __init__(self, images: Ints, copies: Ints, *key: int) -> None:
        self.images, self.copies = images, copies
        owner = np.repeat(np.arange(len(images)), copies)
        begin = np.repeat(np.cumsum(copies) - copies, copies)
        turn = (np.arange(len(owner)) - begin).astype(np.uint64)
        offset = hashed(len(images), *key)[owner] >> np.uint64(32)
        # Copy j of r begins the (j + chance) / r-th part of the round.
        place = ((turn << np.uint64(32)) + offset) // copies[owner].astype(np.uint64)
        self.cards = images[owner[ordered(place << np.uint64(32))]]

    def __len__(self) -> int:
        return len(self.cards)

    def dealt(self, start: int, count: int) -> Ints:
        """Cards `start` to `start + count` of the endless deck."""
        if not count:
            return np.empty(0, np.int64)
        at = start % len(self.cards)
        if at + count <= len(self.cards):
            return self.cards[at : at + count]
        rounds = -(-(at + count) // len(self.cards))
        return np.tile(self.cards, rounds)[at : at + count]
