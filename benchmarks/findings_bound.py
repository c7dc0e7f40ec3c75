"""How well planted label errors could be found at most: fastlabel beside two upper references.

Labels, plantings, predictions and the AP of single boxes are those of ``objectlab.py`` (column
``object`` there). Two references stand beside ours, and neither can be used by a rule:

- ``witness``: the share of the planted errors of which the predictions know at all: one of the
  true class at IoU 0.5 or more with the true box, at any score. ``oracle`` is the AP of an order
  that puts all of these first, without a single false alarm, and then whatever has no witness,
  as one step: nothing tells these from each other. Missing boxes without one are never found.
  ``any`` is the share where the class does not matter: a prediction of a wrong class still tells
  that something is there, and where it ends.
- ``told``: gradient-boosted trees that are told the truth. For each image they learn from the
  others (five folds) which boxes were planted, in as many plantings as ``--train`` says of the
  same kind and rate, with seeds that are not those reported. They see more of each candidate
  than our rules look at, and our own probabilities among it: a rule would have to do without
  the truth, and for every set. ``bare`` are the same trees without our probabilities.

``alike`` counts what looks like an error of the kind in the unchanged set: labels with a
prediction of another class in their place and none of their own (swapped), labels whose own
prediction is at IoU 0.3 to 0.7 (misplaced), predictions without a label at IoU 0.5 (missing).

    pip install scikit-learn      # or PYTHONPATH with it; only this bound needs it
    python benchmarks/findings_bound.py DATA [--sets coco,bccd,raccoon] [--seeds 5] [--train 10]
        [--rates 0.05,0.1,0.2] [--without] [--json FILE]

``--without`` also tells what each group of facts is worth to the trees: their AP without it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from objectlab import average_precision, missing_objects, ours, plant, sets

import fastlabel as fl

KINDS = ("missing", "swapped", "misplaced")
FOLDS = 5
#: Of the first planting that the trees learn from; those reported begin at 1.
FIRST = 1001
#: IoU of a box in the place of another.
PLACED = 0.5


@dataclass
class Side:
    """Labels, or predictions: of each its image, class and box."""

    image: Any
    named: Any
    boxes: Any
    score: Any

    def of(self, rows: Any) -> Side:
        return Side(self.image[rows], self.named[rows], self.boxes[rows], self.score[rows])


def label_side(ds: Any) -> tuple[Side, Any]:
    """Labels that can be judged, and their rows."""
    boxes = ds.boxes()
    named = ds.annotations["category_id"].fill_null(-1).to_numpy().astype(np.int64)
    crowd = ds.annotations["crowd"].fill_null(False).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero((named >= 0) & ~crowd & (boxes[:, 2:] > boxes[:, :2]).all(1))
    image = ds.column("annotations", "image_id")
    return Side(image, named, boxes, np.ones(len(boxes))).of(rows), rows


def said_side(said: Any) -> Side:
    named = said.column("category_id").astype(np.int64)
    return Side(said.column("image_id"), named, said.boxes(), said.column("score"))


# ---- what the predictions know -------------------------------------------------


def witnessed(clean: Any, said: Any, rows: Any, of_class: bool = True) -> Any:
    """Of true boxes: some prediction, of their class or of any, is in their place."""
    theirs = said_side(said)
    boxes, image = clean.boxes(), clean.column("annotations", "image_id")
    named = clean.annotations["category_id"].fill_null(-1).to_numpy()
    out = np.zeros(len(rows), bool)
    for k, row in enumerate(rows.tolist()):
        near = theirs.image == image[row]
        if of_class:
            near &= theirs.named == named[row]
        if near.any():
            iou = fl.box_iou(boxes[row : row + 1], theirs.boxes[near])
            out[k] = iou.max() >= PLACED
    return out


def oracle(kind: str, clean: Any, labels: Any, said: Any, errors: Any) -> tuple[float, float]:
    """Share of the errors with a witness, and the AP of the order that knows them."""
    seen = witnessed(clean, said, np.array([e["source_annotation_id"] for e in errors]))
    if kind == "missing":
        return float(seen.mean()), float(seen.mean())
    at = np.array([e["annotation_id"] for e in errors])
    wrong = np.zeros(labels.annotations.num_rows, bool)
    wrong[at] = True
    theirs = said_side(said)
    mine, rows = label_side(labels)
    place = np.zeros(len(wrong))
    for image in np.unique(mine.image):
        a, p = np.flatnonzero(mine.image == image), np.flatnonzero(theirs.image == image)
        if len(p):
            same = mine.named[a][:, None] == theirs.named[p]
            iou = np.where(same, fl.box_iou(mine.boxes[a], theirs.boxes[p]), 0)
            place[rows[a]] = iou.max(1)
    order = np.where(place < PLACED, 1.0, 0.0)
    order[at[seen]] = 2.0
    return float(seen.mean()), average_precision(wrong, order)


def alike(kind: str, clean: Any, said: Any) -> int:
    mine, _ = label_side(clean)
    theirs = said_side(said)
    same, other, free = np.zeros(len(mine.image)), np.zeros(len(mine.image)), 0
    for image in np.unique(np.concatenate([mine.image, theirs.image])):
        a, p = np.flatnonzero(mine.image == image), np.flatnonzero(theirs.image == image)
        if not len(a) or not len(p):
            free += len(p)
            continue
        iou = np.asarray(fl.box_iou(mine.boxes[a], theirs.boxes[p]))
        alike = mine.named[a][:, None] == theirs.named[p]
        same[a] = np.where(alike, iou, 0).max(1)
        other[a] = np.where(alike, 0, iou).max(1)
        free += int((iou.max(0) < PLACED).sum())
    if kind == "missing":
        return free
    if kind == "swapped":
        return int(((same < PLACED) & (other >= PLACED)).sum())
    return int(((same >= 0.3) & (same < 0.7)).sum())


# ---- what the trees see --------------------------------------------------------


class Facts:
    """Columns of numbers by group; rows are the candidates."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.names: list[tuple[str, str]] = []
        self.columns: list[Any] = []

    def add(self, group: str, **columns: Any) -> None:
        for name, column in columns.items():
            self.names.append((group, name))
            self.columns.append(np.asarray(column, np.float64))

    def table(self, without: Sequence[str] = ()) -> Any:
        kept = [c for (g, _), c in zip(self.names, self.columns, strict=True) if g not in without]
        return np.stack(kept, 1)


