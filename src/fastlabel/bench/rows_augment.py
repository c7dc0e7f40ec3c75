"""Rows of the benchmark table: augmentations of a picture with its boxes."""

from __future__ import annotations

from functools import cache, partial
from importlib import import_module
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from .row import Peer, Row

__all__ = ["ROWS"]

_SIDE = 640
_BOXES = 20
_BATCH = 64

Image = NDArray[np.uint8]


def _opencv() -> Any:
    """OpenCV on one thread, as we are."""
    cv2: Any = import_module("cv2")
    cv2.setNumThreads(1)
    return cv2


def _picture(seed: int) -> Image:
    """Smooth shapes with a little noise, so that blurs and codecs find what photos have."""
    cv2 = _opencv()
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 236, (20, 20, 3)).astype(np.float32)
    plane = cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    noisy = plane + rng.normal(0, 3, plane.shape)
    picture: Image = noisy.clip(0, 255).astype(np.uint8)
    return picture


def _boxes(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(100, 420, (_BOXES, 2))
    return np.concatenate([corner, corner + rng.uniform(10, 120, (_BOXES, 2))], axis=1)


def _make() -> tuple[Any, ...]:
    return _picture(1), _boxes(2)


def _make_batch() -> tuple[Any, ...]:
    return [_picture(k) for k in range(_BATCH)], [_boxes(k) for k in range(_BATCH)]


# ---- ours ------------------------------------------------------------------------------


@cache
def _recipe(op: str, params: tuple[tuple[str, Any], ...]) -> Any:
    from ..augment import Recipe

    return Recipe.from_dict({"stages": [{"op": op, **dict(params)}]})


def _ours(op: str, *params: tuple[str, Any]) -> Any:
    def run(image: Image, boxes: Any) -> Any:
        made = _recipe(op, params)(image, boxes, seed=1)
        return made.image, made.boxes

    return run


@cache
def _default() -> Any:
    from ..augment import Recipe

    return Recipe.default()


def _whole(workers: int, images: Any, boxes: Any) -> Any:
    return _default().batch(images, boxes, seed=1, workers=workers)


# ---- Albumentations --------------------------------------------------------------------


def _library() -> Any:
    # It asks a server for its newest version otherwise.
    import os

    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    _opencv()
    return import_module("albumentations")


@cache
def _composed(names: tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]) -> Any:
    a = _library()
    steps = [getattr(a, name)(**dict(params)) for name, params in names]
    return _with_boxes(a, steps)


def _with_boxes(a: Any, steps: Any) -> Any:
    boxes = a.BboxParams(format="pascal_voc", label_fields=["labels"])
    with catch_warnings():
        simplefilter("ignore")  # that a step moves no box
        return a.Compose(steps, bbox_params=boxes, seed=1)


_LABELS = np.zeros(_BOXES, np.int64)


def _theirs(name: str, *params: tuple[str, Any]) -> Any:
    def run(image: Image, boxes: Any) -> Any:
        made = _composed(((name, (("p", 1.0), *params)),))(
            image=image, bboxes=boxes, labels=_LABELS
        )
        return made["image"], np.asarray(made["bboxes"])

    return run


@cache
def _their_default() -> Any:
    """What comes nearest to the default recipe: the same chances and ranges."""
    a = _library()
    steps = [
        a.HorizontalFlip(p=0.5),
        a.Rotate((-5, 5), p=0.25),
        a.RandomSizedCrop((492, 640), (640, 640), p=0.25),
        a.OneOf([a.PlanckianJitter(p=1.0)], p=0.2),
        a.RandomGamma((80, 125), p=0.3),
        a.RandomBrightnessContrast(0.2, 0.2, p=0.36),
        # Its fog alone costs more than all the rest; without it there is a fair race.
        a.RandomRain(p=0.08),
        a.OneOf(
            [
                a.GaussianBlur(blur_limit=0, sigma_limit=(0.4, 1.0), p=0.8),
                a.MotionBlur(blur_limit=(3, 7), p=1.0),
                a.Defocus(radius=(1, 2), p=0.5),
            ],
            p=0.23,
        ),
        a.GaussNoise(std_range=(0.004, 0.012), p=0.2),
        a.SaltAndPepper(amount=(0.0002, 0.001), p=0.02),
        a.ImageCompression(quality_range=(50, 90), p=0.15),
    ]
    return _with_boxes(a, steps)


def _their_whole(images: Any, boxes: Any) -> Any:
    run = _their_default()
    pairs = zip(images, boxes, strict=True)
    return [run(image=image, bboxes=rows, labels=_LABELS) for image, rows in pairs]


# ---- agreement -------------------------------------------------------------------------


def _near(levels: float, pixels: float, ours: Any, theirs: Any) -> None:
    """Pictures within some grey levels on average, boxes within some pixels."""
    apart = np.abs(ours[0].astype(np.float64) - theirs[0]).mean()
    assert apart <= levels, f"{apart:.2f} grey levels apart"
    assert len(ours[1]) == len(theirs[1])
    moved = np.abs(ours[1] - theirs[1]).max()
    assert moved <= pixels, f"boxes {moved:.1f} pixels apart"


