"""What a report says of the levels: how many there are, and examples of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..rules.context import Context
from .settings import LEVELS, Settings
from .table import Sample, explained, sampled

__all__ = ["overview"]

#: Boxes of each level that are shown.
EXAMPLES = 6


def overview(ctx: Context, settings: Settings) -> dict[str, Any] | None:
    """Levels of a set as plain JSON values; None where no box has one.

    Parameters
    ----------
    ctx : Context
        The set and what the scan measured.
    settings : Settings
        Limits, weights and cut-offs.

    Returns
    -------
    dict or None
        ``boxes`` and ``images`` by level, how many were looked at, whether the ``rings`` of the
        boxes were measured, and for each level examples from its easiest box to its hardest:
        ``annotation_id``, ``image_id``, ``score``, ``text``.
    """
    if not ctx.ds.annotations.num_rows:
        return None
    found = sampled(ctx, settings)
    if not len(found.images):
        return None
    rings = ctx.box_stats is not None and "ring_luma_mean" in ctx.box_stats.column_names
    boxes = np.bincount(found.codes, minlength=len(LEVELS))
    images = np.bincount(found.image_codes, minlength=len(LEVELS))
    return {
        "boxes": {name: int(boxes[k]) for k, name in enumerate(LEVELS)},
        "images": {name: int(images[k]) for k, name in enumerate(LEVELS)},
        "images_judged": found.looked_at,
        "rings": rings,
        "medium_from": settings.medium,
        "hard_from": settings.hard,
        "examples": {name: _examples(ctx, settings, found, k) for k, name in enumerate(LEVELS)},
    }


def _examples(ctx: Context, settings: Settings, found: Sample, level: int) -> list[dict[str, Any]]:
    """Boxes of one level at even steps of its scores, of different images where there are."""
    at = np.flatnonzero(found.codes == level)
    at = at[np.argsort(found.score[at], kind="stable")]
    image = ctx.image_of[found.rows]
    chosen: list[int] = []
    seen: set[int] = set()
    for k in range(min(EXAMPLES, len(at))):
        span = (
            at[k * len(at) // EXAMPLES : (k + 1) * len(at) // EXAMPLES]
            if len(at) > EXAMPLES
            else at
        )
        fresh = (i for i in span[:64].tolist() if int(image[i]) not in seen and i not in chosen)
        pick = next(fresh, None)
        if pick is None:
            pick = next((i for i in span.tolist() if i not in chosen), None)
        if pick is not None:
            chosen.append(pick)
            seen.add(int(image[pick]))
    chosen.sort(key=lambda i: (float(found.score[i]), i))
    rows = found.rows[chosen] if chosen else np.empty(0, np.int64)
    codes = found.codes[chosen] if chosen else np.empty(0, np.uint8)
    texts = explained(ctx, settings, found.rare, None, codes, rows)
    return [
        {
            "annotation_id": int(row),
            "image_id": int(ctx.image_of[row]),
            "score": round(float(found.score[i]), 4),
            "text": text,
        }
        for i, row, text in zip(chosen, rows.tolist(), texts, strict=True)
    ]
