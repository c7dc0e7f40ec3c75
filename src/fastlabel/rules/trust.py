"""How far a model and the labels can be trusted where they disagree, learnt from the set itself.

Nobody tells which of the two is wrong. But where a model that is as sure, of objects as large and
as crowded, mostly agrees with the labels, a disagreement is rare for the model, and the label is
suspect. Write `R(x)` for the odds of a disagreement at such circumstances `x`, as counted on the
set, and `t` for the odds that a label is wrong, whatever the model. Label errors do not know how
sure the model is, so there are `t` of them for each agreement at every `x`, and a disagreement is
the label's fault with probability `t / R(x)`; the rest of `R(x)` is the model's own error rate.
What `t` is cannot be known from one model alone. It is taken from where the model is surest, less
what even a good one errs there; and the more disagreements are left there, the smaller a share of
them is put down to the labels (:data:`BELIEVED`), for then the model is weak.

For boxes that are off the same is said of tails: how far off a box may be is learnt for each
score and size, and what lies farther out than that spread accounts for is the label's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from .context import Bools, Floats, Ints
from .pairing import Facts

__all__ = ["Judgement", "judge", "label_odds"]

#: Odds of an error that even a good model makes where it is surest; a detector misses more than
#: it says wrongly.
SLIPS, MISSES = 0.005, 0.04
#: Odds of a disagreement, where the model is surest, of which half is put down to the labels.
BELIEVED, BELIEVED_MISSES = 0.4, 0.15
#: Least odds of a label error, and of a label on nothing: no set is taken for perfect. Test sets
#: that all the world uses have 3 % of wrong labels (Northcutt et al. 2021).
LEAST, LEAST_MISSED = 0.01, 0.005
#: Share of the rows, the surest ones, that tell the odds of a label error; and how many at least.
SUREST, ENOUGH = 0.3, 100
#: Pseudo-counts of what a class has of its own: one with few errors is judged as all are.
CLASS_PRIOR = 3.0
#: Pseudo-counts of a pair of classes that the model mixes up.
PAIR_PRIOR = 3.0
#: Objects of the whole set that count beside those of an image, when it is asked what is common
#: there.
SCENE_PRIOR = 3.0
#: Power of how much more common one class is than the other. 1 would be right for a model that
#: errs to any class alike; one that errs to what is common in such scenes would need 0.
SCENE = 0.5
#: Pull of the curve's knots to their neighbours, and of the tables to nothing.
RIDGE, TABLE_RIDGE = 1.0, 3.0
#: Rows of the rarer outcome for each knot of a curve: fewer tell nothing of its shape.
EVENTS = 5
#: Rows of one bin of a curve of quantiles, at least; and its pull to the whole.
BIN_ROWS, BIN_PRIOR = 30, 20
#: Objects without a label that crowds are taken to hold, beside those that were seen.
CROWDED = 5.0
#: IoU from which a prediction is in the place of its label.
PLACED = 0.5
#: IoU lost that is nothing: a pixel or so of rounding.
LOST = 0.01
#: Share of the boxes that tells how far off an edge usually is.
NEAR = 0.75
#: How much wider a tenth of the errors of a model's boxes is spread than the rest.
WIDER = 1.8
#: Boxes that are far off by chance in any set: a single one is not quite sure.
LONE = 0.4


@dataclass
class Judgement:
    """Probabilities that labels are wrong, by what is wrong with them.

    Attributes
    ----------
    missing : numpy.ndarray
        Of each prediction: that it is an object without a label.
    trust : numpy.ndarray
        Of each prediction: how often ones as sure are right, wherever they lie.
    spurious, swapped, misplaced : numpy.ndarray
        Of each label: that there is no object, that it has another class, that its box is off.
        0 where the model agrees or does not know the class; where it says nothing of the object,
        class and box are wrong as often as anywhere.
    usual : numpy.ndarray
        Of each label, the IoU that the model usually reaches at its score and size; else NaN.
    rates : dict of str to float
        Share of labels that was taken for wrong, by kind.
    """

    missing: Floats
    trust: Floats
    spurious: Floats
    swapped: Floats
    misplaced: Floats
    usual: Floats
    rates: dict[str, float] = field(default_factory=dict)


def judge(
    boxes: Floats,
    classes: Ints,
    known: Bools,
    predicted: Floats,
    said: Ints,
    scores: Floats,
    facts: Facts,
    n_classes: int,
    image: Ints,
    crowd: Bools | None = None,
) -> Judgement:
    """Judge every label and prediction of one model.

    Parameters
    ----------
    boxes, classes : numpy.ndarray
        (N, 4) and (N,): the labels; -1 is no class.
    known : numpy.ndarray
        (N,) bool: labels of a class that the model can say; it is silent on others.
    predicted, said, scores : numpy.ndarray
        (M, 4), (M,) and (M,): the predictions.
    facts : Facts
        How the two lie to each other.
    n_classes : int
        Classes of the set.
    image : numpy.ndarray
        (N,): the image of each label.
    crowd : numpy.ndarray, optional
        (M,) bool: predictions in a crowd of their class; none if not given.
    """
    n, m = len(boxes), len(predicted)
    out = Judgement(
        np.zeros(m), np.zeros(m), np.zeros(n), np.zeros(n), np.zeros(n), np.full(n, np.nan)
    )
    if m:
        within = np.zeros(m, np.bool_) if crowd is None else crowd
        _missing(out, predicted, said, scores, facts, n_classes, within)
    if n:
        _spurious(out, boxes, classes, known, facts, n_classes)
    if n and m:
        _swapped(out, boxes, classes, known, said, scores, facts, n_classes, image)
        _misplaced(out, boxes, known, predicted, scores, facts)
        _beside(out, facts)
    return out


# ---- odds of an agreement ------------------------------------------------------


@dataclass
class Additive:
    """Log odds of an agreement: a curve of one number, and a table entry for each other fact."""

    knots: Floats
    curve: Floats
    tables: list[Floats]
    by_class: Floats

    def __call__(self, x: Floats, bins: Sequence[Ints], classes: Ints | None = None) -> Floats:
        """Log odds of each row; without classes, of classes like all."""
        eta = np.interp(x, self.knots, self.curve)
        for table, b in zip(self.tables, bins, strict=False):
            eta = eta + table[b]
        return np.asarray(eta if classes is None else eta + self.by_class[classes])


def fit_additive(
    x: Floats,
    bins: Sequence[Ints],
    sizes: Sequence[int],
    classes: Ints,
    n_classes: int,
    agree: Bools,
) -> Additive:
    """Fit by penalised logistic regression.

    On cells of equal circumstances, so that the cost hardly grows with the rows; the curve
    never falls. What classes have of their own comes after, drawn to what all have.
    """
    rarer = int(min(agree.sum(), len(agree) - agree.sum()))
    knots = _quantiles(x, int(np.clip(rarer // EVENTS, 2, 9)))
    cells, cell = _cells(x, bins, sizes)
    n = np.bincount(cell).astype(np.float64)
    k = np.bincount(cell, agree, minlength=len(n)).astype(np.float64)
    mean = np.bincount(cell, x, minlength=len(n)) / np.maximum(n, 1)
    tables = [np.eye(s)[b] for b, s in zip(cells, sizes, strict=True)]
    design = np.concatenate([_hat(mean, knots), *tables], axis=1)
    beta = _regress(design, n, k, len(knots))
    curve = np.maximum.accumulate(beta[: len(knots)])
    ends = np.cumsum([len(knots), *sizes])
    fitted = [beta[a:b] for a, b in pairwise(ends)]
    model = Additive(knots, curve, fitted, np.zeros(n_classes + 1))
    chance = 1 / (1 + np.exp(-np.clip(model(x, bins), -30, 30)))
    count, got, want = (
        np.bincount(classes, weights, minlength=n_classes + 1) for weights in (None, agree, chance)
    )
    c = CLASS_PRIOR
    model.by_class = np.log((got + c) / (want + c)) - np.log((count - got + c) / (count - want + c))
    return model


def _quantiles(x: Floats, count: int) -> Floats:
    # Of a part of very many rows: they are the same to three digits.
    some = x[:: max(len(x) // 200_000, 1)]
    return np.unique(np.quantile(some, np.linspace(0, 1, count)))


def _cells(x: Floats, bins: Sequence[Ints], sizes: Sequence[int]) -> tuple[list[Ints], Ints]:
    """Cells that rows are in: of each the bin of every table, and each row's cell."""
    fine = _quantiles(x, 33)[1:-1]
    cell = np.searchsorted(fine, x, "right")
    count = len(fine) + 1
    for b, s in zip(bins, sizes, strict=True):
        cell = cell * s + b
        count *= s
    used = np.flatnonzero(np.bincount(cell, minlength=count))
    number = np.zeros(count, np.int64)
    number[used] = np.arange(len(used))
    rest, parts = used, []
    for s in reversed(sizes):
        parts.append(rest % s)
        rest = rest // s
    return parts[::-1], number[cell]


