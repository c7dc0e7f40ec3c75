"""Why an image is unlike the deployment, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .described import GRAY
from .features import Feature, column
from .ratio import Fit

__all__ = ["gap_words", "number", "reasons_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Reasons given for one image.
MOST = 2
#: A group that takes less than this off is no reason.
LEAST = 0.3
#: A group speaks through its plainest feature that says this part of what its loudest does.
NEARLY = 0.7


def reasons_of(
    features: Sequence[Feature],
    fit: Fit,
    groups: Sequence[str],
    which: Ints,
    images: pa.Table,
    frames: pa.Table,
    rows: Ints,
    seen_frames: npt.NDArray[np.bool_],
) -> list[str | None]:
    """One text for each image that is not kept: the groups that speak most against it.

    Each group speaks through the feature of it that is least like the frames.
    """
    out: list[str | None] = [None] * len(which)
    of_group = [[k for k, f in enumerate(features) if f.group == g] for g in groups]
    worst = np.stack([_speaker(fit.by_feature, at) for at in of_group], axis=1)
    order = np.argsort(fit.parts, axis=1, kind="stable")[:, :MOST]
    values, ranges, middles = [], [], []
    for feature in features:
        if feature.group == "embedding":
            values.append(np.zeros(len(rows)))
            ranges.append("")
            middles.append(0.0)
            continue
        theirs = column(frames, feature.name)[seen_frames]
        low, middle, high = np.nanquantile(theirs, [0.05, 0.5, 0.95]).tolist()
        values.append(column(images, feature.name)[rows])
        ranges.append(f"{number(low)} to {number(high)}")
        middles.append(middle)
    for at in np.flatnonzero(which > 0).tolist():
        said = []
        for group in order[at].tolist():
            if fit.parts[at, group] > -LEAST:
                break
            k = int(worst[at, group])
            feature = features[k]
            if feature.group == "embedding":
                said.append("unlike the frames by embedding")
                continue
            value = float(values[k][at])
            how = feature.above if value > middles[k] else feature.below
            said.append(f"{how} ({feature.words} {number(value)}, frames {ranges[k]})")
        out[at] = "; ".join(said) or "the whole of its features, none by itself"
    return out


def _speaker(evidence: Floats, features: Sequence[int]) -> Ints:
    """Of each image, the first of some features that speaks nearly as loud as the loudest."""
    mine = evidence[:, features]
    loud = mine <= NEARLY * mine.min(axis=1, keepdims=True)
    return np.asarray(np.array(features)[loud.argmax(axis=1)], np.int64)


def number(value: float) -> str:
    """A measured value with three digits that count."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def gap_words(gap: Mapping[str, Any]) -> str:
    """A gap as a sentence without its end.

    Examples
    --------
    >>> gap = {"feature": "luma_mean", "words": "luma", "low": None, "high": 40.0}
    >>> gap_words({**gap, "frames": 0.6, "count": 0})
    'no image with luma below 40 (60 % of the frames)'
    """
    from ..report.text import count, percent

    had = f"only {count(gap['count'], 'image')}" if gap["count"] else "no image"
    share = percent(gap["frames"])
    low, high = gap["low"], gap["high"]
    if gap["feature"] == "chroma" and low is None and high <= GRAY:
        return f"{had} gray or infrared ({share} of the frames)"
    if low is None:
        where = f"below {number(high)}"
    elif high is None:
        where = f"from {number(low)} on"
    else:
        where = f"between {number(low)} and {number(high)}"
    return f"{had} with {gap['words']} {where} ({share} of the frames)"
