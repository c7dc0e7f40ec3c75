"""What the models think of each label and of each place without one, put together.

Models that never looked at the same image (the folds of a cross-validation) are one model here;
models that did are asked one by one, each with its own error rates, and their answers are pooled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..predictions import Predictions
from .context import Bools, Context, Floats, Ints, bools
from .pairing import Facts, pair_up
from .trust import Judgement, judge

__all__ = ["Opinion", "opinion"]

#: How much less likely than usual an error is where a model agrees with the label.
AGREES = 0.05
#: Share of a prediction inside an ignore region, which makes it no business of ours, or inside a
#: crowd of its class.
COVERED = 0.5
#: A label and a prediction below this IoU are not sure to be one object.
LOOSE = 0.6
#: Share of a part that lies in the whole; and of the whole that its parts cover.
INSIDE, COVERS = 0.8, 0.6
#: Least trust in a prediction that speaks for a split or a merge.
TRUSTED = 0.3


@dataclass
class Opinion:
    """Probabilities of label errors, by rows of the set and of the predictions.

    Attributes
    ----------
    judged : numpy.ndarray
        Of each label: a model looked at its image and knows its class.
    spurious, swapped, misplaced : numpy.ndarray
        Of each label: that there is no object, another class, another box.
    better : numpy.ndarray
        Of each label, the row of the prediction that is believed instead; -1: none.
    missing : numpy.ndarray
        Of each prediction: that it is an object without a label.
    trust : numpy.ndarray
        Of each prediction: how often ones as sure are right, wherever they lie.
    merged : list of tuple
        (label, predictions, probability): one label over several objects.
    split : list of tuple
        (prediction, labels, probability): several labels on one object.
    rates : dict of str to float
        Share of label errors of each kind that was assumed, of the last model.
    """

    judged: Bools
    spurious: Floats
    swapped: Floats
    misplaced: Floats
    better: Ints
    missing: Floats
    trust: Floats
    merged: list[tuple[int, Ints, float]]
    split: list[tuple[int, Ints, float]]
    rates: dict[str, float]


def opinion(ctx: Context) -> Opinion | None:
    """Give the models' opinion of the set, made once; None without predictions."""
    whole = ctx.whole
    given = whole.predictions
    if given is None:
        return None
    return whole.once("opinion", lambda: _make(whole, given))


@dataclass
class _View:
    """What one panel of models says, beside the labels: both sorted by image."""

    labels: Ints
    rows: Ints
    boxes: Floats
    classes: Ints
    known: Bools
    predicted: Floats
    said: Ints
    scores: Floats
    facts: Facts
    judgement: Judgement
    label_image: Ints
    label_starts: Ints
    row_image: Ints
    row_starts: Ints


def _make(ctx: Context, given: Predictions) -> Opinion:
    n, m = ctx.ds.annotations.num_rows, len(given)
    out = Opinion(
        np.zeros(n, np.bool_),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.full(n, -1, np.int64),
        np.zeros(m),
        np.zeros(m),
        [],
        [],
        {},
    )
    views = [_look(ctx, given, panel) for panel in _panels(given)]
    for view in views:
        out.judged[view.labels[view.known]] = True
        out.trust[view.rows] = view.judgement.trust
        out.rates = view.judgement.rates
    if len(views) == 1:
        _take(out, views[0])
    elif views:
        _pool(ctx, out, views, given)
    for view in views:
        _groups(out, view)
    return out


def _panels(given: Predictions) -> list[list[int]]:
    """Models by panels: those of one have seen no image twice and know the same classes."""
    panels: list[tuple[list[int], Ints, Ints]] = []
    for k, (seen, known) in enumerate(zip(given.seen, given.knows, strict=True)):
        knows = known.astype(np.int64)
        for at, (models, images, classes) in enumerate(panels):
            same = np.array_equal(classes, knows)
            if same and not len(np.intersect1d(images, seen, assume_unique=True)):
                panels[at] = ([*models, k], np.union1d(images, seen), classes)
                break
        else:
            panels.append(([k], seen, knows))
    return [models for models, _, _ in panels]


def _look(ctx: Context, given: Predictions, panel: list[int]) -> _View:
    images = ctx.ds.images.num_rows
    looked = np.zeros(images, np.bool_)
    for k in panel:
        looked[given.seen[k]] = True
    looked &= ~ctx.has_label_state("unlabelled")
    classes = len(ctx.class_names)
    knows = np.zeros(classes + 1, np.bool_)
    knows[given.knows[panel[0]]] = True

    usable = ctx.solid & ~ctx.exempt & looked[ctx.image_of]
    labels = _by_image(np.flatnonzero(usable), ctx.image_of)
    image, said = given.column("image_id"), given.column("category_id").astype(np.int64)
    mine = looked[image] & (said >= 0)
    if len(given.models) > 1:
        mine &= np.isin(given.column("model"), panel)
    rows = _by_image(np.flatnonzero(mine), image)
    predicted = np.stack([given.column(c)[rows] for c in ("x1", "y1", "x2", "y2")], axis=1)
    rows, predicted, crowd = _outside_regions(ctx, rows, image, said, predicted)

    boxes = np.ascontiguousarray(ctx.corners(labels))
    named, said = ctx.category[labels], said[rows]
    scores = given.column("score")[rows]
    at, row_at = ctx.image_of[labels], image[rows]
    starts, row_starts = _offsets(at, images), _offsets(row_at, images)
    facts = pair_up(boxes, named, starts, predicted, said, scores, row_starts, ctx.workers)
    known = knows[named]
    judgement = judge(boxes, named, known, predicted, said, scores, facts, classes, at, crowd)
    return _View(
        labels,
        rows,
        boxes,
        named,
        known,
        predicted,
        said,
        scores,
        facts,
        judgement,
        at,
        starts,
        row_at,
        row_starts,
    )


