"""FL7: labels against what models predict, each finding with how sure it is that the label errs.

What is here turns probabilities (:mod:`fastlabel.rules.opinion`) into findings: one for each
object, of the kind that is the likeliest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from .context import Bools, Context, Floats, Ints
from .opinion import Opinion, opinion
from .phrases import choice, fixed, general, join, json_texts, members, numbers, whole_numbers
from .registry import Hits, Params, rule, thresholds

__all__ = ["Suspects", "suspects"]

#: Boxes with a shorter side below this many pixels are judged in pixels, others by IoU.
SMALL = 40.0

_WEAK = """An error needs a witness: what the model cannot see, it cannot miss. Labels of classes
that it does not know, and images that it has not looked at, are not judged."""


class Suspects:
    """Each label and prediction under one kind of error at most, and its probability.

    Attributes
    ----------
    kind : numpy.ndarray
        Of each label 0 to 4: none, merged or split, swapped, misplaced, spurious.
    chance : numpy.ndarray
        Of each label, the probability of that.
    missing : numpy.ndarray
        Of each prediction, the probability that it is an object without a label; 0 where a
        merged label, or one that is split, tells of it.
    """

    def __init__(self, found: Opinion) -> None:
        self.found = found
        kinds = np.stack([found.swapped, found.misplaced, found.spurious])
        self.kind = np.argmax(kinds, axis=0) + 2 if kinds.size else np.zeros(0, np.int64)
        self.chance = kinds.max(axis=0) if kinds.size else np.zeros(0)
        self.kind[self.chance <= 0] = 0
        self.missing = found.missing.copy()
        for label, rows, _ in found.merged:
            self.kind[label], self.missing[rows] = 1, 0
        for row, labels, _ in found.split:
            self.kind[labels], self.missing[row] = 1, 0

    def labels(self, kind: int, least: float, most: float = np.inf) -> Ints:
        """Labels of one kind whose probability is from ``least`` to below ``most``."""
        return np.flatnonzero((self.kind == kind) & (self.chance >= least) & (self.chance < most))


_SWAPPED, _MISPLACED, _SPURIOUS = 2, 3, 4


def suspects(ctx: Context) -> Suspects | None:
    """Give what is suspect, made once for the set; None without predictions."""
    found = opinion(ctx)
    return None if found is None else ctx.whole.once("suspects", lambda: Suspects(found))


# ---- words ---------------------------------------------------------------------


def _boxes(ctx: Context, rows: Ints) -> Floats:
    given = ctx.predictions
    if given is None:
        return np.empty((0, 4))
    return np.stack([given.column(c)[rows] for c in ("x1", "y1", "x2", "y2")], axis=1)


def _place(boxes: Floats) -> pa.Array:
    x1, y1, x2, y2 = (general(boxes[:, at].round(1), 6) for at in range(4))
    return join(x1, ", ", y1, ", ", x2, ", ", y2)


def _json_box(boxes: Floats) -> pa.Array:
    def text(values: Floats) -> pa.Array:
        return fixed(values, 2, lambda v: json.dumps(round(v, 2)))

    return join("[", *_between([text(boxes[:, at]) for at in range(4)], ", "), "]")


def _between(pieces: Sequence[pa.Array], mark: str) -> list[pa.Array | str]:
    out: list[pa.Array | str] = []
    for piece in pieces:
        out += [mark, piece] if out else [piece]
    return out


def _scores(values: Floats) -> pa.Array:
    return fixed(values, 4, lambda v: json.dumps(round(v, 4)))


def _names(ctx: Context, categories: Ints) -> pa.Array:
    """Names of classes as JSON texts, null for none."""
    texts = json_texts(pa.array(ctx.class_names, pa.string()))
    words = pa.array([*texts.to_pylist(), "null"], pa.string())
    return words.take(pa.array(np.where(categories < 0, len(words) - 1, categories)))


def _fix(
    ctx: Context, action: str, rows: Ints, box: Floats | None, category: Ints | None
) -> pa.Array:
    """What would mend it, as JSON; rows are those of the predictions that say so (-1: none)."""
    n = len(rows)
    given = ctx.predictions
    none = pa.repeat(pa.scalar("null"), n)
    named = np.full(n, -1) if category is None else category
    ids = none if category is None else whole_numbers(named)
    models = pa.array([*(json.dumps(m) for m in (given.models if given else ())), "null"])
    which = np.full(n, len(models) - 1)
    if given is not None and len(given):
        at = given.column("model")[np.maximum(rows, 0)]
        which = np.where(rows >= 0, at, which)
    return join(
        "{",
        members(
            action=pa.repeat(pa.scalar(json.dumps(action)), n),
            box=none if box is None else _json_box(box),
            category_id=ids,
            category=_names(ctx, named),
            model=models.take(pa.array(which)),
        ),
        "}",
    )


def _sure(p: Floats) -> pa.Array:
    return join(fixed(100 * p, 0), " % sure")


def _unjudged(ctx: Context, found: Opinion) -> int:
    return int((ctx.solid & ~ctx.exempt & ~found.judged).sum())


# ---- the rules -----------------------------------------------------------------


@rule(
    "FL701",
    "unlabelled-object",
    "warning",
    "image",
    what="""An object that a model sees and nobody labelled: a prediction that stands for no label.
    Also where it touches or overlaps another box, as things in a row or in a pile do.""",
    why="""Detectors learn from what is not labelled too: an object without a box is background,
    and the model is punished each time it finds it. A small model that is told no for one of
    ten objects lowers its scores for all ten. In a test set a missing label turns a right
    answer into a false alarm.""",
    formula="""Predictions are paired with labels one to one. Of those as sure, as large, as much
    overlapped by other labels and by higher predictions, and of the class, R is the odds of
    having no label, by a logistic regression on the set itself. t is the odds of a label error:
    R where the model is surest, less what even a good model errs. score = t / R, at most 1. In a
    crowd of its class R is at least what was seen in crowds, with five unlabelled objects added.
    A prediction below IoU 0.5 with its label is a candidate too: its score times 1 - 2 IoU, and
    times the share of missing boxes among missing and misplaced ones.""",
    threshold="""`min_score` = 0.5: more likely a label error than the model's. The odds t are the
    lowest that any 30 % or more of the surest predictions show, less 0.005; where they come
    near 0.4 half and less is believed, so that a weak model does not flood the list.""",
    false_alarms="""What the labels leave out on purpose: reflections, pictures of the thing,
    targets below a size that the labelling guide sets. A model that is sure of a thing that is none
    (a fox for a raccoon), again and again.
    """
    + _WEAK,
    fix="""Look at the place and draw the box, tight; the prediction is a first draft. If the guide
    leaves such objects out, cover them with an ignore region; a crowd region takes the place of
    labels of its class alone.""",
    params={"min_score": 0.5},
)
def missing_label(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield predictions that are objects without a label."""
    found, given = suspects(ctx), ctx.predictions
    if found is None or given is None:
        return
    rows = np.flatnonzero(found.missing >= p["min_score"])
    yield _missing_hits(ctx, found, rows, p["min_score"])