def _as_many(ours: Any, theirs: Any) -> None:
    """As many boxes, which lie elsewhere: another mapping of the same kind."""
    assert ours[0].shape == theirs[0].shape
    assert len(ours[1]) == len(theirs[1])


def _as_many_pictures(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs)


def _same_bytes(ours: Any, theirs: Any) -> None:
    for a, b in zip(ours, theirs, strict=True):
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.boxes, b.boxes)
        assert a.ledger == b.ledger


def _row(
    name: str, title: str, ours: Any, theirs: Any, agree: Any, promised: float | None = None
) -> Row:
    peer = Peer("albumentations", ("albumentations",), theirs, promised)
    return Row(f"augment-{name}", f"{title}, 640 x 640, 20 boxes", _make, ours, (peer,), agree)


ROWS = [
    _row("flip", "flip", _ours("flip"), _theirs("HorizontalFlip"), partial(_near, 0, 1e-3), 1.0),
    _row(
        "gamma",
        "gamma 1.2",
        _ours("gamma", ("gamma", 1.2)),
        _theirs("RandomGamma", ("gamma_limit", (120, 120))),
        partial(_near, 1, 1e-3),
        1.0,
    ),
    _row(
        "contrast",
        "contrast 1.2",
        _ours("contrast", ("contrast", 1.2)),
        _theirs(
            "RandomBrightnessContrast",
            ("brightness_limit", (0, 0)),
            ("contrast_limit", (0.2, 0.2)),
        ),
        # Its contrast is about 0 or the mean, ours about middle grey.
        partial(_near, 30, 1e-3),
        1.0,
    ),
    _row(
        "blur",
        "Gaussian blur of 1 px",
        _ours("gaussian_blur", ("sigma", 1.0)),
        _theirs("GaussianBlur", ("blur_limit", 0), ("sigma_limit", (1.0, 1.0))),
        partial(_near, 1, 1e-3),
        1.0,
    ),
    _row(
        "rotate",
        "rotation by 7 degrees",
        _ours("rotate", ("degrees", 7.0), ("border", "grey")),
        _theirs("Rotate", ("limit", (7, 7))),
        # Its boxes hold the turned rectangle, ours the ellipse in it; its corners are black.
        partial(_near, 20, 30),
        1.5,
    ),
    _row(
        "motion",
        "motion blur over 7 px",
        _ours("motion_blur", ("length", 7.0), ("degrees", 30.0)),
        _theirs(
            "MotionBlur",
            ("blur_limit", (7, 7)),
            ("angle_range", (30, 30)),
            ("direction_range", (0.0, 0.0)),
        ),
        # Its line has gaps and corners.
        partial(_near, 5, 1e-3),
        1.5,
    ),
    _row(
        "salt-pepper",
        "salt and pepper on 2 %",
        _ours("salt_pepper", ("amount", 0.02)),
        _theirs("SaltAndPepper", ("amount", (0.02, 0.02))),
        partial(_near, 8, 1e-3),
        8.0,
    ),
    _row(
        "fisheye",
        "fisheye, maps at hand",
        _ours("fisheye", ("fov", 90)),
        _theirs("OpticalDistortion", ("distort_limit", (0.3, 0.3)), ("mode", "fisheye")),
        _as_many,
        3.0,
    ),
    _row(
        "noise",
        "sensor noise of 3 grey levels",
        _ours("sensor_noise", ("read", 3.0), ("shot", 0.0)),
        _theirs("GaussNoise", ("std_range", (3 / 255, 3 / 255))),
        partial(_near, 4, 1e-3),
    ),
    _row(
        "defocus",
        "defocus of 3 px",
        _ours("defocus", ("radius", 3.0)),
        _theirs("Defocus", ("radius", (3, 3)), ("alias_blur", (0.1, 0.1))),
        partial(_near, 3, 1e-3),
    ),
    _row("fog", "fog", _ours("fog"), _theirs("RandomFog"), _as_many),
    _row("rain", "rain", _ours("rain"), _theirs("RandomRain"), _as_many),
    _row(
        "jpeg",
        "JPEG of quality 70",
        _ours("jpeg", ("quality", 70)),
        _theirs("ImageCompression", ("quality_range", (70, 70))),
        partial(_near, 0.01, 1e-3),
    ),
    Row(
        "augment-default",
        f"default recipe, {_BATCH} pictures of 640 x 640, 20 boxes",
        _make_batch,
        partial(_whole, 1),
        (Peer("albumentations", ("albumentations",), _their_whole, 1.5),),
        _as_many_pictures,
    ),
    Row(
        "augment-two-workers",
        f"default recipe, two workers, {_BATCH} pictures of 640 x 640, 20 boxes",
        _make_batch,
        partial(_whole, 2),
        (Peer("one worker", (), partial(_whole, 1), 1.8),),
        _same_bytes,
    ),
]