def facts_of(one: Side, two: Side, sizes: Any, own: dict[str, Any]) -> Facts:
    """What can be said of each box of the first side, beside the second, truth apart."""
    n = len(one.image)
    f = Facts(n)
    side = one.boxes[:, 2:] - one.boxes[:, :2]
    log = np.log2(np.maximum(side, 1e-3))
    f.add("score", score=one.score)
    f.add("box", width=log[:, 0], height=log[:, 1], area=log.sum(1), aspect=log[:, 0] - log[:, 1])
    share = one.boxes / np.tile(sizes[one.image], 2)
    f.add("box", x1=share[:, 0], y1=share[:, 1], x2=share[:, 2], y2=share[:, 3])
    f.add("box", margin=np.minimum(share[:, :2], 1 - share[:, 2:]).min(1))
    classes = int(max(one.named.max(initial=0), two.named.max(initial=0))) + 1
    count = [np.bincount(s.named, minlength=classes) for s in (one, two)]
    f.add("class", named=one.named, common=count[0][one.named], common_there=count[1][one.named])
    for name, of in (("area", log.sum(1)), ("aspect", log[:, 0] - log[:, 1])):
        usual = np.array(
            [np.median(of[one.named == c]) if count[0][c] else np.nan for c in range(classes)]
        )
        f.add("class", **{f"{name}_for_class": of - usual[one.named]})
    out: dict[tuple[str, str], Any] = {}

    def put(group: str, name: str, rows: Any, values: Any) -> None:
        out.setdefault((group, name), np.full(n, np.nan))[rows] = values

    for image in np.unique(one.image):
        a, p = np.flatnonzero(one.image == image), np.flatnonzero(two.image == image)
        _one_image(put, one, two, a, p, log, count)
    for (group, name), column in out.items():
        f.add(group, **{name: column})
    f.add("ours", **own)
    return f


