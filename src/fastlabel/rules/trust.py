"""How far a model and the labels can be trusted where they disagree, learnt from the set itself.

Nobody tells which of the two is wrong. But where a model that is as sure, on objects as large
and as crowded, mostly agrees with the labels, a disagreement is rare for the model, and the label
is suspect. Write `R(x)` for the odds of a disagreement at such circumstances `x`, as counted on
the set, and `t` for the odds that a label is wrong, whatever the model. Then a disagreement is
the label's fault with probability `t / R(x)`: as many label errors are behind each `R(x)`, and
the rest of it is the model's own error rate. `t` is the lowest `R(x)` seen, less what a good
model errs even at its surest (:data:`SLIPS`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .context import Bools, Floats, Ints
from .pairing import Facts

__all__ = ["Judgement", "judge"]

#: Odds of an error that even a sure model makes: never taken for label errors.
SLIPS = 0.005
#: Least odds of a label error: no set is taken for perfect.
LEAST = 0.002
#: Largest odds of a label error that are believed.
MOST = 0.5
#: Pseudo-counts of a class's own error rate: small classes are judged as all are.
CLASS_PRIOR = 10.0
RIDGE = 1.0


@dataclass
class Judgement:
    """Probabilities that labels are wrong, by what is wrong with them.

    Attributes
    ----------
    missing : numpy.ndarray
        Of each prediction: that it is an object without a label.
    spurious, swapped, misplaced : numpy.ndarray
        Of each label: that there is no object, that it has another class, that its box is off.
    """

    missing: Floats
    spurious: Floats
    swapped: Floats
    misplaced: Floats
    rates: dict[str, float] = field(default_factory=dict)


def logit(score: Floats) -> Floats:
    """Log odds, of scores from 0 to 1."""
    s = np.clip(score, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(s / (1 - s)))


@dataclass
class Additive:
    """Log odds of an agreement: a rising curve of one number plus a table entry for each other."""

    knots: Floats
    curve: Floats
    tables: list[Floats]
    by_class: Floats

    def __call__(self, x: Floats, bins: list[Ints], classes: Ints) -> Floats:
        """Log odds of each row."""
        eta = np.interp(x, self.knots, self.curve)
        for table, b in zip(self.tables, bins, strict=True):
            eta = eta + table[b]
        return np.asarray(eta + self.by_class[classes])


def fit_additive(
    x: Floats,
    bins: list[Ints],
    sizes: list[int],
    classes: Ints,
    n_classes: int,
    agree: Bools,
    knots: int = 8,
) -> Additive:
    """Fit by penalised logistic regression on cells: cost does not grow with the rows."""
    at = np.unique(np.quantile(x, np.linspace(0, 1, knots))) if len(x) else np.zeros(1)
    # Cells: fine bins of x, and every combination of the others.
    fine = np.unique(np.quantile(x, np.linspace(0, 1, 33))) if len(x) else np.zeros(1)
    xb = np.clip(np.searchsorted(fine, x, "right") - 1, 0, max(len(fine) - 2, 0))
    cell = xb
    for b, s in zip(bins, sizes, strict=True):
        cell = cell * s + b
    used, cell = np.unique(cell, return_inverse=True)
    n = np.bincount(cell, minlength=len(used)).astype(float)
    k = np.bincount(cell, agree, minlength=len(used))
    mean = np.bincount(cell, x, minlength=len(used)) / np.maximum(n, 1)
    columns = [_hat(mean, at)]
    rest = used.copy()
    tables_at = []
    for s in reversed(sizes):
        tables_at.append((rest % s, s))
        rest = rest // s
    for b, s in reversed(tables_at):
        columns.append(np.eye(s)[b])
    design = np.concatenate(columns, 1)
    beta = np.zeros(design.shape[1])
    base = np.log((k.sum() + 0.5) / (n.sum() - k.sum() + 0.5)) if len(n) else 0.0
    beta[: len(at)] = base
    # Neighbouring knots are drawn together, tables to 0.
    penalty = np.eye(design.shape[1]) * RIDGE
    d = np.diff(np.eye(len(at)), axis=0)
    penalty[: len(at), : len(at)] = d.T @ d * RIDGE + np.eye(len(at)) * 1e-3
    for _ in range(25):
        eta = np.clip(design @ beta, -12, 12)
        mu = 1 / (1 + np.exp(-eta))
        w = n * mu * (1 - mu) + 1e-9
        pull = penalty @ beta
        pull[: len(at)] -= 1e-3 * base
        step = np.linalg.solve((design.T * w) @ design + penalty, design.T @ (k - n * mu) - pull)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max(initial=0) < 1e-6:
            break
    tables, pos = [], len(at)
    for s in sizes:
        tables.append(beta[pos : pos + s])
        pos += s
    model = Additive(at, np.maximum.accumulate(beta[: len(at)]), tables, np.zeros(n_classes + 1))
    # What classes have of their own, drawn to what all have.
    eta = model(x, bins, np.zeros(len(x), np.int64))
    expected = 1 / (1 + np.exp(-np.clip(eta, -30, 30)))
    got = np.bincount(classes, agree, minlength=n_classes + 1)
    want = np.bincount(classes, expected, minlength=n_classes + 1)
    count = np.bincount(classes, minlength=n_classes + 1)
    c = CLASS_PRIOR
    share = want.sum() / max(count.sum(), 1)
    model.by_class = np.log((got + c * share) / (want + c * share)) - np.log(
        (count - got + c * (1 - share)) / (count - want + c * (1 - share))
    )
    return model


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


def label_odds(eta: Floats, agree: Bools) -> float:
    """Odds of a label error: the lowest share of disagreements at any level of trust."""
    n = len(eta)
    if not n:
        return LEAST
    order = np.argsort(-eta, kind="stable")
    size = max(100, n // 10)
    least = np.inf
    for start in range(0, max(n - size // 2, 1), size):
        rows = order[start : start + size]
        bad = int((~agree[rows]).sum())
        least = min(least, (bad + 0.5) / (len(rows) - bad + 0.5))
    return float(np.clip(least - SLIPS, LEAST, MOST))


def blame(eta: Floats, odds: float) -> Floats:
    """Probability that a disagreement at these log odds of agreement is the label's fault."""
    return np.asarray(np.minimum(odds * np.exp(np.clip(eta, -30, 30)), 1.0))


