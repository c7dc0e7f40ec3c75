"""What the outputs of common detectors mean: boxes, scores and classes in the input's pixels.

A decoder takes the outputs for one picture. Which one fits is told by the shapes of the outputs
and the number of cells that strides of 8, 16 and 32 (and 64) make of the input.

- ``yolov5``: (M, 5 + classes) with M three anchors a cell: centre, size, objectness, class scores;
  the score is objectness times class.
- ``yolov8`` (v9, v11 and others after it): (4 + classes, M) with M the cells: centre, size, class
  scores. Columns after the classes, mask coefficients, are left alone.
- ``end2end``: (M, 6) of corners, score, class, or (M, 7) with the picture's number in front:
  suppressed by the model.
- ``nms``: outputs for boxes, scores and labels, suppressed by the model.
- ``fastestdet``: (5 + classes, rows, columns), see `FastestDet
  <https://github.com/dog-qiuqiu/FastestDet>`_.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import DatasetError

__all__ = ["DECODERS", "Decoder", "Output", "choose"]

DECODERS = ("yolov5", "yolov8", "end2end", "nms", "fastestdet")

#: Boxes (K, 4) ``xyxy`` in the input's pixels, scores, labels.
Detections = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


@dataclass(frozen=True)
class Output:
    """One output of a model, as a run of one picture gave it."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {' x '.join(map(str, self.shape)) or 'scalar'}"


@dataclass(frozen=True)
class Decoder:
    """How to read a model's outputs."""

    name: str
    #: outputs of the whole batch, which picture, least score
    read: Callable[[Sequence[NDArray[Any]], int, float], Detections]
    #: whether boxes still overlap
    suppress: bool
    #: class scores in an output; None: the model gives labels
    classes: int | None
    bgr: bool = False
    stretch: bool = False


def choose(
    outputs: Sequence[Output],
    size: tuple[int, int],
    classes: int | None,
    wanted: str | None,
    box_format: str | None,
    model: str,
) -> Decoder:
    """The decoder that fits.

    Parameters
    ----------
    outputs : sequence of Output
        Of a run of one picture.
    size : (int, int)
        Width and height of the input.
    classes : int, optional
        How many classes the model has, where it is known.
    wanted : str, optional
        The decoder asked for.
    box_format : str, optional
        How ``nms`` and ``end2end`` outputs write boxes.
    model : str
        Its name, for the message.

    Raises
    ------
    DatasetError
        If none fits, or the one asked for does not: what was found and what is supported.
    """
    tried = DECODERS if wanted is None else (wanted,)
    for name in tried:
        made = _MAKERS[name](outputs, size, classes, wanted is not None, box_format)
        if made is not None:
            return made
    found = "; ".join(str(output) for output in outputs)
    known = "unknown" if classes is None else str(classes)
    asked = f" as {wanted}" if wanted else ""
    raise DatasetError(
        f"{model}: its outputs cannot be read{asked}. Found: {found} for an input of {size[0]} x "
        f"{size[1]}, classes: {known}. Supported: yolov5 (pictures x 3 anchors a cell x 5 + "
        "classes), yolov8 (pictures x 4 + classes x cells), end2end (pictures x boxes x 6), nms "
        "(outputs for boxes, scores and labels), fastestdet (pictures x 5 + classes x rows x "
        "columns). Export the model with decoded outputs, give its class names, or name the "
        "decoder"
    )


