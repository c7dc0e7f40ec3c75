"""Label errors on purpose, and two ways of cleaning them up again.

Kept in the work folder, so that every model is fed the same labels.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from crops import CLASSES, SIDE
from detector import predict, train
from feeding import batches, plain, samples_of, shuffled

import fastlabel as fl
from fastlabel.deploy import Profile
from fastlabel.prepare.corrupt_set import corrupt_set

__all__ = ["cleaned", "noisy", "results_of"]

#: Training of the models whose opinion the check asks: two, each on half of the noisy set.
FOLD_STEPS = 400


def noisy(sets: Path, rate: float, seed: int) -> fl.Dataset:
    """The train set with errors in a share of its boxes, written once."""
    folder = sets / f"noisy-{round(100 * rate)}-{seed}"
    if not folder.exists():
        corrupt_set(sets / "train", folder, rate=rate, seed=seed, link=True)
    return fl.read(folder)


def results_of(ds: fl.Dataset, images: list[int], found: list[Any]) -> list[dict[str, Any]]:
    """Predictions as COCO results."""
    ids = ds.images["source_id"].to_pylist()
    category = ds.categories["source_id"].to_pylist()
    order = {name: i for i, name in enumerate(ds.categories["name"].to_pylist())}
    own = [int(category[order[name]]) for name in CLASSES]
    return [
        {
            "image_id": int(ids[image]),
            "category_id": own[int(k)],
            "bbox": [round(float(v), 3) for v in (b[0], b[1], b[2] - b[0], b[3] - b[1])],
            "score": round(float(s), 5),
        }
        for image, (boxes, kinds, scores) in zip(images, found, strict=True)
        for b, k, s in zip(boxes, kinds, scores, strict=True)
    ]


def _opinion(ds: fl.Dataset, seed: int, bf16: bool, pictures: dict[str, Any]) -> list[Path]:
    """What two models say of the half that they were not trained on."""
    files = [ds.root / f"fold{k}.json" for k in (0, 1)]
    if all(f.exists() for f in files):
        return files
    samples = samples_of(ds, pictures)
    half = np.random.default_rng([seed, 9]).permutation(len(samples)) % 2
    for k, file in enumerate(files):
        others = [s for s, h in zip(samples, half, strict=True) if h != k]
        mine = [i for i, h in enumerate(half) if h == k]
        fed = batches(others, shuffled(len(others), seed), plain, seed + 70 + k, 16)
        net = train(fed, FOLD_STEPS, len(CLASSES), width=1.0, seed=seed + 70 + k, bf16=bf16)
        found = predict(net, [samples[i].image for i in mine], bf16=bf16, least=0.05)
        file.write_text(json.dumps(results_of(ds, mine, found)), encoding="utf-8")
    return files


def _report(ds: fl.Dataset, seed: int, bf16: bool, pictures: dict[str, Any]) -> fl.Report:
    folds = fl.read_predictions(list(_opinion(ds, seed, bf16, pictures)), ds)
    profile = Profile("crops", "micro", SIDE, SIDE, strides=(8,))
    return fl.check(ds, deploy=profile, predictions=folds, select=["FL2", "FL7"], workers=1)


def cleaned(
    sets: Path, how: str, rate: float, seed: int, bf16: bool, pictures: dict[str, Any]
) -> tuple[fl.Dataset, dict[str, Any]]:
    """The noisy set after the assistant, and what became of the errors.

    ``plan``: what ``fl.plan`` makes of the findings is carried out as it is, with nobody looking.
    ``review``: a person looks at as many objects as there are errors, in the order of
    ``fl.review_queue``, and each error that one of them shows is put right.
    """
    bad = noisy(sets, rate, seed)
    report = _report(bad, seed, bf16, pictures)
    ledger = pq.read_table(bad.root / "ledger.parquet")
    facts: dict[str, Any] = {"errors": ledger.num_rows}
    if how == "plan":
        folder = bad.root.with_name(f"{bad.root.name}-plan")
        plan = fl.plan(bad, report.findings, images="keep")
        fl.apply(plan, folder, unsafe=True, overwrite=True)
        facts["actions"] = plan.counts()
        return fl.read(folder), facts
    queue = fl.review_queue(report, budget=ledger.num_rows)
    scores = fl.evaluate_findings(report, ledger, queue=queue)
    found = scores.errors.filter(scores.errors["found_rank"].is_valid())
    facts |= {"looked_at": queue.num_rows, "found": found.num_rows}
    return _put_right(bad, fl.read(sets / "train"), found.to_pylist()), facts


def _put_right(bad: fl.Dataset, truth: fl.Dataset, errors: list[dict[str, Any]]) -> fl.Dataset:
    """The noisy labels with some of the errors taken back."""
    assert bad.images["path"].equals(truth.images["path"])
    gone = {row for e in errors for row in (e["annotation_id"], *(e["related"] or []))}
    back = {
        row for e in errors for row in (e["source_annotation_id"], *(e["related_sources"] or []))
    }
    # An error that only took something away names a row of the source; one that only added none.
    keep = np.array([i not in gone for i in range(bad.annotations.num_rows)])
    rows = pa.concat_tables(
        [
            bad.annotations.filter(pa.array(keep)),
            truth.annotations.take(pa.array(sorted(back - {None}), pa.int64())),
        ]
    )
    order = np.argsort(rows["image_id"].to_numpy(), kind="stable")
    rows = rows.take(pa.array(order))
    at = rows.schema.get_field_index("annotation_id")
    ids = pa.array(np.arange(len(order)))
    return replace(bad, annotations=rows.set_column(at, rows.schema.field(at), ids))