def _size_bins(boxes: Floats, edges: Floats | None = None) -> tuple[Floats, Floats]:
    side = np.sqrt(
        np.maximum(boxes[:, 2] - boxes[:, 0], 1e-3) * np.maximum(boxes[:, 3] - boxes[:, 1], 1e-3)
    )
    return np.log2(np.maximum(side, 1e-3)), side


def judge(
    boxes: Floats,
    classes: Ints,
    predicted: Floats,
    said: Ints,
    scores: Floats,
    facts: Facts,
    n_classes: int,
) -> Judgement:
    """Judge every label and prediction of one model."""
    out = Judgement(
        np.zeros(len(predicted)), np.zeros(len(boxes)), np.zeros(len(boxes)), np.zeros(len(boxes))
    )
    _missing(out, predicted, said, scores, facts, n_classes)
    _spurious(out, boxes, classes, facts, n_classes)
    _swapped(out, boxes, classes, said, scores, facts, n_classes)
    _misplaced(out, boxes, predicted, scores, facts)
    return out


def _missing(out, predicted, said, scores, f: Facts, n_classes: int) -> None:
    log_side, _ = _size_bins(predicted)
    edges = np.quantile(log_side, [0.1, 0.3, 0.6]) if len(log_side) else np.zeros(3)
    sized = np.searchsorted(edges, log_side)
    touch = np.searchsorted([1e-9, 0.15, 0.4, 0.6], f.touch)
    higher = np.searchsorted([0.1, 0.3, 0.5], f.higher)
    inside = np.searchsorted([0.5, 0.85], f.inside)
    x = logit(scores)
    agrees = f.agrees & (f.iou >= 0.5)
    free = f.label < 0
    rows = np.flatnonzero(agrees | free)
    bins = [sized, touch, higher, inside]
    model = fit_additive(
        x[rows], [b[rows] for b in bins], [4, 5, 4, 3], said[rows], n_classes, agrees[rows]
    )
    eta = model(x, bins, said)
    odds = label_odds(eta[rows], agrees[rows])
    out.rates["missing"] = odds / (1 + odds)
    out.missing[free] = blame(eta[free], odds)