def _missing_hits(ctx: Context, found: Suspects, rows: Ints, least: float) -> Hits:
    given = ctx.predictions
    assert given is not None
    boxes, score = _boxes(ctx, rows), given.column("score")[rows]
    category = given.column("category_id")[rows].astype(np.int64)
    sure = found.missing[rows]
    messages = join(
        "A ",
        choice(ctx.quoted_classes, category),
        " at ",
        _place(boxes),
        " has no label (model's score ",
        fixed(score, 2),
        "; ",
        _sure(sure),
        "): label it if it is there.",
    )
    return Hits(
        messages,
        image=given.column("image_id")[rows],
        value=score,
        threshold=least,
        score=sure,
        suggestion="relabel",
        extra=members(
            prediction=whole_numbers(rows),
            prediction_score=_scores(score),
            fix=_fix(ctx, "add_box", rows, boxes, category),
        ),
    )


@rule(
    "FL702",
    "spurious-label",
    "warning",
    "annotation",
    what="A label with nothing under it: no model that knows its class sees an object there.",
    why="""The model is taught to see an object in background of that kind, and answers with false
    alarms. A small model cannot learn the single case by heart, so the lesson spreads.""",
    formula="""Labels without a prediction in their place. Of labels as large and of the class, R is
    the odds of being missed by the model, by a logistic regression on the set itself; t is the
    odds of a label error: R where the model misses least, less what even a good one misses.
    score = t / R, at most 1.""",
    threshold="""`min_score` = 0.35, below the other rules': a model misses real objects more often
    than it invents them, so no single miss is ever sure. The odds t are the lowest that any
    30 % of the labels show, less 0.04; where they come near 0.15 half and less is believed.""",
    false_alarms="""Objects that are hard for the model and not for people: hidden, dark, cut off by
    the edge, of a rare kind. They are the most valuable labels of the set, so look before you
    delete.
    """
    + _WEAK,
    fix="""Look. Delete the box if nothing is there; leave it if the object is. If nobody can say,
    make it an ignore region.""",
    params={"min_score": 0.35},
)
def spurious_label(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield labels in whose place no model sees anything."""
    found = suspects(ctx)
    if found is None:
        return
    rows = found.labels(_SPURIOUS, p["min_score"])
    yield _spurious_hits(ctx, found, rows, p["min_score"])


def _spurious_hits(ctx: Context, found: Suspects, rows: Ints, least: float) -> Hits:
    sure = found.chance[rows]
    messages = join(
        "Nothing that the model knows is where ",
        choice(ctx.quoted_classes, ctx.category[rows]),
        " is labelled (",
        _sure(sure),
        "): delete the box if nothing is there.",
    )
    return Hits(
        messages,
        annotation=rows,
        value=sure,
        threshold=least,
        score=sure,
        unjudged=_unjudged(ctx, found.found),
        extra=members(fix=_fix(ctx, "drop_box", np.full(len(rows), -1), None, None)),
    )


@rule(
    "FL703",
    "wrong-class",
    "warning",
    "annotation",
    what="A label in whose place the model sees an object of another class.",
    why="""One wrong class in a hundred is a hundredth less of accuracy at best; and classes that
    are alike, where it happens, are those that a small model can hardly keep apart anyway. In a
    rare class a few wrong labels are a large share.""",
    formula="""The highest score in the label's place (IoU from 0.5) is of another class. Of labels
    with a top score as high, a second one as near, as large and of the class that is said, R is
    the odds of a disagreement, by a logistic regression on the set itself; t is R where the
    model is surest, less what even a good one errs. score = t / R, less where the model mixes
    these two classes up more often than others; its odds times the root of how much more common
    the model's class is than the label's among what both agree on in the image (and three
    objects like the set's).""",
    threshold="""`min_score` = 0.5. The odds t are found as for FL701.""",
    false_alarms="""Classes that the model mixes up as a habit, when it does so rarely enough to
    look like the labels' fault. Classes of which one holds the other. Labels of a class that the
    model does not know are not judged, whatever it says of them.""",
    fix="Look at the object and choose its class. If people cannot tell either, merge the classes.",
    params={"min_score": 0.5},
)
def wrong_class(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield labels that the model would give another class."""
    found = suspects(ctx)
    if found is None:
        return
    rows = found.labels(_SWAPPED, p["min_score"])
    yield _swapped_hits(ctx, found, rows, p["min_score"])


def _swapped_hits(ctx: Context, found: Suspects, rows: Ints, least: float) -> Hits:
    given, better = ctx.predictions, found.found.better[rows]
    assert given is not None
    said, score = (
        given.column("category_id")[better].astype(np.int64),
        given.column("score")[better],
    )
    sure = found.chance[rows]
    messages = join(
        "Labelled ",
        choice(ctx.quoted_classes, ctx.category[rows]),
        ", and the model sees ",
        choice(ctx.quoted_classes, said),
        " (score ",
        fixed(score, 2),
        "; ",
        _sure(sure),
        "): look which it is.",
    )
    return Hits(
        messages,
        annotation=rows,
        value=score,
        threshold=least,
        score=sure,
        suggestion="relabel",
        extra=members(
            prediction=whole_numbers(better),
            prediction_score=_scores(score),
            fix=_fix(ctx, "relabel", better, None, said),
        ),
    )


@rule(
    "FL704",
    "loose-or-tight-box",
    "warning",
    "annotation",
    what="""A box that lies much farther from the model's than is usual for boxes of this size, of
    which the model is as sure: too large, too small, or moved.""",
    why="""Boxes are what the regression learns, and what IoU is measured on. A box with half an
    object in it teaches that half is enough; and at IoU 0.75 and above, where a deployed
    counter or cropper lives, a fifth of a side decides.""",
    formula="""1 - IoU of the label with the prediction of its class that stands for it (without
    one, with the surest of another class at IoU 0.5 or more), where what an edge is off is first
    divided by what is usual for that edge (0.75 of all are nearer), on a
    logarithmic scale, less the median at its score, and then at its size, over the spread there;
    and of that a local false discovery rate with an empirical null: the share of boxes this far
    out that the usual spread does not account for. What the model reaches is learnt from the
    set, so a model whose boxes are loose by habit accuses nobody.""",
    threshold="""`min_score` = 0.5. `iou` = 0.9 is the goal that annotators are held to: a box that
    reaches it with the model's is never reported. One pixel off on two sides of a 15 px box is
    IoU 0.77, so for boxes with a side below 40 px the goal is `pixels` = 1.5 at the farthest
    edge.""",
    false_alarms="""Objects whose ends nobody can see: hair, smoke, shadows, things behind others.
    Boxes around the whole of a half-hidden object, where the model boxes what shows.""",
    fix="""Draw it anew, at the outermost pixels of the object. The message says which edges are off
    and how far.""",
    params={"min_score": 0.5, "iou": 0.9, "pixels": 1.5},
)
def loose_or_tight_box(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield labels whose box is far from the model's."""
    found = suspects(ctx)
    if found is None:
        return
    rows = found.labels(_MISPLACED, p["min_score"])
    theirs = _boxes(ctx, found.found.better[rows])
    far = ~_good_enough(ctx.corners(rows), theirs, p)
    yield _misplaced_hits(ctx, found, rows[far], p)


def _aligned(a: Floats, b: Floats) -> Floats:
    w = np.maximum(np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0]), 0)
    h = np.maximum(np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1]), 0)
    areas = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1)
    return np.asarray(w * h / np.maximum(areas - w * h, 1e-12))


