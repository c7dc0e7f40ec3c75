"""What a mix cannot have from its set, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .schedule import GROUPS, Plan

if TYPE_CHECKING:
    from ...difficulty import Difficulty

__all__ = ["unreached"]

Ints = npt.NDArray[np.int64]

#: A share that is off by less is reached.
_SLACK = 0.005

#: What to look for where no box has the reason.
_SOUGHT = {
    "size": "small or far targets",
    "occlusion": "hidden targets",
    "truncation": "targets cut off by the frame",
    "sharpness": "targets in motion or out of focus",
    "light": "targets in the dark or in glare",
    "contrast": "targets that look like what is behind them",
    "background": "busy backgrounds",
    "crowding": "crowds",
    "rare_class": "rare classes",
    "rare_pose": "unusual poses",
    "model": "images that the model gets wrong",
}
#: What keeps boxes from being easy, in words.
_KEEPS = {
    "size": "their size at the input",
    "occlusion": "occlusion",
    "truncation": "being cut off",
    "marked": "being marked as difficult",
    "sharpness": "blur",
    "light": "too little or too much light",
    "contrast": "low contrast",
    "background": "busy backgrounds",
    "crowding": "crowding",
    "rare_class": "rare classes",
    "rare_pose": "rare poses",
    "model": "what the model gets wrong",
}
_NAMED = 3


def unreached(
    plan: Plan, available: Ints, size: int, max_repeat: int, difficulty: Difficulty, warmup: int
) -> tuple[str, ...]:
    """One sentence for each group that falls short, one for what is first short in the warm-up."""
    out = []
    for k, name in enumerate(GROUPS):
        asked, has = plan.asked[:, k], plan.quotas[:, k]
        got = has / np.maximum(plan.quotas.sum(axis=1), 1)
        short = np.flatnonzero((asked - got > _SLACK) & (asked * size - has >= 1.0))
        if not len(short):
            continue
        # What the run stays at; of a start that alone falls short, the worst.
        last = len(asked) - 1
        worst = last if short[-1] == last else int(short[np.argmax((asked - got)[short])])
        more = int(np.ceil(asked[worst] * size / max_repeat)) - int(available[k])
        when = _when(short, len(asked), warmup)
        there = f"{available[k]:,} image{'' if available[k] == 1 else 's'}"
        other = "" if available[k] or name == "negative" else "; or take levels by rank"
        repeats = f", each up to {max_repeat} times an epoch" if available[k] else ""
        out.append(
            f"{name}: {_percent(asked[worst])} asked and {_percent(got[worst])} reached{when}: "
            f"the set has {there}{repeats}; {_remedy(name, max(more, 1), difficulty)}{other}"
        )
    sizes = plan.quotas.sum(axis=1)
    if int(sizes.min()) < size:
        out.append(
            f"size: {size:,} images an epoch asked and {int(sizes.min()):,} reached in the "
            f"smallest: no image is used more than {max_repeat} times an epoch on average"
        )
    return tuple(out)


def _when(short: Ints, epochs: int, warmup: int) -> str:
    if len(short) == epochs:
        return ""
    if int(short.max()) < max(warmup, 1):
        return f" in {len(short)} of the first {warmup} epochs"
    return f" in {len(short)} of {epochs} epochs"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _remedy(name: str, more: int, difficulty: Difficulty) -> str:
    if name == "negative":
        return f"add {more:,} or more frames with nothing in them (fastlabel negatives)"
    means = difficulty.reasons("boxes")
    if name == "hard":
        rare = sorted((k for k in means if k in _SOUGHT), key=lambda k: means[k])[:_NAMED]
        what = ", ".join(_SOUGHT[k] for k in rare) or "difficult views"
        return f"collect {more:,} or more hard images ({what}), or paste targets (fastlabel paste)"
    common = sorted((k for k in means if means[k] > 0.02), key=lambda k: -means[k])[:_NAMED]
    what = ", ".join(_KEEPS[k] for k in common)
    keeps = f"; here {what} keep boxes from it" if what else ""
    if name == "medium":
        return f"collect {more:,} or more images between easy and hard"
    return f"collect {more:,} or more plain views{keeps}"
