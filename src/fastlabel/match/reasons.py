"""Why an image is unlike the deployment, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .features import Feature, column
from .ratio import Fit

__all__ = ["gap_words", "number", "reasons_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Reasons given for one image.
MOST = 2
#: A group that takes less than this off is no reason.
LEAST = 0.3


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
    worst = np.stack(
        [np.array(at)[fit.by_feature[:, at].argmin(axis=1)] for at in of_group], axis=1
    )
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


def number(value: float) -> str:
    """A measured value with three digits that count."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def gap_words(gap: dict[str, object]) -> str:
    """A gap as a sentence without its end: ``no images below luma 40 (60 % of the frames)``."""
    from ..report.text import count, percent

    n = int(str(gap["count"]))
    had = "no image" if n == 0 else f"only {count(n, 'image')}"
    limit = number(float(str(gap["limit"])))
    share = percent(float(str(gap["frames"])))
    if gap["feature"] == "chroma" and gap["side"] == "below" and float(str(gap["limit"])) <= 1.5:
        return f"{had} gray or infrared ({share} of the frames)"
    return f"{had} with {gap['words']} {gap['side']} {limit} ({share} of the frames)"