def _good_enough(label: Floats, theirs: Floats, p: Params) -> Bools:
    """Boxes that reach the goal: in pixels where they are small, by IoU where not."""
    small = (label[:, 2:] - label[:, :2]).min(axis=1, initial=np.inf) < SMALL
    off = np.abs(label - theirs).max(axis=1, initial=0)
    return np.where(small, off <= p["pixels"], _aligned(label, theirs) >= p["iou"])


def _misplaced_hits(ctx: Context, found: Suspects, rows: Ints, p: Params) -> Hits:
    given, better = ctx.predictions, found.found.better[rows]
    assert given is not None
    label, theirs = ctx.corners(rows), _boxes(ctx, better)
    iou, sure = _aligned(label, theirs), found.chance[rows]
    # How far the label reaches beyond the prediction (+) or stays within it (-), edge by edge.
    beyond = (label - theirs) * np.array([-1, -1, 1, 1])
    edges = [
        join(choice(["inside by ", "outside by "], beyond[:, k] > 0), numbers(np.abs(beyond[:, k])))
        for k in range(4)
    ]
    messages = join(
        "Box of ",
        choice(ctx.quoted_classes, ctx.category[rows]),
        " is off: IoU ",
        fixed(iou, 2),
        " with the model's, px ",
        edges[0],
        " (left), ",
        edges[1],
        " (top), ",
        edges[2],
        " (right), ",
        edges[3],
        " (bottom); ",
        _sure(sure),
        ": draw it anew.",
    )
    small = (label[:, 2:] - label[:, :2]).min(axis=1, initial=np.inf) < SMALL
    score = given.column("score")[better]
    return Hits(
        messages,
        annotation=rows,
        value=np.where(small, np.abs(beyond).max(axis=1, initial=0), iou),
        threshold=np.where(small, p["pixels"], p["iou"]),
        score=sure,
        suggestion="relabel",
        extra=members(
            prediction=whole_numbers(better),
            prediction_score=_scores(score),
            iou=_scores(iou),
            fix=_fix(ctx, "replace_box", better, theirs, ctx.category[rows]),
        ),
    )


