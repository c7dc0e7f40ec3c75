"""How much more frequent a scene is in the deployment than in the set: a density ratio.

By histograms, feature by feature, or by a logistic regression of scikit-learn; both are brought
to scale on frames and images that they were not fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LEARNERS", "Fit", "area_under_curve", "fit_ratio"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEARNERS = ("histogram", "sklearn")

#: Bins of one feature's histogram, before it is smoothed.
BINS = 256
#: Frames' worth of doubt: what both densities have of their common mean.
DOUBT = 1.0
#: Parts of the cross-validation.
FOLDS = 5
#: Images that the logistic regression is fitted to; all are judged.
MOST_FITTED = 20_000
#: Beyond this share at each end the histogram's last bin is open.
TAIL = 0.001


@dataclass(frozen=True)
class Fit:
    """What a fit says of the images of the set and of the reference frames.

    Attributes
    ----------
    log_ratio : numpy.ndarray
        (images,) natural logarithm of density in the deployment over density in the set.
    reference : numpy.ndarray
        (frames,) the same of the frames, each by a fit that has not seen it.
    parts : numpy.ndarray
        (images, groups) what each group of features adds to an image's evidence, before it is
        brought to scale: the reasons.
    by_feature : numpy.ndarray
        (images, features) the same of each feature.
    auc : float
        How well frames and images are told apart, on what was held out: 0.5 not at all.
    scale : float
        What the evidence is worth, 0 to 1.
    """

    log_ratio: Floats
    reference: Floats
    parts: Floats
    by_feature: Floats
    auc: float
    scale: float


def fit_ratio(
    images: Floats, frames: Floats, units: Floats, groups: Ints, learner: str = "histogram"
) -> Fit:
    """Estimate the density ratio of the deployment to the set.

    Parameters
    ----------
    images : numpy.ndarray
        (N, F) features of the images; NaN where unknown.
    frames : numpy.ndarray
        (M, F) those of the reference frames, at least one.
    units : numpy.ndarray
        (F,) differences that are still alike: the least width of the smoothing.
    groups : numpy.ndarray
        (F,) which group each feature is of, 0, 1, ...
    learner : {"histogram", "sklearn"}

    Returns
    -------
    Fit

    Notes
    -----
    Histogram: each feature's density is a histogram smoothed by a Gaussian no narrower than half
    its unit (Silverman 1986 for the width that the number of frames allows), both densities with
    one frame's worth of their mean added, so that few frames are never certain. The logarithms
    of the ratios add up within a group over the root of their number, and then over the groups.
    scikit-learn: logistic regression on cubic splines of the features, classes balanced; the
    probability is the ratio (Bickel, Brückner and Scheffer 2007).

    Either is brought to scale by one logistic regression of its sum on what was held out in five
    parts (Platt 1999), never beyond what it claims. Where the frames are like the set, held out
    they cannot be told from it, and all ratios are near 1.
    """
    by_feature, of_frames = _histograms(images, frames, units)
    weights = _within_groups(groups)
    parts = _sums(by_feature * weights, groups)
    if learner == "sklearn":
        full, held_images, held_frames = _logistic(images, frames)
    else:
        full = parts.sum(axis=1)
        held_images, held_frames = _held_out(images, frames, units, weights)
    if len(frames) == 1:  # nothing can be held out
        held_images, held_frames = full, (of_frames * weights).sum(axis=1)
    scale, shift = _calibrated(held_frames, held_images)
    auc = area_under_curve(held_frames, held_images)
    return Fit(full * scale + shift, held_frames * scale + shift, parts, by_feature, auc, scale)


def area_under_curve(above: Floats, below: Floats) -> float:
    """The chance that one of the first is over one of the second; half for ties.

    Examples
    --------
    >>> area_under_curve(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    if not len(above) or not len(below):
        return float("nan")
    values, place = np.unique(np.concatenate([above, below]), return_inverse=True)
    low = np.bincount(place[len(above) :], minlength=len(values))
    rank = np.cumsum(low) - low / 2
    return float(rank[place[: len(above)]].sum() / (len(above) * len(below)))


# ---- histograms ----------------------------------------------------------------


@dataclass(frozen=True)
class _Bins:
    """One feature in bins: which bin each value is in, and how wide they are."""

    images: Ints  # -1: unknown
    frames: Ints
    width: float
    spread: float  # of the smoothing, in bins


def _binned(images: Floats, frames: Floats, unit: float) -> _Bins | None:
    """Bins of one feature; None where one of the sides knows nothing of it."""
    known = images[np.isfinite(images)], frames[np.isfinite(frames)]
    if not len(known[0]) or not len(known[1]):
        return None
    ends = np.array([np.quantile(side, [TAIL, 1 - TAIL]) for side in known])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    spread = max(unit / 2, _silverman(known[1]))
    low, high = low - spread, high + spread
    width = (high - low) / BINS

    def places(values: Floats) -> Ints:
        with np.errstate(invalid="ignore"):
            at = np.clip((values - low) / width, 0, BINS - 1)
        return np.where(np.isfinite(values), np.nan_to_num(at), -1).astype(np.int64)

    return _Bins(places(images), places(frames), width, spread / width)


def _silverman(values: Floats) -> float:
    """Silverman's rule of thumb (1986, eq. 3.31) for the width of a Gaussian kernel."""
    if len(values) < 2:
        return 0.0
    low, high = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std()), float(high - low) / 1.34) or float(values.std())
    return float(0.9 * spread * len(values) ** -0.2)


