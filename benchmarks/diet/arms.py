"""What is compared: each arm is one way of feeding the same detector for the same steps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from crops import SIDE
from detector import Sample
from feeding import samples_of, shuffled, weighted
from labels import cleaned, noisy

import fastlabel as fl
from fastlabel.deploy import Profile

__all__ = ["ARMS", "Arm", "Fed", "feed"]


#: Objects pasted into each of two sets.
PASTED = 200


@dataclass(frozen=True)
class Arm:
    """One way of feeding.

    Attributes
    ----------
    name : str
    labels : str
        ``clean``, ``noisy``, ``plan``, ``review``.
    rate : float
        Share of the labels that are wrong.
    augment : str
        A name of ``feeding.AUGMENTS``.
    diet : str
        ``all`` in shuffled order; ``mix`` and ``curriculum`` by ``fl.mix``; ``match`` by
        ``fl.match``; ``bccd`` the crops of the deployment's own set alone; ``paste`` by
        ``fl.paste``.
    judged : str
        The figure that is compared with the baseline's: where cells are the deployment, theirs.
    about : str
        For the table.
    """

    name: str
    about: str
    labels: str = "clean"
    rate: float = 0.0
    augment: str = "plain"
    diet: str = "all"
    judged: str = "ap50"


#: In the order in which they are run.
ARMS = (
    Arm("baseline", "clean labels, shuffled, mirror and a little scale"),
    Arm("noise-10", "10 % of the labels wrong", "noisy", 0.1),
    Arm("noise-20", "20 % of the labels wrong", "noisy", 0.2),
    Arm("noise-20-review", "20 % wrong, then a review of the queue", "review", 0.2),
    Arm("noise-10-review", "10 % wrong, then a review of the queue", "review", 0.1),
    Arm("noise-20-plan", "20 % wrong, then the plan, nobody looking", "plan", 0.2),
    Arm("noise-10-plan", "10 % wrong, then the plan, nobody looking", "plan", 0.1),
    Arm("augment-none", "no augmentation at all", augment="none"),
    Arm("augment-usual", "a trainer's default strengths, with mosaic", augment="usual"),
    Arm("augment-no-mosaic", "the same without mosaic", augment="usual-without-mosaic"),
    Arm("augment-aggressive", "mosaic, mixup, 45 degrees, hue 0.1", augment="aggressive"),
    Arm("augment-restrained", "the default recipe of `augment`", augment="restrained"),
    Arm("paste", "200 platelets and 200 bits of garbage pasted", diet="paste"),
    Arm("mix", "30 % easy, 50 % medium, 20 % hard throughout", diet="mix"),
    Arm("curriculum", "the same mix, easy first for a quarter", diet="curriculum"),
    Arm("match", "weights by `match` with 20 frames of cells", diet="match", judged="ap50_bccd"),
    Arm("bccd-only", "cells alone, chosen by hand", diet="bccd", judged="ap50_bccd"),
)


@dataclass
class Fed:
    """Samples and the order they come in."""

    samples: Sequence[Sample]
    order: Iterator[int]
    facts: dict[str, Any]


def profile() -> Profile:
    """The deployment: a microcontroller with an input of the crops' size."""
    return Profile("crops", "micro", SIDE, SIDE, strides=(8,))


def feed(
    arm: Arm, sets: Path, seed: int, steps: int, size: int, bf16: bool, pictures: dict[str, Any]
) -> Fed:
    """What an arm feeds: `steps` batches of `size` pictures."""
    facts: dict[str, Any] = {}
    if arm.labels == "clean":
        ds = fl.read(sets / "train")
    elif arm.labels == "noisy":
        ds = noisy(sets, arm.rate, seed)
    else:
        ds, facts = cleaned(sets, arm.labels, arm.rate, seed, bf16, pictures)
    parts = _pasted(sets, seed) if arm.diet == "paste" else [ds]
    samples = [sample for part in parts for sample in samples_of(part, pictures)]
    facts |= {"images": len(samples), "boxes": sum(len(s.boxes) for s in samples)}
    order = shuffled(len(samples), seed)
    if arm.diet in ("mix", "curriculum"):
        order = _mixed(ds, arm, seed, steps * size)
    elif arm.diet == "match":
        weights, facts["match"] = _matched(ds, sets)
        order = weighted(weights, seed)
    elif arm.diet == "bccd":
        own = np.array([name.startswith("bccd") for name in ds.images["file_name"].to_pylist()])
        order = weighted(own.astype(float), seed)
    return Fed(samples, order, facts)


def _pasted(sets: Path, seed: int) -> list[fl.Dataset]:
    """The train set with small objects of its rare classes pasted where their own set shows them.

    Platelets go onto cells, garbage onto streets: the three sets are pasted into one by one.
    """
    parts = []
    for name, classes, largest in (
        ("bccd", ["Platelets"], 3.0),
        ("garbage", ["garbage", "garbage_bin", "overflow"], 6.0),
        ("raccoon", [], 0.0),
    ):
        part = _part(sets, name)
        if classes:
            folder = sets / f"pasted-{name}-{seed}"
            if not folder.exists():
                fl.paste(
                    part,
                    folder,
                    count=PASTED,
                    between=(1.0, largest),
                    classes=classes,
                    deploy=profile(),
                    max_per_image=3,
                    seed=seed,
                    workers=1,
                )
            part = folder
        parts.append(fl.read(part))
    return parts


def _part(sets: Path, name: str) -> Path:
    """The train crops of one of the three sets, as a set of its own."""
    folder = sets / f"train-{name}"
    if (folder / "instances.json").exists():
        return folder
    (folder / "images").mkdir(parents=True, exist_ok=True)
    whole = json.loads((sets / "train/instances.json").read_text(encoding="utf-8"))
    whole["images"] = [i for i in whole["images"] if i["file_name"].startswith(name)]
    ids = {i["id"] for i in whole["images"]}
    whole["annotations"] = [a for a in whole["annotations"] if a["image_id"] in ids]
    for image in whole["images"]:
        file = f"images/{image['file_name']}"
        shutil.copyfile(sets / "train" / file, folder / file)
    (folder / "instances.json").write_text(json.dumps(whole), encoding="utf-8")
    return folder


def _mixed(ds: fl.Dataset, arm: Arm, seed: int, pictures: int) -> Iterator[int]:
    """The epochs of ``fl.mix``: its shares from the start, or easy ones first for a quarter."""
    epochs = -(-pictures // len(ds))
    warmup = max(epochs // 4, 1) if arm.diet == "curriculum" else 0
    plan = fl.mix(ds, epochs=epochs, warmup=warmup, levels="rank", seed=seed, deploy=profile())
    while True:  # an epoch may be smaller than the set
        for epoch in range(epochs):
            yield from plan.epoch(epoch).tolist()


def _matched(ds: fl.Dataset, sets: Path) -> tuple[Any, dict[str, Any]]:
    """Weights of ``fl.match`` with the frames of the deployment."""
    matched = fl.match(ds, sets / "frames" / "images", workers=1)
    return matched.weights, matched.counts()