def _spurious(out, boxes, classes, f: Facts, n_classes: int) -> None:
    log_side, _ = _size_bins(boxes)
    found = (f.own >= 0) | (f.other >= 0)
    model = fit_additive(log_side, [], [], classes, n_classes, found)
    eta = model(log_side, [], classes)
    odds = label_odds(eta, found)
    out.rates["spurious"] = odds / (1 + odds)
    out.spurious[~found] = blame(eta[~found], odds)


def _swapped(out, boxes, classes, said, scores, f: Facts, n_classes: int) -> None:
    top = np.maximum(f.same, f.other_score)
    second = np.minimum(f.same, f.other_score)
    agrees = f.same >= f.other_score
    rows = np.flatnonzero(top > 0)
    log_side, _ = _size_bins(boxes)
    edges = np.quantile(log_side, [0.2, 0.6]) if len(log_side) else np.zeros(2)
    sized = np.searchsorted(edges, log_side)
    ratio = np.searchsorted([1e-9, 0.1, 0.5], second / np.maximum(top, 1e-9))
    named = np.where(agrees, classes, np.where(f.other >= 0, said[f.other], 0))
    x = logit(top)
    bins = [sized, ratio]
    model = fit_additive(
        x[rows], [b[rows] for b in bins], [3, 4], named[rows], n_classes, agrees[rows]
    )
    eta = model(x, bins, named)
    odds = label_odds(eta[rows], agrees[rows])
    out.rates["swapped"] = odds / (1 + odds)
    bad = rows[~agrees[rows]]
    p = blame(eta[bad], odds)
    # Pairs of classes that are confused more often than by chance: the model, not the labels.
    if len(bad):
        pair = classes[bad] * (n_classes + 1) + named[bad]
        kinds, which = np.unique(pair, return_inverse=True)
        count = np.bincount(which)
        usual = len(bad) / max(len(kinds), 1)
        factor = (usual + 3) / (count[which] + 3)
        o = p / np.maximum(1 - p, 1e-3) * factor
        p = o / (1 + o)
    out.swapped[bad] = p


def _misplaced(out, boxes, predicted, scores, f: Facts) -> None:
    rows = np.flatnonzero(f.own >= 0)
    if len(rows) < 8:
        return
    a, b = boxes[rows], predicted[f.own[rows]]
    side = np.stack([b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]] * 2, 1)
    r = (a - b) / (side + 4.0)
    r = r - np.median(r, axis=0)
    d = np.sqrt((r * r).sum(1))
    s = scores[f.own[rows]]
    # The usual error at this score and size, and then how far beyond it this label is.
    usual = _typical(np.log(d + 1e-4), logit(s), np.log2(side.min(1) + 1))
    z = np.log(d + 1e-4) - usual
    q25, q50, q75 = np.quantile(z, [0.25, 0.5, 0.75])
    spread = max((q75 - q25) / 1.349, 0.05)
    u = (z - q50) / spread
    out.misplaced[rows] = _beyond(u)


def _typical(y: Floats, *xs: Floats) -> Floats:
    """Median of y by bins of each x, one after the other."""
    fit = np.full(len(y), np.median(y))
    for x in xs:
        edges = np.unique(np.quantile(x, np.linspace(0, 1, 9)[1:-1]))
        b = np.searchsorted(edges, x)
        for k in range(len(edges) + 1):
            m = b == k
            if m.sum() >= 15:
                fit[m] += np.median((y - fit)[m]) * m.sum() / (m.sum() + 10)
    return fit


def _beyond(u: Floats) -> Floats:
    """Share of the rows this far out that the usual spread does not account for."""
    from math import erfc

    order = np.argsort(-u)
    tail = np.array([0.5 * erfc(v / 2**0.5) for v in u[order]])
    n = len(u)
    rank = np.arange(1, n + 1)
    share = 1 - tail * n / rank
    p = np.minimum.accumulate(np.clip(share, 0, 1))
    out = np.empty(n)
    # A strict order below as well: the ranking goes on where the probability is 0.
    out[order] = np.clip(p, 0, 1) * (1 - 1e-3) + 1e-3 * (1 - np.arange(n) / n)
    return out