def _by_image(rows: Ints, image: Ints) -> Ints:
    at = image[rows]
    if len(at) < 2 or bool((at[1:] >= at[:-1]).all()):
        return rows
    return rows[np.argsort(at, kind="stable")]


def _offsets(image: Ints, images: int) -> Ints:
    out = np.zeros(images + 1, np.int64)
    np.cumsum(np.bincount(image, minlength=images), out=out[1:])
    return out


def _outside_regions(
    ctx: Context, rows: Ints, image: Ints, said: Ints, predicted: Floats
) -> tuple[Ints, Floats, Bools]:
    """Leave out predictions in ignore regions, and tell those in a crowd of their class.

    In an ignore region nobody labels anything. A crowd takes the place of labels of its class, but
    some in it may have their own; others in it are labelled one by one.
    """
    regions = np.flatnonzero(ctx.solid & ctx.exempt)
    if not len(regions) or not len(rows):
        return rows, predicted, np.zeros(len(rows), np.bool_)
    named = ctx.category[regions]
    whole = bools(ctx.ds.annotations["ignore"])[regions] | (named < 0)
    at, classes = image[rows], len(ctx.class_names)
    of = ctx.image_of[regions]
    ignored = _cover(ctx, regions[whole], of[whole], predicted, at)
    crowds, key = regions[~whole], of[~whole] * classes + named[~whole]
    crowded = _cover(ctx, crowds, key, predicted, at * classes + said[rows])
    return rows[~ignored], np.ascontiguousarray(predicted[~ignored]), crowded[~ignored]


def _cover(ctx: Context, regions: Ints, group: Ints, boxes: Floats, of: Ints) -> Bools:
    """Of each box, whether a region of its group covers it."""
    from ..boxes import ragged_best

    out = np.zeros(len(boxes), np.bool_)
    groups = np.unique(group)
    mine = np.flatnonzero(np.isin(of, groups))
    if not len(mine):
        return out
    mine = _by_image(mine, of)
    order = np.argsort(group, kind="stable")
    ends = np.append(groups, groups[-1] + 1)
    _, share = ragged_best(
        np.ascontiguousarray(boxes[mine]),
        np.searchsorted(of[mine], ends),
        ctx.corners(regions[order]),
        np.searchsorted(group[order], ends),
        metric="ioa",
        invalid="zero",
    )
    out[mine] = share >= COVERED
    return out


def _take(out: Opinion, view: _View) -> None:
    """One panel: its probabilities are the opinion."""
    j, f = view.judgement, view.facts
    out.spurious[view.labels] = j.spurious
    out.swapped[view.labels] = j.swapped
    out.misplaced[view.labels] = j.misplaced
    out.missing[view.rows] = j.missing
    for at, chosen in ((f.nearest, j.misplaced), (f.other, j.swapped)):
        use = (at >= 0) & (chosen > 0)
        out.better[view.labels[use]] = view.rows[at[use]]


def _logit(p: Floats | float) -> Floats:
    q = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(q / (1 - q)))


def _pool(ctx: Context, out: Opinion, views: list[_View], given: Predictions) -> None:
    """Several panels: evidence for and against, added as log odds, less what they share.

    K models that learnt from one set err alike, so their evidence counts as that of the root
    of K independent ones.
    """
    n = len(out.judged)
    asked = np.zeros(n)
    for view in views:
        asked[view.labels[view.known]] += 1
    for kind in ("spurious", "swapped", "misplaced"):
        total, prior = np.zeros(n), np.zeros(n)
        best = np.zeros(n)
        for view in views:
            p = getattr(view.judgement, kind)
            rate = view.judgement.rates.get(kind, 0.01)
            at, k = view.labels, view.known
            said = np.where(p > 0, _logit(p), _logit(rate * AGREES)) - _logit(rate)
            total[at[k]] += said[k]
            prior[at[k]] += float(_logit(rate))
            one = view.facts.other if kind == "swapped" else view.facts.nearest
            use = k & (p > best[at]) & (one >= 0) & (kind != "spurious")
            best[at[use]] = p[use]
            out.better[at[use]] = view.rows[one[use]]
        k = np.maximum(asked, 1)
        odds = prior / k + total / np.sqrt(k)
        getattr(out, kind)[:] = np.where(asked > 0, 1 / (1 + np.exp(-odds)), 0.0)
        getattr(out, kind)[:] *= best > 0 if kind != "spurious" else total > 0
    _pool_missing(ctx, out, views, given)


