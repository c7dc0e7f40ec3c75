"""Weights of images that keep the classes' shares, whatever the mix of levels draws from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["BALANCES", "balanced", "class_shares"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: ``keep``: classes as often as in the set; ``even``: all alike; ``none``: as it comes.
BALANCES = ("keep", "even", "none")

_ROUNDS = 6
#: An image is drawn at most so many times more, or less, often for its classes' sake.
_LEAST, _MOST = 0.25, 4.0


def class_shares(image_of: Ints, category: Ints, expected: Floats, classes: int) -> Floats:
    """Share of each class among the boxes that are seen, images being drawn so often."""
    seen = np.bincount(category, weights=expected[image_of], minlength=classes)
    return seen / max(float(seen.sum()), 1e-300)


def balanced(
    kind: str,
    image_of: Ints,
    category: Ints,
    classes: int,
    group: npt.NDArray[np.uint8],
    quotas: Ints,
    weights: Floats,
) -> Floats:
    """Weights with which the classes come near to the shares that are wanted.

    Iterative proportional fitting (Deming and Stephan, 1940), an image taking the mean factor of
    its boxes; the sums of the groups stay what they are.

    Parameters
    ----------
    kind : {"keep", "even", "none"}
    image_of, category : numpy.ndarray
        Of each target of an image that is in a group.
    classes : int
    group : numpy.ndarray
        Group of each image, anything over 3 for none.
    quotas : numpy.ndarray
        (4,) images that are drawn of each group.
    weights : numpy.ndarray
        Of each image, to begin with.
    """
    out = weights.copy()
    used = group < len(quotas)
    present = np.bincount(category, minlength=classes)
    if kind == "none" or np.count_nonzero(present) < 2:
        return out
    if kind == "keep":
        wanted = present / present.sum()
    else:
        wanted = (present > 0) / np.count_nonzero(present)
    boxes = np.maximum(np.bincount(image_of, minlength=len(group)), 1)
    rate = np.empty(len(group))
    for _ in range(_ROUNDS):
        sums = np.bincount(group[used], weights=out[used], minlength=len(quotas))
        per = np.divide(quotas, sums, out=np.zeros(len(quotas)), where=sums > 0)
        np.multiply(out, np.append(per, 0.0)[np.minimum(group, len(quotas))], out=rate)
        have = class_shares(image_of, category, rate, classes)
        factor = np.divide(wanted, have, out=np.ones(classes), where=have > 0)
        if np.abs(factor[present > 0] - 1.0).max() < 0.01:
            break
        mean = np.bincount(image_of, weights=factor[category], minlength=len(group)) / boxes
        mean[mean == 0] = 1.0
        out *= mean
        np.clip(out, _LEAST * weights, _MOST * weights, out=out)
    return out