def _cells(size: tuple[int, int]) -> set[int]:
    """How many cells the usual strides make: all three, four with 64, or single ones."""
    width, height = size

    def count(stride: int) -> int:
        return -(-width // stride) * -(-height // stride)

    three = count(8) + count(16) + count(32)
    return {three, three + count(64), three + count(4), count(16) + count(32)}


def _nonempty(boxes: NDArray[Any], scores: NDArray[Any], labels: NDArray[Any]) -> Detections:
    return (
        np.asarray(boxes, np.float64).reshape(-1, 4),
        np.asarray(scores, np.float64).reshape(-1),
        np.asarray(labels, np.int64).reshape(-1),
    )


def _corners(centre: NDArray[Any], size: NDArray[Any]) -> NDArray[np.float64]:
    centre, half = centre.astype(np.float64), size.astype(np.float64) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _first_3d(outputs: Sequence[Output]) -> int | None:
    """The only output of three axes; masks (four) may stand beside it."""
    places = [k for k, output in enumerate(outputs) if len(output.shape) == 3]
    rest = [output for output in outputs if len(output.shape) not in (3, 4)]
    return places[0] if len(places) == 1 and not rest and len(outputs) <= 2 else None


def _yolov5(
    outputs: Sequence[Output],
    size: tuple[int, int],
    classes: int | None,
    told: bool,
    box_format: str | None,
) -> Decoder | None:
    at = _first_3d(outputs)
    if at is None:
        return None
    rows, width = outputs[at].shape[1:]
    n = width - 5 if classes is None else classes
    fits = n >= 1 and width >= 5 + n and (classes is None or width in (5 + n, 5 + n + 32))
    if not fits or (not told and rows not in {3 * cells for cells in _cells(size)}):
        return None

    def read(values: Sequence[NDArray[Any]], image: int, least: float) -> Detections:
        found = values[at][image]
        found = found[~(found[:, 4] < least)]  # a class score is at most 1; NaN stays in
        labels = found[:, 5 : 5 + n].argmax(axis=1)
        scores = found[:, 4].astype(np.float64) * found[np.arange(len(found)), 5 + labels]
        kept = ~(scores < least)
        return _nonempty(_corners(found[kept, :2], found[kept, 2:4]), scores[kept], labels[kept])

    return Decoder("yolov5", read, True, n)


def _yolov8(
    outputs: Sequence[Output],
    size: tuple[int, int],
    classes: int | None,
    told: bool,
    box_format: str | None,
) -> Decoder | None:
    at = _first_3d(outputs)
    if at is None:
        return None
    first, second = outputs[at].shape[1:]
    cells = _cells(size)
    if told and not {first, second} & cells:
        cells = {max(first, second)}
    masks = 32 if len(outputs) == 2 else 0

    def fits(width: int) -> bool:
        if classes is None:
            return width - masks > 4
        return width in (4 + classes, 4 + classes + masks)

    if second in cells and fits(first):
        turned = True
    elif first in cells and fits(second) and classes is not None:
        turned = False
    else:
        return None
    n = classes if classes is not None else (first if turned else second) - 4 - masks

    def read(values: Sequence[NDArray[Any]], image: int, least: float) -> Detections:
        found = values[at][image]
        found = found if turned else found.T
        said = found[4 : 4 + n]
        labels = said.argmax(axis=0)
        scores = said[labels, np.arange(said.shape[1])]
        kept = np.flatnonzero(~(scores < least))
        boxes = found[:4, kept].T
        return _nonempty(_corners(boxes[:, :2], boxes[:, 2:]), scores[kept], labels[kept])

    return Decoder("yolov8", read, True, n)


def _in_pixels(
    boxes: NDArray[np.float64], box_format: str, size: tuple[int, int]
) -> NDArray[np.float64]:
    kind = box_format.removesuffix("n")
    if kind == "yxyx":
        boxes = boxes[:, [1, 0, 3, 2]]
    elif kind == "cxcywh":
        boxes = _corners(boxes[:, :2], boxes[:, 2:])
    elif kind == "xywh":
        boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    return boxes * np.tile(np.array(size, np.float64), 2) if box_format.endswith("n") else boxes


def _end2end(
    outputs: Sequence[Output],
    size: tuple[int, int],
    classes: int | None,
    told: bool,
    box_format: str | None,
) -> Decoder | None:
    if len(outputs) != 1:
        return None
    shape = outputs[0].shape
    numbered = len(shape) == 2 and shape[1] == 7
    if not numbered and not (len(shape) == 3 and shape[2] == 6) and shape[1:] != (6,):
        return None
    if len(shape) == 3 and not told and shape[1] > 4096:  # no model suppresses to so many
        return None
    kind = box_format or "xyxy"

    def read(values: Sequence[NDArray[Any]], image: int, least: float) -> Detections:
        if numbered:
            found = values[0][values[0][:, 0] == image]
            boxes, labels, scores = found[:, 1:5], found[:, 5], found[:, 6]
        else:
            found = values[0][image] if len(shape) == 3 else values[0]
            boxes, scores, labels = found[:, :4], found[:, 4], found[:, 5]
        kept = ~(scores < least)
        return _nonempty(
            _in_pixels(boxes[kept].astype(np.float64), kind, size),
            scores[kept],
            np.rint(np.nan_to_num(labels[kept], nan=-1)),
        )

    return Decoder("end2end", read, False, None)


_ROLES = (
    ("count", re.compile(r"num|count|valid", re.I)),
    ("scores", re.compile(r"score|conf|prob", re.I)),
    ("labels", re.compile(r"label|class|cls|categor", re.I)),
    ("boxes", re.compile(r"box|det|loc", re.I)),
)


def _roles(outputs: Sequence[Output]) -> dict[str, int] | None:
    """Which output is what: by its name, else by its type and shape."""
    found: dict[str, int] = {}
    for role, pattern in _ROLES:
        for k, output in enumerate(outputs):
            if k not in found.values() and role not in found and pattern.search(output.name):
                found[role] = k
    for k, output in enumerate(outputs):
        if k in found.values():
            continue
        last = output.shape[-1] if output.shape else 0
        whole = output.dtype.startswith(("int", "uint"))
        role = "labels" if whole else "boxes" if last in (4, 5) and len(output.shape) > 1 else ""
        role = role or "scores"
        if role in found:
            return None
        found[role] = k
    if "boxes" not in found or "labels" not in found:
        return None
    boxes = outputs[found["boxes"]].shape
    if len(boxes) not in (2, 3) or boxes[-1] not in (4, 5):
        return None
    if "scores" not in found and boxes[-1] != 5:
        return None
    rest = [outputs[found[role]].shape for role in ("labels", "scores") if role in found]
    return found if all(len(shape) <= len(boxes) for shape in rest) else None


def _nms(
    outputs: Sequence[Output],
    size: tuple[int, int],
    classes: int | None,
    told: bool,
    box_format: str | None,
) -> Decoder | None:
    if len(outputs) < 2:
        return None
    roles = _roles(outputs)
    if roles is None:
        return None
    place = roles["boxes"]
    batched = len(outputs[place].shape) == 3
    # TensorFlow's detection API has its own order and units.
    usual = "yxyxn" if outputs[place].name.startswith("detection_boxes") else "xyxy"
    kind = box_format or usual

    def read(values: Sequence[NDArray[Any]], image: int, least: float) -> Detections:
        def of(role: str) -> NDArray[Any]:
            value = values[roles[role]]
            return value[image] if batched else value

        boxes = of("boxes").reshape(-1, values[place].shape[-1])
        scores = boxes[:, 4] if "scores" not in roles else of("scores").reshape(-1)
        labels = of("labels").reshape(-1)
        n = min(len(boxes), len(scores), len(labels))
        if "count" in roles:
            n = min(n, int(np.ravel(values[roles["count"]])[image if batched else 0]))
        kept = np.flatnonzero(~(scores[:n] < least))
        return _nonempty(
            _in_pixels(boxes[kept, :4].astype(np.float64), kind, size),
            scores[kept],
            np.rint(labels[kept].astype(np.float64)),
        )

    return Decoder("nms", read, False, None)


def _fastestdet(
    outputs: Sequence[Output],
    size: tuple[int, int],
    classes: int | None,
    told: bool,
    box_format: str | None,
) -> Decoder | None:
    if len(outputs) != 1 or len(outputs[0].shape) != 4:
        return None
    _, width, rows, columns = outputs[0].shape
    n = width - 5 if classes is None else classes
    if n < 1 or width != 5 + n or rows >= size[1] or columns >= size[0]:
        return None

    def read(values: Sequence[NDArray[Any]], image: int, least: float) -> Detections:
        found = values[0][image].astype(np.float64)
        labels = found[5:].argmax(axis=0)
        with np.errstate(invalid="ignore"):
            scores = found[0] ** 0.6 * found[5:].max(axis=0) ** 0.4
        y, x = np.nonzero(~(scores < least))
        dx, dy, w, h = found[1:5, y, x]
        centre = np.stack([(x + np.tanh(dx)) / columns, (y + np.tanh(dy)) / rows], axis=1)
        with np.errstate(over="ignore"):
            side = 1 / (1 + np.exp(-np.stack([w, h], axis=1)))
        scale = np.array(size, np.float64)
        return _nonempty(_corners(centre * scale, side * scale), scores[y, x], labels[y, x])

    return Decoder("fastestdet", read, True, n, bgr=True, stretch=True)


_MAKERS: dict[str, Callable[..., Decoder | None]] = {
    "yolov5": _yolov5,
    "yolov8": _yolov8,
    "end2end": _end2end,
    "nms": _nms,
    "fastestdet": _fastestdet,
}
