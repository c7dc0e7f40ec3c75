"""Drawing the plan: every target is read, pasted onto and encoded, over a pool of threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...dataset import DatasetError
from .likeness import most_alike
from .place import Frame

if TYPE_CHECKING:
    from .bank import Bank, Patch

__all__ = ["Drawn", "Picture", "Task", "decode", "draw_all", "encoded_suffix"]

Picture = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
Crop = tuple[int, Picture, Picture]

#: What drawing decides of a row of the ledger.
_SETTLED = ("x1", "y1", "x2", "y2", "hidden", "places_compared", "ground_difference")

#: Pastes whose patches are read together, source image by source image.
BATCH = 512
#: Of a crop for the contact sheet: so many times the box, and at least so many pixels.
CROP_TIMES, CROP_LEAST = 3.0, 48


@dataclass(frozen=True)
class Task:
    """One image to paste onto.

    Attributes
    ----------
    image_id : int
    source, target : pathlib.Path
        The file to read, and the one to write.
    size : tuple of int
        Width and height that the labels are about.
    pastes : list of dict
        Rows of the plan's ledger, in order.
    boxes : list of tuple
        Boxes of the image, x1 y1 x2 y2, for what is hidden of them.
    sheet : frozenset of int
        Pastes of which a crop is wanted.
    exempt : list of bool
        Boxes that are no targets.
    limits : tuple of float
        Most of a box that may be hidden, most of a paste that may lie on boxes, and the least
        distance of two pastes.
    """

    image_id: int
    source: Path
    target: Path
    size: tuple[int, int]
    pastes: list[dict[str, Any]]
    boxes: list[Box]
    sheet: frozenset[int] = frozenset()
    exempt: list[bool] = field(default_factory=list)
    limits: tuple[float, float, float] = (1.0, 1.0, 0.0)


@dataclass
class Drawn:
    """What became of one task.

    Attributes
    ----------
    image_id : int
    failed : str or None
        Why the image could not be pasted onto at all; nothing was written then.
    lost : dict
        ``paste_id`` of pastes whose object could not be read, and why.
    hidden : dict
        Index of a box to the share of its pixels that the pastes cover.
    difference : dict
        ``paste_id`` to the mean difference, in grey levels, that the paste makes inside its box.
    crops : list
        (paste_id, before, after) for the contact sheet.
    drawn : dict
        ``paste_id`` to what the ledger has of it: where it came to stand, and how it was matched.
    """

    image_id: int
    failed: str | None = None
    lost: dict[int, str] = field(default_factory=dict)
    hidden: dict[int, float] = field(default_factory=dict)
    difference: dict[int, float] = field(default_factory=dict)
    crops: list[Crop] = field(default_factory=list)
    drawn: dict[int, dict[str, Any]] = field(default_factory=dict)


def encoded_suffix(suffix: str) -> str:
    """Suffix of a picture that is written anew: JPEG stays JPEG, all else becomes PNG."""
    return suffix if suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"


def decode(path: Path, size: tuple[int, int]) -> Picture:
    """Read a picture as the labels see it: (H, W) if gray, (H, W, 3) BGR otherwise.

    Raises
    ------
    DatasetError
        If it cannot be read, or has not the size that its labels say, turned by EXIF or not.
    """
    import cv2

    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise DatasetError(error.strerror or str(error)) from error
    shape = None
    for flags in (0, cv2.IMREAD_IGNORE_ORIENTATION):
        try:
            picture: Any = cv2.imdecode(data, cv2.IMREAD_ANYCOLOR | flags) if data.size else None
        except cv2.error:
            picture = None
        if picture is None or picture.dtype != np.uint8:
            raise DatasetError("cannot be decoded")
        shape = picture.shape
        if (shape[1], shape[0]) == size:
            return np.ascontiguousarray(picture)
    assert shape is not None
    raise DatasetError(
        f"is {shape[1]} x {shape[0]}, but its labels are for {size[0]} x {size[1]}: correct the "
        "size in the labels"
    )


def draw_all(
    tasks: Sequence[Task],
    bank: Bank,
    *,
    blend: str,
    match: bool,
    quality: int,
    workers: int,
    done: Callable[[int], None] | None = None,
) -> Iterator[Drawn]:
    """Draw every task and give the results in the tasks' order.

    What is written hangs on the tasks alone, not on the number of workers: an image is drawn by
    one thread, from patches that are read alike by whichever comes first.
    """
    count = workers or os.cpu_count() or 1
    with ThreadPoolExecutor(count) as pool:
        futures: list[Future[Any]] = []
        try:
            for batch in _batches(tasks):
                _warm(pool, bank, batch)
                futures = [pool.submit(_draw, t, bank, blend, match, quality) for t in batch]
                for future in futures:
                    yield future.result()
                    if done is not None:
                        done(1)
        finally:
            for future in futures:
                future.cancel()


def _batches(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    batch: list[Task] = []
    pastes = 0
    for task in tasks:
        batch.append(task)
        pastes += len(task.pastes)
        if pastes >= BATCH:
            yield batch
            batch, pastes = [], 0
    if batch:
        yield batch


def _warm(pool: ThreadPoolExecutor, bank: Bank, batch: list[Task]) -> None:
    """Read the patches of a batch, each source image once."""
    wanted = sorted({row["instance_id"] for task in batch for row in task.pastes})
    images = bank.table["image_id"].take(wanted).to_pylist()
    groups: dict[int, list[int]] = {}
    for instance, image in zip(wanted, images, strict=True):
        groups.setdefault(image, []).append(instance)
    for _ in pool.map(lambda ids: [_patch(bank, i) for i in ids], groups.values()):
        pass


def _patch(bank: Bank, instance: int) -> Any:
    """A patch, or in words why there is none."""
    try:
        return bank.patch(instance)
    except (DatasetError, OSError) as error:
        return str(error)


def _draw(task: Task, bank: Bank, blend: str, match: bool, quality: int) -> Drawn:
    import cv2

    from .render import PasteItem, render

    drawn = Drawn(task.image_id)
    try:
        picture = decode(task.source, task.size)
    except DatasetError as error:
        drawn.failed = str(error)
        return drawn
    gray = picture.ndim == 2
    scene: Picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)) if gray else picture
    items, rows = [], []
    frame, covers = _frame(task)
    for row in task.pastes:
        patch = _patch(bank, row["instance_id"])
        if isinstance(patch, str):
            drawn.lost[row["paste_id"]] = patch
            continue
        row = {**row, **_settled(frame, covers, scene, patch, row, task.limits)}
        box = _box(row)
        items.append(PasteItem(patch=patch, box=box, flip=row["flip"], seed=row["seed"]))
        rows.append(row)
    if not items:
        drawn.failed = "none of the objects to paste onto it can be read"
        return drawn
    made = render(scene, items, blend=blend, match=match)
    after = cv2.cvtColor(made.pixels, cv2.COLOR_BGR2GRAY) if gray else made.pixels
    drawn.hidden = _hidden(task.boxes, made.alphas, task.size)
    _save(task.target, np.asarray(after, np.uint8), quality)
    for row, matched in zip(rows, made.matched, strict=True):
        named = matched._asdict()
        where = {key: row[key] for key in _SETTLED}
        drawn.drawn[row["paste_id"]] = where | named | {"offset": list(named["offset"])}
        drawn.difference[row["paste_id"]] = _difference(scene, made.pixels, row)
        if row["paste_id"] in task.sheet:
            drawn.crops.append((row["paste_id"], *_crops(scene, made.pixels, row)))
    return drawn


def _box(row: dict[str, Any]) -> Box:
    return row["x1"], row["y1"], row["x2"], row["y2"]


def _frame(task: Task) -> tuple[Frame, dict[int, list[tuple[int, float]]]]:
    """The image with everything planned for it, and what each paste covers."""
    exempt = task.exempt or [False] * len(task.boxes)
    frame = Frame(task.size[0], task.size[1], task.boxes, exempt)
    covers = {}
    for row in task.pastes:
        covers[row["paste_id"]] = frame.covered(_box(row))
        frame.take(_box(row), covers[row["paste_id"]])
    return frame, covers


def _settled(
    frame: Frame,
    covers: dict[int, list[tuple[int, float]]],
    scene: Picture,
    patch: Patch,
    row: dict[str, Any],
    limits: tuple[float, float, float],
) -> dict[str, Any]:
    """The free place whose ground is most like that around the object, taken in the frame."""
    most_hidden, most_on_boxes, gap = limits
    planned = _box(row)
    w, h = planned[2] - planned[0], planned[3] - planned[1]
    frame.give_back(planned, covers[row["paste_id"]])
    places = [(planned, covers[row["paste_id"]])]
    # A place where the plan gave up a box stays: the box is an ignore region by now.
    given_up = frame.hides_too_much(places[0][1], most_hidden)
    for other in [] if given_up else row.get("places") or []:
        box = other["x"], other["y"], other["x"] + w, other["y"] + h
        covered = frame.covered(box)
        if (
            not frame.collides(box, gap)
            and sum(area for _, area in covered) <= most_on_boxes * w * h
            and not frame.hides_too_much(covered, most_hidden)
        ):
            places.append((box, covered))
    at, cost = most_alike(scene, patch, [box for box, _ in places], row["flip"])
    box, covered = places[at]
    frame.take(box, covered)
    hidden = [{"box": k, "share": area / frame.areas[k]} for k, area in covered]
    values = (*box, hidden, len(places), cost if np.isfinite(cost) else None)
    return dict(zip(_SETTLED, values, strict=True))


def _save(path: Path, picture: Picture, quality: int) -> None:
    import cv2

    suffix = path.suffix.lower()
    options = [] if suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, data = cv2.imencode(".png" if suffix == ".png" else ".jpg", picture, options)
    if not done:
        raise DatasetError(f"{path.name}: the picture could not be encoded")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def _hidden(
    boxes: list[Box], alphas: Sequence[tuple[int, int, Picture]], size: tuple[int, int]
) -> dict[int, float]:
    """Share of each box's pixels that the pastes cover, soft edges by their weight.

    A pixel is covered ``1 - (1 - a)(1 - b)`` by two pastes of coverage a and b.
    """
    hidden = {}
    width, height = size
    for at, box in enumerate(boxes):
        if not np.isfinite(box).all():
            continue
        x1, y1 = max(0, round(box[0])), max(0, round(box[1]))
        x2, y2 = min(width, round(box[2])), min(height, round(box[3]))
        if x2 <= x1 or y2 <= y1:
            continue
        left = None
        for x0, y0, mask in alphas:
            h, w = mask.shape
            cx1, cy1, cx2, cy2 = max(x1, x0), max(y1, y0), min(x2, x0 + w), min(y2, y0 + h)
            if cx1 >= cx2 or cy1 >= cy2:
                continue
            if left is None:
                left = np.ones((y2 - y1, x2 - x1))
            part = mask[cy1 - y0 : cy2 - y0, cx1 - x0 : cx2 - x0]
            left[cy1 - y1 : cy2 - y1, cx1 - x1 : cx2 - x1] *= 1.0 - part / 255.0
        if left is not None:
            share = 1.0 - float(left.mean())
            if share > 0:
                hidden[at] = share
    return hidden


def _difference(before: Picture, after: Picture, row: dict[str, Any]) -> float:
    x1, y1, x2, y2 = (int(row[side]) for side in ("x1", "y1", "x2", "y2"))
    old, new = (picture[y1:y2, x1:x2].astype(np.int16) for picture in (before, after))
    return float(np.abs(new - old).max(axis=2).mean())


def _crops(before: Picture, after: Picture, row: dict[str, Any]) -> tuple[Picture, Picture]:
    x1, y1, x2, y2, _ = crop_window(row, (before.shape[1], before.shape[0]))
    return before[y1:y2, x1:x2].copy(), after[y1:y2, x1:x2].copy()


def crop_window(row: dict[str, Any], size: tuple[int, int]) -> tuple[int, int, int, int, int]:
    """The square around a paste that the contact sheet shows, inside the image, and its side."""
    side = max(CROP_LEAST, round(CROP_TIMES * max(row["x2"] - row["x1"], row["y2"] - row["y1"])))
    side = min(side, *size)
    x = round((row["x1"] + row["x2"] - side) / 2)
    y = round((row["y1"] + row["y2"] - side) / 2)
    x, y = min(max(x, 0), size[0] - side), min(max(y, 0), size[1] - side)
    return x, y, x + side, y + side, side