def _hat(x: Floats, knots: Floats) -> Floats:
    """Weights of linear interpolation between knots."""
    if len(knots) == 1:
        return np.ones((len(x), 1))
    at = np.clip(np.searchsorted(knots, x, "right") - 1, 0, len(knots) - 2)
    share = np.clip((x - knots[at]) / (knots[at + 1] - knots[at]), 0, 1)
    out = np.zeros((len(x), len(knots)))
    rows = np.arange(len(x))
    out[rows, at] = 1 - share
    out[rows, at + 1] = share
    return out


def _regress(design: Floats, n: Floats, k: Floats, knots: int) -> Floats:
    """Newton's method; neighbouring knots are drawn together, tables to 0."""
    columns = design.shape[1]
    base = float(np.log((k.sum() + 0.5) / (n.sum() - k.sum() + 0.5)))
    beta = np.zeros(columns)
    beta[:knots] = base
    penalty = np.eye(columns) * TABLE_RIDGE
    d = np.diff(np.eye(knots), axis=0)
    penalty[:knots, :knots] = d.T @ d * RIDGE + np.eye(knots) * 1e-3
    towards = np.zeros(columns)
    towards[:knots] = 1e-3 * base
    for _ in range(25):
        mu = 1 / (1 + np.exp(-np.clip(design @ beta, -12, 12)))
        w = n * mu * (1 - mu) + 1e-9
        slope = design.T @ (k - n * mu) - penalty @ beta + towards
        step = np.linalg.solve((design.T * w) @ design + penalty, slope)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return beta