def _one_image(
    put: Any, one: Side, two: Side, a: Any, p: Any, log: Any, count: Sequence[Any]
) -> None:
    put("image", "here", a, len(a))
    put("image", "there", a, len(p))
    here = one.named[a][:, None]
    alike = here == one.named[a]
    put("image", "class_here", a, alike.sum(1))
    put("image", "class_there", a, (here == two.named[p]).sum(1))
    put("score", "rank", a, (one.score[a][:, None] < one.score[a]).sum(1))
    within = np.array(fl.box_iou(one.boxes[a], one.boxes[a]))
    np.fill_diagonal(within, 0)
    put("neighbours", "near_same", a, np.where(alike, within, 0).max(1))
    put("neighbours", "near_other", a, np.where(alike, 0, within).max(1))
    put("neighbours", "overlaps", a, (within >= 0.1).sum(1))
    above = one.score[a][:, None] < one.score[a]
    put("neighbours", "near_higher", a, np.where(above, within, 0).max(1))
    if not len(p):
        for name in ("same_iou", "other_iou", "same_score", "other_score"):
            put("pair", name, a, 0.0)
        return
    iou = np.asarray(fl.box_iou(one.boxes[a], two.boxes[p]))
    ioa = np.asarray(fl.box_ioa(one.boxes[a], two.boxes[p]))
    same = here == two.named[p]
    put("neighbours", "touched", a, (iou >= 0.1).sum(1))
    put("neighbours", "placed", a, (iou >= PLACED).sum(1))
    put("neighbours", "inside", a, ioa.max(1))
    put("neighbours", "inside_same", a, np.where(same, ioa, 0).max(1))
    second = np.sort(np.where(same, iou, 0), 1)
    put("neighbours", "second_same", a, second[:, -2] if len(p) > 1 else 0)
    # Pairs one to one, the best first, those of a class before the others.
    left = _greedy(iou + same * 1.0, iou, np.where(same, 0.1, PLACED))
    has = left >= 0
    put("paired", "paired", a, has)
    put("paired", "paired_same", a, same[np.arange(len(a)), np.maximum(left, 0)] & has)
    put("paired", "paired_iou", a, np.where(has, iou[np.arange(len(a)), left], 0))
    taken = np.zeros(len(p), bool)
    taken[left[has]] = True
    free = (two.named[p] == here) & ~taken
    put("paired", "free_of_class", a, free.sum(1))
    far = _gap(one.boxes[a], two.boxes[p])
    put("paired", "nearest_free", a, np.where(free, far, 99).min(1))
    for name, here_too in (("same", same), ("other", ~same)):
        of = np.where(here_too, iou, 0)
        best = of.argmax(1)
        value = of.max(1)
        put("pair", f"{name}_iou", a, value)
        there = np.where(value > 0, two.score[p][best], 0)
        put("pair", f"{name}_score", a, there)
        placed = np.where(here_too & (iou >= PLACED), two.score[p], 0).max(1)
        put("pair", f"{name}_placed", a, placed)
        # How it lies and how large it is, which is more than its IoU.
        mine, its = one.boxes[a], two.boxes[p][best]
        wide = np.maximum(mine[:, 2:] - mine[:, :2], 1e-3)
        off = np.where(value[:, None] > 0, (its - mine) / np.tile(wide, 2), np.nan)
        for k, edge in enumerate(("left", "top", "right", "bottom")):
            put("edges", f"{name}_{edge}", a, off[:, k])
        put("edges", f"{name}_x", a, np.abs(off[:, 0] + off[:, 2]))
        put("edges", f"{name}_y", a, np.abs(off[:, 1] + off[:, 3]))
        put("edges", f"{name}_w", a, off[:, 2] - off[:, 0])
        put("edges", f"{name}_h", a, off[:, 3] - off[:, 1])
        put("edges", f"{name}_farthest", a, np.abs(off).max(1))
        # Whether it is rather another one's.
        others = np.where(np.arange(len(a))[:, None] == np.arange(len(a)), 0, iou.T[best])
        its_class = two.named[p][best]
        as_said = its_class[:, None] == one.named[a]
        put("rivals", f"{name}_rival", a, np.where(as_said, others, 0).max(1))
        put("rivals", f"{name}_rival_any", a, others.max(1))
        if name == "other":
            held = value > 0
            put("class", "other_named", a, np.where(held, its_class, np.nan))
            put("class", "other_common", a, np.where(held, count[0][its_class], np.nan))
            put("class", "other_common_there", a, np.where(held, count[1][its_class], np.nan))
            put("image", "other_here", a, np.where(held, as_said.sum(1), np.nan))
            of_it = (its_class[:, None] == two.named[p]).sum(1)
            put("image", "other_there", a, np.where(held, of_it, np.nan))


