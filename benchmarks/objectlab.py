"""How well planted label errors are found: fastlabel beside cleanlab's ObjectLab.

Both are given the same labels, with errors from ``fastlabel.corrupt``, and the same predictions:
COCO-100's real ones, and for bccd and raccoon those of ``detector_noise``. Both rank the images;
average precision (AP) is of the images that have an error of the kind, ties counted as one step.
ObjectLab is ranked by its score of the kind where there is one, and by its overall score; so are
we. ``object`` is the AP of single boxes: labels by how likely they are wrong, and for missing
ones predictions that meet a dropped box at IoU 0.5, whatever their class, of all dropped boxes;
``seen`` is the share of dropped boxes that have such a prediction at all: no ranking can reach
more. ``expect`` is the number of errors that our probabilities add up to.

The thresholds and curves were tuned on other seeds (101 to 112) than those reported (1 to 5).

    pip install cleanlab        # or PYTHONPATH with it; only this comparison needs it
    python benchmarks/objectlab.py DATA [--seeds 5] [--sets coco,bccd,raccoon] [--json FILE]

DATA holds ``predictions/faster-coco-eval/cocoapi``, ``bccd`` and ``raccoon``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from detector_noise import detect_dataset

import fastlabel as fl

COCO = "predictions/faster-coco-eval/cocoapi"
PLANTED = {
    "missing": ["drop"],
    "swapped": ["swap"],
    "misplaced": ["shift", "scale"],
    "all": ["drop", "swap", "shift", "scale"],
}
RATES = (0.05, 0.1, 0.2)
KINDS = ("missing", "spurious", "swapped", "misplaced")


def average_precision(wrong: Any, score: Any, total: int | None = None) -> float:
    """Area under precision and recall, equal scores counted together.

    >>> average_precision([True, False, True], [0.9, 0.8, 0.7])
    0.8333333333333333
    """
    order = np.argsort(-np.asarray(score, np.float64), kind="stable")
    score = np.asarray(score, np.float64)[order]
    hits = np.cumsum(np.asarray(wrong, np.float64)[order])
    count = np.arange(1, len(hits) + 1)
    last = np.ones(len(hits), bool)
    last[:-1] = score[1:] != score[:-1]
    hits, count = hits[last], count[last]
    whole = hits[-1] if total is None else total
    return float((np.diff(hits, prepend=0) * hits / count).sum() / max(whole, 1))


def plant(clean: Any, kind: str, rate: float, seed: int) -> Any:
    kinds = PLANTED[kind]
    if clean.categories.num_rows < 2:
        kinds = [k for k in kinds if k != "swap"]
    return fl.corrupt(clean, rate=rate, kinds=kinds, seed=seed)


def objectlab_inputs(labels: Any, said: Any) -> tuple[list[Any], list[Any], Any, list[Any]]:
    """Labels and predictions as its functions take them, and the rows that they stand for."""
    classes = labels.categories.num_rows
    boxes, image = labels.boxes(), labels.column("annotations", "image_id")
    category = labels.annotations["category_id"].fill_null(-1).to_numpy()
    crowd = labels.annotations["crowd"].fill_null(False).to_numpy(zero_copy_only=False)
    good = (category >= 0) & ~crowd & (boxes[:, 2:] > boxes[:, :2]).all(1)
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(image[rows], kind="stable")]
    theirs = np.concatenate([said.boxes(), said.column("score")[:, None]], axis=1)
    of, named = said.column("image_id"), said.column("category_id")
    order = np.argsort(of, kind="stable")
    at = np.searchsorted(image[rows], np.arange(len(labels) + 1))
    pt = np.searchsorted(of[order], np.arange(len(labels) + 1))
    given, predictions, listed = [], [], []
    for k in range(len(labels)):
        own = rows[at[k] : at[k + 1]]
        given.append({"bboxes": boxes[own], "labels": category[own]})
        mine = order[pt[k] : pt[k + 1]]
        by_class = [mine[named[mine] == c] for c in range(classes)]
        listed.append(np.concatenate(by_class) if len(mine) else mine)
        array = np.empty(classes, object)
        for c, some in enumerate(by_class):
            array[c] = theirs[some]
        predictions.append(array)
    return given, predictions, rows, listed


def objectlab(labels: Any, said: Any) -> dict[str, Any]:
    """Scores of its published functions, turned so that high is suspect."""
    from cleanlab.object_detection import rank

    given, predictions, rows, listed = objectlab_inputs(labels, said)
    # What all of its scores are made of, once; it is most of the time.
    made = rank._get_valid_inputs_for_compute_scores(rank.ALPHA, given, predictions)
    raw = {
        "missing": rank.compute_overlooked_box_scores(auxiliary_inputs=made),
        "swapped": rank.compute_swap_box_scores(auxiliary_inputs=made),
        "misplaced": rank.compute_badloc_box_scores(auxiliary_inputs=made),
    }
    pooled = {kind: rank.pool_box_scores_per_image(scores) for kind, scores in raw.items()}
    # get_label_quality_scores with its own weights: the geometric mean of the three.
    out: dict[str, Any] = {
        "all": 1 - np.exp(np.mean([np.log(1e-100 + p) for p in pooled.values()], axis=0))
    }
    for kind, scores in raw.items():
        out[kind] = 1 - pooled[kind]
        one = np.full(len(said) if kind == "missing" else labels.annotations.num_rows, -1.0)
        flat = np.concatenate([np.asarray(s, np.float64) for s in scores])
        where = np.concatenate(listed) if kind == "missing" else rows
        one[where] = np.where(np.isnan(flat), -1.0, 1 - flat)
        out[kind + "_object"] = one
    return out


def objectlab_seconds(labels: Any, said: Any) -> float:
    """CPU seconds of its overall score, its own inputs made beforehand."""
    from cleanlab.object_detection import rank

    given, predictions, _, _ = objectlab_inputs(labels, said)
    began = time.process_time()
    rank.get_label_quality_scores(given, predictions, verbose=False)
    return time.process_time() - began


def ours(labels: Any, said: Any) -> dict[str, Any]:
    quality = fl.label_quality(labels, said)
    out: dict[str, Any] = {"all": 1 - quality.images["quality"].to_numpy()}
    for kind in KINDS:
        out[kind] = quality.images[kind].to_numpy()
        table = quality.predictions if kind == "missing" else quality.labels
        out[kind + "_object"] = table[kind].to_numpy()
    return out


def missing_objects(dropped: Any, clean: Any, said: Any, score: Any) -> tuple[float, float]:
    """AP of predictions as dropped boxes, and the share of these that any prediction meets."""
    boxes, of = clean.boxes()[dropped], clean.column("annotations", "image_id")[dropped]
    theirs, image = said.boxes(), said.column("image_id")
    taken, seen = np.zeros(len(dropped), bool), np.zeros(len(dropped), bool)
    by_image: dict[int, list[int]] = {}
    for k, i in enumerate(of.tolist()):
        by_image.setdefault(i, []).append(k)
    wrong = np.zeros(len(said))
    for row in np.argsort(-score, kind="stable").tolist():
        near = by_image.get(int(image[row]), [])
        if not near:
            continue
        iou = fl.box_iou(theirs[row : row + 1], boxes[near])[0]
        seen[np.array(near)[iou >= 0.5]] = True
        if score[row] <= 0:
            continue
        iou = np.where(taken[near], 0, iou)
        if iou.max() >= 0.5:
            taken[near[int(iou.argmax())]], wrong[row] = True, 1
    listed = score > 0
    if not listed.any():
        return 0.0, float(seen.mean())
    return average_precision(wrong[listed], score[listed], len(dropped)), float(seen.mean())


def compare(clean: Any, said: Any, kind: str, rate: float, seed: int) -> dict[str, float]:
    labels, ledger = plant(clean, kind, rate, seed)
    errors = ledger.to_pylist()
    hit = np.zeros(len(clean), bool)
    hit[[e["image_id"] for e in errors]] = True
    a, b = ours(labels, said), objectlab(labels, said)
    row = {
        "errors": float(len(errors)),
        "images": float(hit.mean()),
        "ours_all": average_precision(hit, a["all"]),
        "theirs_all": average_precision(hit, b["all"]),
    }
    if kind == "all":
        return row
    row |= {
        "ours": average_precision(hit, a[kind]),
        "theirs": average_precision(hit, b[kind]),
    }
    if kind == "missing":
        dropped = np.array([e["source_annotation_id"] for e in errors])
        row["object"], row["seen"] = missing_objects(dropped, clean, said, a["missing_object"])
        row["object_theirs"], _ = missing_objects(dropped, clean, said, b["missing_object"])
        row["expected"] = float(a["missing_object"].sum())
    else:
        wrong = np.zeros(labels.annotations.num_rows, bool)
        wrong[[e["annotation_id"] for e in errors]] = True
        row["object"] = average_precision(wrong, a[kind + "_object"])
        row["object_theirs"] = average_precision(wrong, b[kind + "_object"])
        row["expected"] = float(a[kind + "_object"].sum())
    return row


def sets(root: Path, names: list[str], seed: int) -> Any:
    for name in names:
        if name == "coco":
            clean = fl.read(root / COCO / "instances_val2014_100.json")
            given = root / COCO / "instances_val2014_fakebbox100_results.json"
            yield "COCO-100", clean, fl.read_predictions(given, clean)
        else:
            clean = fl.read(root / name)
            d = detect_dataset(clean, seed=seed)
            yield (
                name,
                clean,
                fl.Predictions.from_arrays(clean, d.image_id, d.category_id, d.boxes, d.scores),
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--sets", default="coco,bccd,raccoon")
    parser.add_argument("--kinds", default="missing,swapped,misplaced,all")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[tuple[str, str, float], list[dict[str, float]]] = {}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name, clean, said in sets(options.data, options.sets.split(","), seed):
            for kind in options.kinds.split(","):
                if kind == "swapped" and clean.categories.num_rows < 2:
                    continue
                for rate in RATES:
                    row = compare(clean, said, kind, rate, seed)
                    found.setdefault((name, kind, rate), []).append(row)
    report(found)
    if options.json:
        rows = [{"set": s, "kind": k, "rate": r, "seeds": v} for (s, k, r), v in found.items()]
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def report(found: dict[tuple[str, str, float], list[dict[str, float]]]) -> None:
    print("AP of the image ranking, mean of the seeds; by the score of the kind, and overall")
    print(
        f"{'set':9} {'kind':10} {'rate':>5} {'ours':>6} {'OLab':>6} {'diff':>7} {'worst':>7} | "
        f"{'ours':>6} {'OLab':>6} {'diff':>7} | {'object':>6} {'OLab':>6} {'seen':>5} | "
        f"{'errors':>6} {'expect':>6} {'images':>6}"
    )
    differences = []
    for (name, kind, rate), rows in found.items():
        mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        text = f"{name:9} {kind:10} {rate:5.0%} "
        if kind == "all":
            text += " " * 29
        else:
            each = [row["ours"] - row["theirs"] for row in rows]
            differences.append((kind, float(np.mean(each))))
            text += f"{mean['ours']:6.3f} {mean['theirs']:6.3f} {np.mean(each):+7.3f} "
            text += f"{min(each):+7.3f}"
        text += f" | {mean['ours_all']:6.3f} {mean['theirs_all']:6.3f} "
        text += f"{mean['ours_all'] - mean['theirs_all']:+7.3f} | "
        if kind == "all":
            text += " " * 19
        else:
            seen = f"{mean['seen']:5.2f}" if "seen" in mean else "     "
            text += f"{mean['object']:6.3f} {mean['object_theirs']:6.3f} {seen}"
        expected = f"{mean['expected']:6.0f}" if "expected" in mean else "      "
        print(f"{text} | {mean['errors']:6.0f} {expected} {mean['images']:6.1%}")
    for kind in dict.fromkeys(k for k, _ in differences):
        some = [d for k, d in differences if k == kind]
        print(f"{kind}: {np.mean(some):+.3f} on the mean, {min(some):+.3f} in the worst cell")
    print(f"mean of all cells: {np.mean([d for _, d in differences]):+.3f}")


if __name__ == "__main__":
    main()