@rule(
    "FL705",
    "split-or-merged",
    "warning",
    "annotation",
    what="""One label around several objects of its class that the model sees one by one; or several
    labels in pieces of what the model sees as one object.""",
    why="""The same scene is labelled now this way, now that way, and the model learns boxes of both
    sizes for the same thing: it then answers with both, or with one that is too large. Counts
    are wrong by as much.""",
    formula="""Merged: two or more predictions of the label's class, each with 80 % of itself in the
    label and IoU below 0.3 with each other, cover 60 % of it, and no prediction fits it at IoU
    0.6. Split: the same the other way round, with labels that no prediction of their own stands
    for. score = the product of the two best predictions' trust (merged), or the trust of the one
    (split), where trust is how often predictions as sure, as large and of the class have a
    label.""",
    threshold="""`min_score` = 0.5. The shares are those at which people speak of one thing in
    another; a prediction speaks for it from a trust of 0.3.""",
    false_alarms="""Labels of groups that are meant (a bunch, a herd: better an ignore or crowd
    region). Objects in parts that the guide wants apart. Models that see the parts of a thing.""",
    fix="Draw one box an object, as the rest of the set does.",
    params={"min_score": 0.5},
)
def split_or_merged(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield labels over several objects, and labels that share one."""
    found = opinion(ctx)
    given = ctx.predictions
    if found is None or given is None:
        return
    merged = [m for m in found.merged if m[2] >= p["min_score"]]
    split = [s for s in found.split if s[2] >= p["min_score"]]
    rows = np.array([m[0] for m in merged], np.int64)
    counts = [len(m[1]) for m in merged]
    sure = np.array([m[2] for m in merged])
    boxes = [_json_box(_boxes(ctx, m[1])).to_pylist() for m in merged]
    yield Hits(
        [
            f"One {name} box over {count} that the model sees one by one: draw a box for each."
            for name, count in zip(_quoted(ctx, rows), counts, strict=True)
        ],
        annotation=rows,
        value=np.array(counts, np.float64),
        threshold=1.0,
        score=sure,
        suggestion="relabel",
        extra=members(
            predictions=[json.dumps([int(r) for r in m[1]]) for m in merged],
            boxes=["[" + ", ".join(texts) + "]" for texts in boxes],
            fix=_fix(
                ctx,
                "replace_box",
                np.array([m[1][0] for m in merged], np.int64),
                _boxes(ctx, np.array([m[1][0] for m in merged], np.int64)),
                ctx.category[rows],
            ),
        ),
    )
    rows = np.array([int(s[1][0]) for s in split], np.int64)
    counts = [len(s[1]) for s in split]
    whole = np.array([s[0] for s in split], np.int64)
    yield Hits(
        [
            f"{count} {name} boxes in pieces of what the model sees as one: draw one box."
            for name, count in zip(_quoted(ctx, rows), counts, strict=True)
        ],
        annotation=rows,
        value=np.array(counts, np.float64),
        threshold=1.0,
        score=np.array([s[2] for s in split]),
        suggestion="relabel",
        extra=members(
            prediction=whole_numbers(whole),
            related_annotations=[json.dumps([int(r) for r in s[1][1:]]) for s in split],
            fix=_fix(ctx, "replace_box", whole, _boxes(ctx, whole), ctx.category[rows]),
        ),
    )


def _quoted(ctx: Context, rows: Ints) -> list[str]:
    return [ctx.quoted_classes[c] for c in ctx.category[rows].tolist()]


@rule(
    "FL706",
    "unsure-region",
    "info",
    "image",
    what="""A place where neither the label nor the model can be trusted: it may be an error of any
    of the other kinds, and is not likely enough to be reported as one.""",
    why="""Whatever the label says there, the model learns noise. An ignore region takes it out of
    the training and of the test, and costs nothing.""",
    formula="""The score of FL701, FL702, FL703 or FL704 is at least `min_score` and below that
    rule's own `min_score`. The finding's score is that score.""",
    threshold="""`min_score` = 0.3: about one in three such places is an error.""",
    false_alarms="""By its nature two in three. Look at them last, or never; they are there so that
    a plan can mark them as regions to ignore.""",
    fix="""Decide if you can see it; else mark the place as an ignore region.""",
    params={"min_score": 0.3},
)
def unsure_region(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield places that are suspect, but not enough for a rule of their own."""
    found, given = suspects(ctx), ctx.predictions
    if found is None or given is None:
        return
    least = p["min_score"]

    def limit(code: str) -> float:
        return thresholds(code, ctx.config)["min_score"]

    for kind, code in ((_SWAPPED, "FL703"), (_MISPLACED, "FL704"), (_SPURIOUS, "FL702")):
        rows = found.labels(kind, least, limit(code))
        if kind == _MISPLACED and len(rows):
            goal = thresholds(code, ctx.config)
            theirs = _boxes(ctx, found.found.better[rows])
            rows = rows[~_good_enough(ctx.corners(rows), theirs, goal)]
        boxes = ctx.corners(rows)
        yield Hits(
            join(
                "The label of ",
                choice(ctx.quoted_classes, ctx.category[rows]),
                f" may be wrong ({code}, ",
                _sure(found.chance[rows]),
                "): decide, or mark the place as one to ignore.",
            ),
            annotation=rows,
            value=found.chance[rows],
            threshold=limit(code),
            score=found.chance[rows],
            suggestion="ignore",
            extra=members(
                kind=pa.repeat(pa.scalar(json.dumps(code)), len(rows)),
                fix=_fix(ctx, "mark_ignore", found.found.better[rows], boxes, ctx.category[rows]),
            ),
        )
    rows = np.flatnonzero((found.missing >= least) & (found.missing < limit("FL701")))
    boxes = _boxes(ctx, rows)
    category = given.column("category_id")[rows].astype(np.int64)
    yield Hits(
        join(
            "There may be a ",
            choice(ctx.quoted_classes, category),
            " without a label at ",
            _place(boxes),
            " (FL701, ",
            _sure(found.missing[rows]),
            "): decide, or mark the place as one to ignore.",
        ),
        image=given.column("image_id")[rows],
        value=found.missing[rows],
        threshold=limit("FL701"),
        score=found.missing[rows],
        suggestion="ignore",
        extra=members(
            kind=pa.repeat(pa.scalar('"FL701"'), len(rows)),
            prediction=whole_numbers(rows),
            fix=_fix(ctx, "mark_ignore", rows, boxes, category),
        ),
    )