def _greedy(key: Any, iou: Any, least: Any) -> Any:
    left, taken = np.full(len(key), -1), np.zeros(key.shape[1], bool)
    for at in np.argsort(-key, axis=None, kind="stable").tolist():
        i, j = divmod(at, key.shape[1])
        if left[i] < 0 and not taken[j] and iou[i, j] >= least[i, j]:
            left[i], taken[j] = j, True
    return left


def _gap(a: Any, b: Any) -> Any:
    """Distances of centres, in sides of the first."""
    off = (a[:, None, :2] + a[:, None, 2:] - b[None, :, :2] - b[None, :, 2:]) / 2
    side = np.sqrt(np.maximum((a[:, 2:] - a[:, :2]).prod(1), 1e-6))
    return np.sqrt((off**2).sum(2)) / side[:, None]


# ---- candidates and their truth ------------------------------------------------


@dataclass
class Planting:
    """One planting: its candidates, and what scores an order of them."""

    errors: Any
    labels: Any
    own: Any
    facts: Facts
    image: Any
    rows: Any
    truth: Any


def planting(kind: str, clean: Any, said: Any, rate: float, seed: int) -> Planting:
    labels, ledger = plant(clean, kind, rate, seed)
    errors = ledger.to_pylist()
    quality = ours(labels, said)
    mine, rows = label_side(labels)
    theirs = said_side(said)
    sizes = np.stack([clean.column("images", c).astype(float) for c in ("width", "height")], 1)
    if kind == "missing":
        own = {"missing": quality["missing_object"]}
        facts = facts_of(theirs, mine, sizes, own)
        truth = np.zeros(len(said), bool)
        boxes = clean.boxes()
        for e in errors:
            near = np.flatnonzero(theirs.image == e["image_id"])
            row = e["source_annotation_id"]
            if len(near):
                iou = fl.box_iou(theirs.boxes[near], boxes[row : row + 1])[:, 0]
                truth[near[iou >= PLACED]] = True
        return Planting(
            errors,
            labels,
            quality["missing_object"],
            facts,
            theirs.image,
            np.arange(len(said)),
            truth,
        )
    own = {k: quality[k + "_object"][rows] for k in ("swapped", "misplaced", "spurious")}
    facts = facts_of(mine, theirs, sizes, own)
    wrong = np.zeros(labels.annotations.num_rows, bool)
    wrong[[e["annotation_id"] for e in errors]] = True
    return Planting(errors, labels, quality[kind + "_object"], facts, mine.image, rows, wrong[rows])


def scored(kind: str, clean: Any, said: Any, one: Planting, score: Any) -> float:
    if kind == "missing":
        dropped = np.array([e["source_annotation_id"] for e in one.errors])
        return missing_objects(dropped, clean, said, score)[0]
    wrong = np.zeros(one.labels.annotations.num_rows, bool)
    wrong[[e["annotation_id"] for e in one.errors]] = True
    return average_precision(wrong, score)