def label_odds(
    eta: Floats,
    agree: Bools,
    slips: float = SLIPS,
    believed: float = BELIEVED,
    least: float = LEAST,
) -> float:
    """Odds of a label error: of a disagreement among the rows that the model is surest of.

    Parameters
    ----------
    eta : numpy.ndarray
        (N,) log odds of an agreement.
    agree : numpy.ndarray
        (N,) bool.
    slips : float
        Odds of a disagreement that is the model's, even there.
    believed : float
        Odds of which half is believed: t = odds / (1 + (odds / believed) ** 2).
    least : float
        The odds are taken for this at least.

    Examples
    --------
    >>> eta = np.repeat([3.0, -1.0], 500)
    >>> agree = np.arange(1000) % 10 > np.where(eta > 0, 0, 5)
    >>> round(label_odds(eta, agree), 2)  # one in ten where it is sure
    0.1
    """
    n = len(eta)
    if not n:
        return least
    order = np.argsort(-eta, kind="stable")
    bad = np.cumsum(~agree[order]) + 0.5
    good = np.arange(1, n + 1) + 1.0 - bad
    first = min(max(int(SUREST * n), ENOUGH), n) - 1
    odds = max(float((bad[first:] / good[first:]).min()) - slips, least)
    return odds / (1 + (odds / believed) ** 2)


def blame(eta: Floats, odds: float) -> Floats:
    """Probability that a disagreement at these log odds of an agreement is the label's fault."""
    x = odds * np.exp(np.clip(eta, -30, 30))
    # A bound, as odds are never quite right; and no two certainties are equal.
    return np.asarray(np.minimum(x, 1.0) * 0.98 + 0.02 * x / (1 + x))


# ---- the kinds of errors -------------------------------------------------------