def _pool_missing(ctx: Context, out: Opinion, views: list[_View], given: Predictions) -> None:
    """One candidate for each place: the prediction of the highest probability speaks for all."""
    from ..boxes import box_pairs

    image = given.column("image_id")
    said = given.column("category_id")
    panel = np.full(len(given), -1, np.int64)
    p = np.zeros(len(given))
    rates = np.zeros(len(views))
    looked = np.zeros((len(views), ctx.ds.images.num_rows), np.bool_)
    for k, (view, models) in enumerate(zip(views, _panels(given), strict=True)):
        panel[view.rows] = k
        p[view.rows] = view.judgement.missing
        rates[k] = view.judgement.rates.get("missing", 0.01)
        for model in models:
            looked[k, given.seen[model]] = True
    rows = _by_image(np.flatnonzero(p > 0), image)
    if not len(rows):
        return
    boxes = given.boxes()[rows]
    i, j, _ = box_pairs(boxes, _offsets(image[rows], ctx.ds.images.num_rows), 0.5, invalid="zero")
    alike = said[rows[i]] == said[rows[j]]
    i, j = i[alike], j[alike]
    support = np.full((len(views), len(rows)), -1.0)
    support[panel[rows], np.arange(len(rows))] = p[rows]
    for a, b in ((i, j), (j, i)):
        np.maximum.at(support, (panel[rows[b]], a), p[rows[b]])
    asked = looked[:, image[rows]]
    base = _logit(rates)[:, None]
    against = _logit(rates * AGREES)[:, None]
    said_odds = np.where(support >= 0, _logit(support), against) - base
    k = np.maximum(asked.sum(axis=0), 1)
    odds = (asked * base).sum(axis=0) / k + (asked * said_odds).sum(axis=0) / np.sqrt(k)
    pooled = 1 / (1 + np.exp(-odds))
    # Of those in one place only the best stays.
    stays = np.ones(len(rows), np.bool_)
    first = (p[rows[i]] > p[rows[j]]) | ((p[rows[i]] == p[rows[j]]) & (i < j))
    stays[np.where(first, j, i)] = False
    out.missing[rows[stays]] = pooled[stays]


def _groups(out: Opinion, view: _View) -> None:
    """Labels over several objects, and several labels on one."""
    f, trust = view.facts, view.judgement.trust
    loose = (f.own < 0) | (f.own_iou < LOOSE)
    for label in np.flatnonzero((f.parts >= 2) & loose & view.known).tolist():
        box = view.boxes[label]
        image = view.label_image[label]
        near = np.arange(view.row_starts[image], view.row_starts[image + 1])
        free = (f.label[near] < 0) | (f.label[near] == label)
        near = near[free & (view.said[near] == view.classes[label]) & (trust[near] >= TRUSTED)]
        near = near[_lie_in(view.predicted[near], box)]
        parts = near[_apart(view.predicted[near], trust[near])]
        if len(parts) >= 2 and _covered(view.predicted[parts], box) >= COVERS:
            sure = float(np.prod(np.sort(trust[parts])[-2:]))
            out.merged.append((int(view.labels[label]), view.rows[parts], sure))
    loose = (f.label < 0) | (f.iou < LOOSE)
    for row in np.flatnonzero((f.wholes >= 2) & loose & (trust >= TRUSTED)).tolist():
        box = view.predicted[row]
        image = view.row_image[row]
        near = np.arange(view.label_starts[image], view.label_starts[image + 1])
        free = (f.own[near] < 0) | (f.own[near] == row)
        near = near[free & (view.classes[near] == view.said[row])]
        near = near[_lie_in(view.boxes[near], box)]
        if len(near) >= 2 and _covered(view.boxes[near], box) >= COVERS:
            out.split.append((int(view.rows[row]), view.labels[near], float(trust[row])))


def _lie_in(boxes: Floats, outer: Floats) -> Bools:
    """Boxes that lie in another one, but for a little."""
    w = np.minimum(boxes[:, 2], outer[2]) - np.maximum(boxes[:, 0], outer[0])
    h = np.minimum(boxes[:, 3], outer[3]) - np.maximum(boxes[:, 1], outer[1])
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.asarray((w > 0) & (h > 0) & (w * h >= INSIDE * area))


def _apart(boxes: Floats, trust: Floats) -> list[int]:
    """The most trusted boxes that hardly overlap each other."""
    from ..boxes import nms

    return [int(k) for k in nms(boxes, trust, 0.3)]


def _covered(boxes: Floats, outer: Floats) -> float:
    """Share of a box that others cover; what they share counts for each."""
    w = np.minimum(boxes[:, 2], outer[2]) - np.maximum(boxes[:, 0], outer[0])
    h = np.minimum(boxes[:, 3], outer[3]) - np.maximum(boxes[:, 1], outer[1])
    area = (outer[2] - outer[0]) * (outer[3] - outer[1])
    return float((np.maximum(w, 0) * np.maximum(h, 0)).sum() / area)