def told(
    train: Sequence[Planting],
    test: Sequence[Planting],
    images: int,
    without: Sequence[str] = (),
) -> list[Any]:
    """Probabilities of each planting's candidates, by trees told the truth of other images."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    fold = np.random.default_rng(7).permutation(images) % FOLDS
    x = np.concatenate([one.facts.table(without) for one in train])
    y = np.concatenate([one.truth for one in train])
    of = np.concatenate([fold[one.image] for one in train])
    tables = [one.facts.table(without) for one in test]
    out = [np.full(len(t), -1.0) for t in tables]
    for k in range(FOLDS):
        model = HistGradientBoostingClassifier(
            learning_rate=0.06,
            max_iter=120,
            max_leaf_nodes=15,
            min_samples_leaf=3 * len(train),
            l2_regularization=1.0,
            max_features=0.4,
            early_stopping=False,
            random_state=k,
        )
        model.fit(x[of != k], y[of != k])
        for one, table, p in zip(test, tables, out, strict=True):
            mine = fold[one.image] == k
            if mine.any():
                p[mine] = model.predict_proba(table[mine])[:, 1]
    whole = []
    for one, p in zip(test, out, strict=True):
        score = np.full(len(one.own), -1.0)
        score[one.rows] = p
        whole.append(score)
    return whole


def cell(
    root: Path, name: str, kind: str, rate: float, seeds: int, train: int, without: bool
) -> dict[str, Any]:
    """All numbers of one kind and rate, of one set; means of the seeds."""
    rows: list[dict[str, float]] = []
    learn, test, models = [], [], []
    # Predictions made for bccd and raccoon depend on the seed: the trees learn from other ones.
    for seed in range(FIRST, FIRST + train):
        _, clean, said = next(sets(root, [name], seed))
        learn.append(planting(kind, clean, said, rate, seed))
    for seed in range(1, seeds + 1):
        _, clean, said = next(sets(root, [name], seed))
        test.append(planting(kind, clean, said, rate, seed))
        models.append((clean, said))
    images = len(models[0][0])
    ways = {"told": (), "bare": ("ours",)}
    if without:
        groups = dict.fromkeys(group for group, _ in test[0].facts.names)
        ways |= {f"bare - {g}": ("ours", g) for g in groups if g != "ours"}
    scores = {way: told(learn, test, images, drop) for way, drop in ways.items()}
    for k, (one, (clean, said)) in enumerate(zip(test, models, strict=True)):
        true = np.array([e["source_annotation_id"] for e in one.errors])
        witness, best = oracle(kind, clean, one.labels, said, one.errors)
        rows.append(
            {
                "errors": len(one.errors),
                "alike": alike(kind, clean, said),
                "ours": scored(kind, clean, said, one, one.own),
                "witness": witness,
                "oracle": best,
                "any": float(witnessed(clean, said, true, of_class=False).mean()),
            }
            | {way: scored(kind, clean, said, one, s[k]) for way, s in scores.items()}
        )
    return {"set": name, "kind": kind, "rate": rate, "seeds": rows}


def report(row: dict[str, Any]) -> str:
    mean = {key: float(np.mean([r[key] for r in row["seeds"]])) for key in row["seeds"][0]}
    each = [r["told"] - r["ours"] for r in row["seeds"]]
    text = f"{row['set']:8} {row['kind']:10} {row['rate']:5.0%} {mean['errors']:6.0f} "
    text += f"{mean['alike']:6.0f} | {mean['ours']:6.3f} {mean['told']:6.3f} {mean['bare']:6.3f} "
    text += f"{np.mean(each):+7.3f} {np.std(each):6.3f} | {mean['witness']:7.3f} "
    text += f"{mean['oracle']:6.3f} {mean['any']:6.3f}"
    for key, value in mean.items():
        if key.startswith("bare -"):
            text += f"\n    {key:22} {value:6.3f} {value - mean['bare']:+7.3f}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--train", type=int, default=10, help="plantings to learn from")
    parser.add_argument("--sets", default="coco")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--rates", default="0.05,0.1,0.2")
    parser.add_argument("--without", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print("AP of single boxes, mean of the seeds")
    print(
        f"{'set':8} {'kind':10} {'rate':>5} {'errors':>6} {'alike':>6} | {'ours':>6} {'told':>6} "
        f"{'bare':>6} {'diff':>7} {'+-':>6} | {'witness':>7} {'oracle':>6} "
        f"{'any':>6}"
    )
    found = []
    for name in options.sets.split(","):
        for kind in options.kinds.split(","):
            if kind == "swapped" and name == "raccoon":  # of one class
                continue
            for rate in map(float, options.rates.split(",")):
                found.append(
                    cell(
                        options.data,
                        name,
                        kind,
                        rate,
                        options.seeds,
                        options.train,
                        options.without,
                    )
                )
                print(report(found[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