def logit(score: Floats) -> Floats:
    """Log odds, of scores from 0 to 1."""
    s = np.clip(score, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(s / (1 - s)))


def log_side(boxes: Floats) -> Floats:
    """Logarithm to base 2 of the geometric mean side in pixels."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    return np.asarray(0.5 * np.log2(sides[:, 0] * sides[:, 1]))


def _sized(boxes: Floats, shares: Sequence[float]) -> Ints:
    size = log_side(boxes)
    some = size[:: max(len(size) // 200_000, 1)]
    return np.searchsorted(np.quantile(some, shares), size)


def _missing(
    out: Judgement,
    predicted: Floats,
    said: Ints,
    scores: Floats,
    f: Facts,
    n_classes: int,
    crowd: Bools,
) -> None:
    x = logit(scores)
    bins = [
        _sized(predicted, [0.1, 0.3, 0.6]),
        np.searchsorted([1e-9, 0.15, 0.4, 0.6], f.touch),
        np.searchsorted([0.1, 0.3, 0.5], f.higher),
        np.searchsorted([0.5, 0.85], f.inside),
    ]
    agrees = f.agrees & (f.iou >= PLACED)
    free = f.label < 0
    rows = np.flatnonzero((agrees | free) & ~crowd)
    if not len(rows):
        return
    model = fit_additive(
        x[rows], [b[rows] for b in bins], [4, 5, 4, 3], said[rows], n_classes, agrees[rows]
    )
    eta = model(x, bins)
    odds = label_odds(eta[rows], agrees[rows])
    out.rates["missing"] = odds / (1 + odds)
    eta = eta + model.by_class[said]
    within = np.flatnonzero((agrees | free) & crowd)
    eta[within] = _in_crowds(eta[within], agrees[within])
    open_to = free | (f.iou < PLACED)
    out.missing[open_to] = blame(eta[open_to], odds)
    alone = np.clip(model(x, bins[:1], said), -30, 30)
    out.trust[:] = 1 / (1 + np.exp(-alone))


def _beside(out: Judgement, f: Facts) -> None:
    """Predictions that hardly lie on their label: of that object, or of one without a label.

    The less they share, the rather another object; and it is rather a label that is off where such
    labels are more common than missing ones.
    """
    rows = np.flatnonzero((f.label >= 0) & (f.iou < PLACED))
    missing, misplaced = out.rates.get("missing", LEAST), out.rates.get("misplaced", LEAST)
    out.missing[rows] *= (1 - f.iou[rows] / PLACED) * missing / (missing + misplaced)


def _in_crowds(eta: Floats, agree: Bools) -> Floats:
    """Log odds of an agreement in crowds: never more than such agreements were seen there.

    A crowd stands for objects without a label. Where people have labelled in crowds all the same,
    the set shows it; until it does, it is taken that they have not.
    """
    got = float(agree.sum())
    return np.minimum(eta, np.log((got + 0.5) / (len(eta) - got + CROWDED)))


def _spurious(
    out: Judgement, boxes: Floats, classes: Ints, known: Bools, f: Facts, n_classes: int
) -> None:
    rows = np.flatnonzero(known)
    if not len(rows):
        return
    x = log_side(boxes)
    found = (f.own >= 0) | (f.other >= 0)
    model = fit_additive(x[rows], [], [], classes[rows], n_classes, found[rows])
    eta = model(x, [], classes)
    odds = label_odds(eta[rows], found[rows], MISSES, BELIEVED_MISSES, LEAST_MISSED)
    out.rates["spurious"] = odds / (1 + odds)
    lost = known & ~found
    out.spurious[lost] = blame(eta[lost], odds)


def _swapped(
    out: Judgement,
    boxes: Floats,
    classes: Ints,
    known: Bools,
    said: Ints,
    scores: Floats,
    f: Facts,
    n_classes: int,
    image: Ints,
) -> None:
    top, second = np.maximum(f.same, f.other_score), np.minimum(f.same, f.other_score)
    agrees = f.same >= f.other_score
    rows = np.flatnonzero(known & (top > 0))
    if not len(rows) or agrees[rows].all():
        return
    x = logit(top)
    bins = [
        _sized(boxes, [0.2, 0.6]),
        np.searchsorted([1e-9, 0.1, 0.5], second / np.maximum(top, 1e-9)),
    ]
    named = np.where(agrees, classes, said[np.maximum(f.other, 0)])
    model = fit_additive(
        x[rows], [b[rows] for b in bins], [3, 4], named[rows], n_classes, agrees[rows]
    )
    eta = model(x, bins)
    odds = label_odds(eta[rows], agrees[rows])
    out.rates["swapped"] = odds / (1 + odds)
    bad = rows[~agrees[rows]]
    p = blame(eta[bad] + model.by_class[named[bad]], odds)
    # Pairs of classes that are mixed up more often than others: the model's habit.
    kinds, which, count = np.unique(
        classes[bad] * (n_classes + 1) + named[bad], return_inverse=True, return_counts=True
    )
    usual = len(bad) / len(kinds)
    p = np.minimum(p, 1 - 1e-6)
    o = p / (1 - p) * (usual + PAIR_PRIOR) / (count[which] + PAIR_PRIOR)
    sure = rows[agrees[rows]]
    o *= _common(classes, image, sure, bad, named[bad], n_classes) ** SCENE
    out.swapped[bad] = o / (1 + o)
    out.swapped[known & (top <= 0)] = out.rates["swapped"]


def _common(
    classes: Ints, image: Ints, sure: Ints, rows: Ints, said: Ints, n_classes: int
) -> Floats:
    """How much more common what the model says is in the image than what the label says.

    Counted on labels with which the model agrees, and drawn to what is common in the set: one dog
    among sheep is rather a sheep, whoever says that it is a dog.
    """
    width = n_classes + 1
    share = np.bincount(classes[sure], minlength=width) + 1.0
    share /= share.sum()
    there, count = np.unique(image[sure] * width + classes[sure], return_counts=True)

    def often(named: Ints) -> Floats:
        at = image[rows] * width + named
        k = np.minimum(np.searchsorted(there, at), len(there) - 1)
        own = np.where(there[k] == at, count[k], 0) if len(there) else 0
        return np.asarray(own + SCENE_PRIOR * share[named])

    return np.asarray(often(said) / often(classes[rows]))


def _misplaced(
    out: Judgement, boxes: Floats, known: Bools, predicted: Floats, scores: Floats, f: Facts
) -> None:
    # A prediction of another class in the label's place still tells where the object ends.
    nearest = f.nearest
    rows = np.flatnonzero(known & (nearest >= 0))
    if len(rows) < BIN_ROWS:
        return
    own = nearest[rows]
    lost = np.log(1 - _iou(boxes[rows], predicted[own]) + LOST)
    score, size = logit(scores[own]), log_side(predicted[own])
    # How much is usual at this score, and then at this size; and how widely it is spread.
    by_score, by_size, wide, _ = _usual_at(score, size, lost)
    out.usual[rows] = np.clip(1 + LOST - np.exp(by_score + by_size * wide), 0, 1)
    # The same of boxes whose edges are off in what is usual for each.
    off = np.log(1 - _evened(boxes[rows], predicted[own]) + LOST)
    by_score, by_size, wide, spread = _usual_at(score, size, off)
    out.misplaced[rows] = _beyond(((off - by_score) / wide - by_size) / spread)
    out.rates["misplaced"] = max(float(out.misplaced[rows].mean()), LEAST)
    out.misplaced[known & (nearest < 0)] = out.rates["misplaced"]


def _evened(label: Floats, theirs: Floats) -> Floats:
    """IoU of labels with their predictions, where each edge is off in what is usual for it.

    A model may be sure of one edge and not of another: of where people stand, and not of how
    wide they are. Of a model that is as sure of all four this is the IoU.
    """
    side = np.maximum(theirs[:, 2:] - theirs[:, :2], 1e-3)
    off = label - theirs
    usual = np.quantile(np.abs(off) / np.tile(side, 2), NEAR, axis=0) + LOST
    return _iou(theirs + off * (usual.mean() / usual), theirs)


def _iou(one: Floats, two: Floats) -> Floats:
    """IoU row by row; a box turned inside out has no area."""
    shared = np.minimum(one[:, 2:], two[:, 2:]) - np.maximum(one[:, :2], two[:, :2])
    both = np.maximum(shared, 0).prod(axis=1)
    areas = sum(np.maximum(b[:, 2:] - b[:, :2], 0).prod(axis=1) for b in (one, two))
    return np.asarray(np.clip(both / np.maximum(areas - both, 1e-12), 0, 1))


def _usual_at(score: Floats, size: Floats, y: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Medians of y at its score, and of what is left at its size, in spreads; and both spreads."""
    by_score, wide = _usual(score, y, falls=True)
    by_size, spread = _usual(size, (y - by_score) / wide, falls=False)
    return by_score, by_size, wide, spread


