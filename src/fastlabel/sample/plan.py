"""Which scenes the sample has, which of them carry a fault, and what is planted in the set."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from . import scenes
from .faults import ROLES, Role
from .model import Fault, Label, Picture, encode

#: Fewer scenes cannot carry every fault and still be a set in which only those are found.
MIN_SCENES = 56

#: Split of each clean scene in turn; those with faults are mostly in ``train``.
_SPLITS = ("train", "val", "test")
#: Rarely drawn, and never in ``test``: split of each scene that has one.
_BICYCLE_SPLITS = ("train", "train", "val")
#: At most so many scenes with a dog, so that a class stays too small for learnt priors.
_DOG_SCENES = 20
_THREADS = 2


@dataclass(frozen=True)
class _Job:
    """One scene to be drawn."""

    kind: str
    size: tuple[int, int]
    split: str
    names: tuple[str, ...]
    role: Role | None = None


def build(format: str, seed: int, count: int) -> tuple[list[Picture], list[Fault]]:
    """Draw all pictures of a sample and plant its faults.

    Parameters
    ----------
    format : {"coco", "yolo", "voc"}
        Faults that it cannot express are left out.
    seed : int
        The same seed draws the same pictures.
    count : int
        Number of scenes; some pictures more are copies.

    Returns
    -------
    list of Picture
        Sorted by name.
    list of Fault
        Those of the pictures and of the set. Those that only the writer can make are not
        among them.
    """
    jobs = _jobs(np.random.default_rng([seed, 0]), count)

    def make(index: int) -> tuple[Picture, list[Fault]]:
        return _picture(jobs[index], index, seed, format)

    with ThreadPoolExecutor(_THREADS) as pool:
        made = list(pool.map(make, range(len(jobs))))
    pictures = [picture for picture, _ in made]
    faults = [fault for _, planted in made for fault in planted]
    clean = [picture for (picture, _), job in zip(made, jobs, strict=True) if job.role is None]
    copies, found = _copies(clean)
    faults += [*found, *_about_the_set(format)]
    return sorted(pictures + copies, key=lambda p: p.stem), faults


def _jobs(rng: np.random.Generator, count: int) -> list[_Job]:
    """List one job a scene, faulty ones among the clean ones."""
    kinds = list(scenes.SIZES)
    jobs = []
    for role in ROLES:
        kind = role.kind or kinds[int(rng.integers(len(kinds)))]
        sizes = scenes.SIZES[kind]
        size = role.size or sizes[int(rng.integers(len(sizes)))]
        jobs.append(_Job(kind, size, role.split, role.names, role))
    for k in range(count - len(ROLES)):
        kind = kinds[k % len(kinds)]
        size = scenes.SIZES[kind][k // len(kinds) % len(scenes.SIZES[kind])]
        split = _SPLITS[k % len(_SPLITS)]
        jobs.append(_Job(kind, size, split, tuple(_figures(rng, k))))
    bicycles = _pick_for_bicycles(jobs)
    jobs = [
        _Job(job.kind, job.size, job.split, (*job.names[:2], "bicycle", *job.names[2:]), job.role)
        if at in bicycles
        else job
        for at, job in enumerate(jobs)
    ]
    return [jobs[at] for at in rng.permutation(len(jobs))]


def _figures(rng: np.random.Generator, k: int) -> Iterator[str]:
    yield "person"
    if k % 4 != 3:
        yield "car"
    yield "parcel"
    if k < _DOG_SCENES:
        yield "dog"
    yield from ["person"] * int(rng.integers(1, 4))
    if rng.random() < 0.4:
        yield "car"
    if rng.random() < 0.5:
        yield "parcel"


def _pick_for_bicycles(jobs: list[_Job]) -> set[int]:
    """Choose clean scenes, one for each entry of ``_BICYCLE_SPLITS``."""
    chosen: set[int] = set()
    for split in _BICYCLE_SPLITS:
        chosen.add(
            next(
                at
                for at, job in enumerate(jobs)
                if at not in chosen and job.role is None and job.split == split
            )
        )
    return chosen


def _picture(job: _Job, index: int, seed: int, format: str) -> tuple[Picture, list[Fault]]:
    rng = np.random.default_rng([seed, 1, index])
    extra = job.role.extra if job.role else ()
    scene = scenes.draw(rng, job.kind, job.size, job.names, extra)
    picture = Picture.of(f"{job.kind}_{index:03d}", job.split, scene)
    picture.data = encode(picture.image)
    planted = []
    if job.role is not None and format in job.role.formats:
        planted = [f for f in job.role.plant(picture, rng) if format in f.formats]
    picture.release()
    return picture, planted


def _copies(clean: list[Picture]) -> tuple[list[Picture], list[Fault]]:
    """Make copies: with the same labels, in another split, with other labels, saved again."""
    free = [
        p for p in clean if p.split == "train" and all(one.name != "bicycle" for one in p.labels)
    ]
    same, leaked, relabelled, again = free[:4]
    copies = [
        _copy_of(same, "train"),
        _copy_of(leaked, "val"),
        _copy_of(relabelled, "train"),
        _saved_again(again, "val"),
    ]
    for label in copies[2].labels:
        x1, y1, x2, y2 = label.box
        inset = max(2.0, round(0.04 * (y2 - y1)))
        label.box = (x1 + 1, y1 + inset, x2, y2)
    faults = [
        Fault("FL501", "a byte-identical copy", same),
        Fault("FL501", "a byte-identical copy", leaked),
        Fault("FL503", "one copy in train, one in val", leaked),
        Fault("FL501", "a byte-identical copy", relabelled),
        Fault("FL504", "the copies' boxes disagree", relabelled),
        Fault("FL502", "the same picture, saved again", again),
        Fault("FL503", "one of the two in train, one in val", again),
    ]
    return copies, faults


def _copy_of(picture: Picture, split: str) -> Picture:
    return Picture(
        f"{picture.stem}_copy",
        split,
        picture.width,
        picture.height,
        picture.image,
        [Label(one.name, one.box) for one in picture.labels],
        picture.declared,
        picture.data,
    )


def _saved_again(picture: Picture, split: str) -> Picture:
    """Make a copy of other bytes, a little darker, as an editor would leave it."""
    copy = _copy_of(picture, split)
    pixels = cv2.imdecode(np.frombuffer(picture.data or b"", np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"the picture {picture.stem} cannot be read back")
    darker = np.rint(pixels.astype(np.float32) * 0.95).astype(np.uint8)
    copy.stem, copy.data = f"{picture.stem}_edited", encode(darker, quality=80)
    return copy


def _about_the_set(format: str) -> list[Fault]:
    faults = [
        Fault("FL601", "three bicycles against many times as many people"),
        Fault("FL602", "hardly any target under 32 x 32 px at the model's input"),
        Fault("FL603", "one dark picture in the whole set"),
        Fault("FL604", "not one picture known to be empty"),
        Fault("FL605", "no bicycle in test"),
        Fault("FL606", "most pictures show one clear, large, whole thing"),
    ]
    if format != "voc":  # VOC declares no classes
        faults.append(Fault("FL108", "a class is declared and never used"))
    return faults
