"""Numbers that belong to one stage of one image in one epoch.

Every number is the hash of what it is for and of a counter, in integers alone: no stream is
shared, so the order of images, the number of workers and the machine change nothing, and a stage
that is taken out of a recipe changes no draw of the others.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from .._scalars import as_whole

__all__ = ["Draws", "image_key", "of_image"]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def image_key(value: Any) -> str:
    """A name or number of an image as the text that its draws hang on: 7 and "7" differ."""
    if isinstance(value, str):
        return "s" + value
    return f"i{as_whole(value, 'image_key', 'a text or an integer')}"


def of_image(seed: int, key: str, epoch: int) -> blake2b:
    """The hash of what the stages of an image have in common."""
    return blake2b(f"{seed}\0{epoch}\0{key}\0".encode("utf-8", "surrogatepass"), digest_size=8)


def _state(image: blake2b, stage: bytes) -> int:
    mine = image.copy()
    mine.update(stage)
    return int.from_bytes(mine.digest(), "little")


class Draws:
    """Random numbers of one stage.

    Parameters
    ----------
    seed : int
        Of the run.
    key : str
        Of the image, from :func:`image_key`.
    epoch : int
        Which time the image is seen.
    stage : str
        What the numbers are for.

    Examples
    --------
    >>> draws = Draws(0, image_key("a.jpg"), 3, "rotate")
    >>> again = Draws(0, image_key("a.jpg"), 3, "rotate")
    >>> draws.uniform(-5, 5) == again.uniform(-5, 5)
    True
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int, key: str, epoch: int, stage: str) -> None:
        self._state = _state(of_image(seed, key, epoch), stage.encode())

    @classmethod
    def of_stage(cls, image: blake2b, stage: bytes) -> Draws:
        """The same from :func:`of_image`, which the stages of an image share."""
        draws = cls.__new__(cls)
        draws._state = _state(image, stage)
        return draws

    @classmethod
    def of_state(cls, state: int) -> Draws:
        """The same from where others stand."""
        draws = cls.__new__(cls)
        draws._state = state
        return draws

    @property
    def state(self) -> int:
        """What all numbers from here on hang on."""
        return self._state

    def bits(self) -> int:
        """64 random bits: SplitMix64 (Steele, Lea and Flood, 2014) of the counter."""
        self._state = z = (self._state + _GOLDEN) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def unit(self) -> float:
        """A number from 0 up to but not including 1, a multiple of 2^-53."""
        return (self.bits() >> 11) * (1.0 / (1 << 53))

    def uniform(self, low: float, high: float) -> float:
        """A number between two."""
        return low + (high - low) * self.unit()

    def below(self, n: int) -> int:
        """A whole number from 0 up to but not including n."""
        return (self.bits() * n) >> 64
