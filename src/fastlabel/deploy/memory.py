"""What a model's input and activations take of a device's memory: an estimate.

The activations are those of a reference backbone and not of your model, which only its
own tool can tell: the widths of YOLOv5n and YOLOv8n (16, 32, 64, 128 and 256 channels at
strides 2, 4, 8, 16 and 32, a width multiple of 0.25 as their model files give it), run
layer by layer. A layer needs the map it reads and the map it writes, so the peak is that
of the two largest neighbours; Lin et al., "MCUNet" (NeurIPS 2020), use the same measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .tiers import TIERS

if TYPE_CHECKING:
    from .profile import Profile

__all__ = ["FORMULA", "MemoryNeed", "memory_need"]

#: Stride and channels of each map of the reference backbone.
REFERENCE_MAPS = ((2, 16), (4, 32), (8, 64), (16, 128), (32, 256))
CHANNELS = 3
BYTES = {"int8": 1, "float32": 4}

#: Share of the memory up to which it "fits". The rest is for the camera's frame, the
#: runtime and the application: a choice of ours, which no measurement gave.
COMFORTABLE = 0.5

FORMULA = (
    "input = width x height x 3; activations = the largest sum of two neighbouring maps of the "
    "reference backbone, ceil(width / s) x ceil(height / s) x channels, with 16, 32, 64, 128, "
    "256 channels at s = 2, 4, 8, 16, 32; one byte a value for int8 and four for float32"
)


@dataclass(frozen=True)
class MemoryNeed:
    """The estimate for one profile.

    Attributes
    ----------
    precision : {"int8", "float32"}
        What ``verdict`` is about.
    input_bytes : dict
        Bytes of the input buffer, by precision: the picture as 8-bit or as float32 numbers.
    activation_bytes : dict
        Bytes of the two largest neighbouring maps of the reference backbone, by precision.
    need : int
        Input and activations together at ``precision``.
    least, most : int or None
        Memory of the device, in bytes: its own when the profile says, else its tier's.
    verdict : {"fits", "tight", "does not fit"} or None
        ``fits`` up to half of the least memory, ``does not fit`` above the most. None
        when no memory is known.

    Notes
    -----
    Not counted: weights (in flash on a microcontroller), the camera's own frame, the
    runtime, the rest of the application.
    """

    precision: str
    input_bytes: dict[str, int]
    activation_bytes: dict[str, int]
    need: int
    least: int | None
    most: int | None
    verdict: str | None


def memory_need(profile: Profile) -> MemoryNeed:
    """Estimate what the input and the activations of a profile's model take.

    Parameters
    ----------
    profile : Profile
        Its input, tier and memory count.

    Returns
    -------
    MemoryNeed

    Examples
    --------
    >>> from fastlabel.deploy import load
    >>> need = memory_need(load("mcu-96"))
    >>> need.input_bytes["int8"], need.activation_bytes["int8"], need.verdict
    (27648, 55296, 'fits')
    """
    width, height = profile.input_width, profile.input_height
    values = [-(-width // s) * -(-height // s) * channels for s, channels in REFERENCE_MAPS]
    peak = max(a + b for a, b in pairwise(values))
    inputs = {name: width * height * CHANNELS * size for name, size in BYTES.items()}
    activations = {name: peak * size for name, size in BYTES.items()}
    tier = TIERS.get(profile.tier)
    precision = tier.precision if tier is not None else "float32"
    need = inputs[precision] + activations[precision]
    least, most = (profile.memory, profile.memory) if profile.memory else (None, None)
    if least is None and tier is not None:
        least, most = tier.memory
    least, most = least or most, most or least
    return MemoryNeed(
        precision, inputs, activations, need, least, most, _verdict(need, least, most)
    )


def _verdict(need: int, least: int | None, most: int | None) -> str | None:
    if least is None or most is None:
        return None
    if need > most:
        return "does not fit"
    return "fits" if need <= COMFORTABLE * least else "tight"