def _log_ratio(of_images: Ints, of_frames: Ints, bins: _Bins) -> Floats:
    """(BINS,) logarithm of the frames' density over the images', from their bins."""
    q = _density(of_images, bins.spread)
    p = _density(of_frames, bins.spread)
    n, m = int((of_images >= 0).sum()), int((of_frames >= 0).sum())
    if not n or not m:
        return np.zeros(BINS)
    mean = (p + q) / 2
    p = (p * m + DOUBT * mean) / (m + DOUBT)
    q = (q * n + DOUBT * mean) / (n + DOUBT)
    tiny = 1e-12  # where neither is, the two are alike
    return np.asarray(np.log((p + tiny) / (q + tiny)))


def _density(places: Ints, spread: float) -> Floats:
    known = places[places >= 0]
    counts = np.bincount(known, minlength=BINS).astype(np.float64)
    reach = min(int(np.ceil(4 * spread)), BINS - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    # What the kernel would carry past an end is reflected.
    padded = np.concatenate([counts[:reach][::-1], counts, counts[::-1][:reach]])
    smooth = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    return np.asarray(smooth / max(len(known), 1))


def _taken(ratio: Floats, places: Ints) -> Floats:
    return np.where(places >= 0, ratio[places], 0.0)


def _histograms(images: Floats, frames: Floats, units: Floats) -> tuple[Floats, Floats]:
    """Evidence of each feature for each image and frame, fitted to all of them."""
    out, own = np.zeros_like(images), np.zeros_like(frames)
    for k, unit in enumerate(units.tolist()):
        bins = _binned(images[:, k], frames[:, k], unit)
        if bins is not None:
            ratio = _log_ratio(bins.images, bins.frames, bins)
            out[:, k], own[:, k] = _taken(ratio, bins.images), _taken(ratio, bins.frames)
    return out, own


def _held_out(
    images: Floats, frames: Floats, units: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """Evidence for each image and frame, by fits that have not seen it."""
    mine, theirs = _folds(len(images)), _folds(len(frames))
    out, own = np.zeros(len(images)), np.zeros(len(frames))
    for k, unit in enumerate(units.tolist()):
        bins = _binned(images[:, k], frames[:, k], unit)
        if bins is None:
            continue
        for fold in range(FOLDS):
            here, there = mine == fold, theirs == fold
            if not here.any() and not there.any():
                continue
            ratio = _log_ratio(bins.images[~here], bins.frames[~there], bins)
            out[here] += weights[k] * _taken(ratio, bins.images[here])
            own[there] += weights[k] * _taken(ratio, bins.frames[there])
    return out, own


def _folds(n: int) -> Ints:
    """Which part each row is in: in turn, so that no stretch of the set is missing from a fit."""
    return np.arange(n) % FOLDS


def _within_groups(groups: Ints) -> Floats:
    """One over the root of the number of features of each feature's group."""
    return np.asarray(1 / np.sqrt(np.bincount(groups)[groups]))


def _sums(evidence: Floats, groups: Ints) -> Floats:
    out = np.zeros((len(evidence), int(groups.max(initial=-1)) + 1))
    for k, group in enumerate(groups.tolist()):
        out[:, group] += evidence[:, k]
    return out


# ---- scikit-learn --------------------------------------------------------------


def _logistic(images: Floats, frames: Floats) -> tuple[Floats, Floats, Floats]:
    """Log odds by a logistic regression: of all images, and of both sides held out."""
    from .learner import model

    both = np.concatenate([frames, images])
    middle = np.nan_to_num(np.nanmedian(np.where(np.isfinite(both), both, np.nan), axis=0))
    filled = np.where(np.isfinite(both), both, middle)
    truth = np.zeros(len(both), np.int64)
    truth[: len(frames)] = 1
    folds = np.concatenate([_folds(len(frames)), _folds(len(images))])
    held = np.zeros(len(both))
    for fold in range(FOLDS):
        here = folds == fold
        if here.any() and len(frames) > 1:
            rest = _some(np.flatnonzero(~here), truth)
            held[here] = model(filled[rest], truth[rest]).decision_function(filled[here])
    rest = _some(np.arange(len(both)), truth)
    full = model(filled[rest], truth[rest]).decision_function(filled[len(frames) :])
    return np.asarray(full), held[len(frames) :], held[: len(frames)]


def _some(rows: Ints, truth: Ints) -> Ints:
    """All the frames of some rows, and of more images than help, evenly spaced ones."""
    images = rows[truth[rows] == 0]
    if len(images) > MOST_FITTED:
        images = images[np.linspace(0, len(images) - 1, MOST_FITTED).round().astype(np.int64)]
    return np.concatenate([rows[truth[rows] == 1], images])


# ---- scale ---------------------------------------------------------------------


def _calibrated(frames: Floats, images: Floats) -> tuple[float, float]:
    """Factor and shift that make evidence a log ratio: a logistic regression of one number.

    Both sides weigh the same. The targets are Platt's, for as many cases as there are frames, so
    that few of them never claim certainty.
    """
    x = np.concatenate([frames, images])
    size = float(min(len(frames), len(images)))
    aim = np.r_[np.full(len(frames), (size + 1) / (size + 2)), np.full(len(images), 1 / (size + 2))]
    weight = np.r_[np.full(len(frames), 0.5 / len(frames)), np.full(len(images), 0.5 / len(images))]
    a, b = 0.0, 0.0
    centre = float((weight * x).sum())
    spread = float(np.sqrt((weight * (x - centre) ** 2).sum()))
    if spread < 1e-9:
        return 0.0, 0.0
    z = (x - centre) / spread
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(a * z + b, -500, 500)))
        gradient = np.array([(weight * (aim - p) * z).sum(), (weight * (aim - p)).sum()])
        curve = weight * p * (1 - p)
        h = np.array([[(curve * z * z).sum(), (curve * z).sum()], [(curve * z).sum(), curve.sum()]])
        step = np.linalg.solve(h + 1e-9 * np.eye(2), gradient)
        step *= min(1.0, 4 / max(float(np.abs(step).max()), 1e-12))
        a, b = a + float(step[0]), b + float(step[1])
        if float(np.abs(step).max()) < 1e-10:
            break
    factor = a / spread
    if factor <= 0:
        return 0.0, 0.0
    if factor > 1:
        factor = 1.0
        b = _shift(factor * x, aim, weight)
        return factor, b
    return factor, b - factor * centre


def _shift(x: Floats, aim: Floats, weight: Floats) -> float:
    """The shift alone, for a factor that is given."""
    low, high = -50.0 - float(np.abs(x).max()), 50.0 + float(np.abs(x).max())
    for _ in range(100):
        middle = (low + high) / 2
        p = 1 / (1 + np.exp(-np.clip(x + middle, -500, 500)))
        if float((weight * (aim - p)).sum()) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
