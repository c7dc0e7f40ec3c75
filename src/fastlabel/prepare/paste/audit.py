"""The seam audit: can a small classifier tell pasted objects from real ones by their rims?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._scalars import as_whole
from .rims import RIM_FEATURES, rim_features

__all__ = ["AuditResult", "area_under_curve", "audit_rims", "audit_seams", "fit_logistic"]

Floats = NDArray[np.float64]

#: Ridge on standardised features: they are correlated, and examples are few.
_RIDGE = 1.0
_STEPS = 50
_RESAMPLES = 1000
_FEWEST = 10
#: Share of the resampled values inside the interval.
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class AuditResult:
    """How well pasted objects are told from real ones.

    Attributes
    ----------
    auc : float
        Probability that the classifier ranks a pasted rim above a real one, on images it was not
        trained on: 0.5 is invisible, 1 always seen.
    ci : tuple of float
        Its 95 % interval, by resampling source images.
    folds : tuple of float
        Of each fold alone; NaN where a fold holds one kind only.
    n_real, n_pasted : int
        Rims compared.
    skipped : int
        Objects without a rim: under 4 px, or at the border of the picture.
    importance : dict
        Weight of each standardised feature in a fit to all, largest first.
    """

    auc: float
    ci: tuple[float, float]
    folds: tuple[float, ...]
    n_real: int
    n_pasted: int
    skipped: int
    importance: dict[str, float]

    def __str__(self) -> str:
        return (
            f"seam AUC {self.auc:.3f} (95 % interval {self.ci[0]:.3f} to {self.ci[1]:.3f}; 0.5 is "
            f"invisible), {self.n_pasted} pasted and {self.n_real} real rims"
        )


def area_under_curve(scores: Any, positive: Any) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties by half.

    By ranks (Mann and Whitney, 1947); NaN when there is only one kind.

    Examples
    --------
    >>> area_under_curve([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    values = np.asarray(scores, np.float64)
    wanted = np.asarray(positive, bool)
    n = int(wanted.sum())
    m = len(wanted) - n
    if n == 0 or m == 0:
        return float("nan")
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return float((ranks[wanted].sum() - n * (n + 1) / 2) / (n * m))


def fit_logistic(x: Floats, y: Any, ridge: float = _RIDGE) -> Floats:
    """Weights of a logistic regression, the intercept last, by Newton's method.

    Minimises the negative log likelihood plus ``ridge / 2`` times the squared weights; the
    intercept is free.

    Parameters
    ----------
    x : numpy.ndarray
        (N, F) float64.
    y : array_like
        (N,) of 0 and 1.
    ridge : float
        Above 0, so that separable data have a solution too.

    Returns
    -------
    numpy.ndarray
        (F + 1,) float64.
    """
    design = np.column_stack([x, np.ones(len(x))])
    wanted = np.asarray(y, np.float64)
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-9
    weights = np.zeros(design.shape[1])

    def loss(w: Floats) -> float:
        z = design @ w
        return float((np.logaddexp(0, z) - wanted * z).sum() + (penalty * w * w).sum() / 2)

    best = loss(weights)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(design @ weights).clip(-500, 500)))
        gradient = design.T @ (p - wanted) + penalty * weights
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while loss(weights - size * step) > best and size > 1e-6:
            size /= 2  # far out, a whole step overshoots
        weights = weights - size * step
        now = loss(weights)
        if abs(best - now) < 1e-10 * (1 + abs(now)):
            break
        best = now
    return weights


def audit_rims(
    real: Any,
    pasted: Any,
    real_groups: Sequence[Any],
    pasted_groups: Sequence[Any],
    *,
    folds: int = 5,
    seed: int = 0,
    skipped: int = 0,
) -> AuditResult:
    """Cross-validate a logistic regression on features of rims.

    Parameters
    ----------
    real, pasted : array_like
        (N, F) and (M, F) features, as `rim_features` gives them.
    real_groups, pasted_groups : sequence
        Source image of each: all of a group are in one fold, so that nothing is learnt of an
        object that is asked about later.
    folds : int
        At least 2.
    seed : int
        Of the folds and of the resampling.
    skipped : int
        Objects that had no rim, to be told with the result.

    Returns
    -------
    AuditResult

    Raises
    ------
    ValueError
        With fewer than ten of a kind, or groups than folds.
    """
    a, b = np.asarray(real, np.float64), np.asarray(pasted, np.float64)
    for name, rows, groups in (("real", a, real_groups), ("pasted", b, pasted_groups)):
        if len(rows) < _FEWEST or rows.ndim != 2:
            raise ValueError(f"{name}: got {len(rows)} rims, expected {_FEWEST} or more")
        if len(groups) != len(rows):
            raise ValueError(f"{name}_groups: got {len(groups)}, expected {len(rows)}")
        if not np.isfinite(rows).all():
            raise ValueError(f"{name}: got features that are not finite")
    if as_whole(folds, "folds") < 2:
        raise ValueError(f"folds: got {folds}, expected 2 or more")
    x = np.concatenate([a, b])
    y = np.repeat([False, True], [len(a), len(b)])
    names: list[Any] = []
    index: dict[Any, int] = {}
    for group in [*real_groups, *pasted_groups]:
        if group not in index:
            index[group] = len(names)
            names.append(group)
    group_of = np.array([index[g] for g in [*real_groups, *pasted_groups]])
    if len(names) < folds:
        raise ValueError(f"folds: got {folds}, but the rims are of {len(names)} images")
    rng = np.random.default_rng(as_whole(seed, "seed"))
    fold_of = (rng.permutation(len(names)) % folds)[group_of]
    scores = np.zeros(len(x))
    each = []
    for k in range(folds):
        test = fold_of == k
        if len(np.unique(y[~test])) < 2:
            raise ValueError("folds: without one of them only one kind is left; take fewer")
        scores[test] = _fitted(x[~test], y[~test], x[test])
        each.append(area_under_curve(scores[test], y[test]))
    mean, spread = _standard(x)
    weights = fit_logistic((x - mean) / spread, y)
    order = np.argsort(-np.abs(weights[:-1]), kind="stable")
    labels = RIM_FEATURES if x.shape[1] == len(RIM_FEATURES) else range(x.shape[1])
    return AuditResult(
        area_under_curve(scores, y),
        _interval(scores, y, group_of, len(names), rng),
        tuple(each),
        len(a),
        len(b),
        skipped,
        {str(labels[i]): float(weights[i]) for i in order},
    )


def _standard(x: Floats) -> tuple[Floats, Floats]:
    spread = x.std(0)
    return x.mean(0), np.where(spread > 1e-12, spread, 1.0)


def _fitted(x: Floats, y: NDArray[np.bool_], test: Floats) -> Floats:
    """Scores of test rows by a fit to others, both standardised as those are."""
    mean, spread = _standard(x)
    weights = fit_logistic((x - mean) / spread, y)
    scores: Floats = ((test - mean) / spread) @ weights[:-1] + weights[-1]
    return scores


def _interval(
    scores: Floats, y: NDArray[np.bool_], group_of: NDArray[Any], groups: int, rng: Any
) -> tuple[float, float]:
    """Percentiles of the AUC over resampled images: rims of one image are no separate evidence."""
    members = [np.flatnonzero(group_of == g) for g in range(groups)]
    values = []
    for _ in range(_RESAMPLES):
        rows = np.concatenate([members[g] for g in rng.integers(0, groups, groups)])
        values.append(area_under_curve(scores[rows], y[rows]))
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def audit_seams(
    real: Iterable[tuple[Any, Any, Any]],
    pasted: Iterable[tuple[Any, Any, Any]],
    *,
    folds: int = 5,
    seed: int = 0,
) -> AuditResult:
    """Compare the rims of real and of pasted objects in pictures.

    Compare like with like: objects of the same sizes, real ones in pictures shrunk as a whole.

    Parameters
    ----------
    real, pasted : iterable of (image, boxes, group)
        A picture (H, W, 3) uint8, the boxes (N, 4) of its objects in ``xyxy``, and the source image
        of the objects: one value, or a sequence of one a box. Pictures are looked at one by one.
    folds : int
        Of the cross-validation, by group.
    seed : int
        Of the folds and the resampling.

    Returns
    -------
    AuditResult

    Raises
    ------
    ValueError
        With fewer than ten rims of a kind.
    """
    sides = []
    skipped = 0
    for pictures in (real, pasted):
        rows: list[Floats] = []
        groups: list[Any] = []
        for image, boxes, group in pictures:
            owners = group if isinstance(group, (list, tuple, np.ndarray)) else [group] * len(boxes)
            for box, owner in zip(boxes, owners, strict=True):
                features = rim_features(image, box)
                if features is None:
                    skipped += 1
                    continue
                rows.append(features)
                groups.append(owner)
        sides.append((np.array(rows).reshape(len(rows), -1), groups))
    (a, a_groups), (b, b_groups) = sides
    return audit_rims(a, b, a_groups, b_groups, folds=folds, seed=seed, skipped=skipped)