def _usual(x: Floats, y: Floats, falls: bool) -> tuple[Floats, Floats]:
    """Median of y as x goes, and its spread."""
    bins = np.array_split(np.argsort(x, kind="stable"), int(np.clip(len(x) // BIN_ROWS, 1, 12)))
    centre = np.array([np.median(x[b]) for b in bins])
    rows = np.array([float(len(b)) for b in bins])

    def curve(of: Callable[[Floats], float]) -> Floats:
        at = np.array([of(y[b]) for b in bins])
        at = (at * rows + of(y) * BIN_PRIOR) / (rows + BIN_PRIOR)
        return np.interp(x, centre, -_rising(-at, rows) if falls else at)

    return curve(lambda v: float(np.median(v))), curve(_spread)


def _spread(y: Floats) -> float:
    """Standard deviation of a normal curve with these quantiles.

    Above the median, where the tail matters, but not much more than below it, where errors do
    not reach.
    """
    lower, middle, upper = np.quantile(y, [0.2, 0.5, 0.8])
    return float(max(min(upper - middle, 1.4 * (middle - lower)) / 0.8416, 0.05))


def _rising(y: Floats, weight: Floats) -> Floats:
    """The nearest numbers that never fall (pool adjacent violators; Ayer et al. 1955)."""
    pools: list[list[float]] = []
    for value, w in zip(y.tolist(), weight.tolist(), strict=True):
        pools.append([value, w, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            b, a = pools.pop(), pools.pop()
            both = a[1] + b[1]
            pools.append([(a[0] * a[1] + b[0] * b[1]) / both, both, a[2] + b[2]])
    return np.concatenate([np.full(int(count), value) for value, _, count in pools])


def _beyond(z: Floats) -> Floats:
    """Probability that a row is not of the bulk, by how far out it is.

    A local false discovery rate with an empirical null (Efron 2004), its densities by monotone
    regression: of the rows from here to there, the share that the bulk's curve does not account
    for. The curve is a normal one, of which a tenth is wider: boxes of hard objects.
    """
    n = len(z)
    order = np.argsort(-z, kind="stable")
    usual = n * (0.9 * _normal_tail(z[order]) + 0.1 * _normal_tail(z[order] / WIDER))
    # Blocks of rows: single ones at the far end, then ever larger ones.
    ends = np.unique(np.minimum(np.ceil(1.02 ** np.arange(2_000)), n).astype(np.int64))
    ends = ends[: int(np.searchsorted(ends, n)) + 1]
    rows = np.diff(ends, prepend=0).astype(np.float64)
    share = 1 - np.diff(usual[ends - 1], prepend=-LONE) / rows
    share = np.clip(-_rising(-share, rows), 0, 1)
    out = np.empty(n)
    # Where the share is 0, or equal, the order still tells.
    out[order] = 0.998 * np.repeat(share, rows.astype(np.int64)) + 0.001 / (1 + usual / 10)
    out[z <= 0] = 0.0  # as near as the others, or nearer
    return out


def _normal_tail(z: Floats) -> Floats:
    """Chance of more than z standard deviations (Abramowitz and Stegun 1964, 7.1.26)."""
    x = np.abs(z) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * x)
    poly = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    upper = 0.5 * poly * np.exp(-x * x)
    return np.asarray(np.where(z >= 0, upper, 1 - upper))
