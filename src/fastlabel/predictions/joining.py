"""Predictions of one source in the ids of a data set, and what is doubtful about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import schema
from ..dataset import Dataset, DatasetError, as_numpy
from .classes import ClassMap, Names
from .images import ImageNames
from .raw import Raw, clipped

__all__ = ["Joined", "join", "with_model"]

#: How far past the edge a box may lie without a word: models round, and so do files.
_EDGE_PIXELS, _EDGE_SHARE = 2.0, 0.01
#: Past the edge by more than this share of the image on most images: made at another size.
_FAR_SHARE = 0.1


@dataclass
class Joined:
    """One model's part of :class:`Predictions`."""

    table: pa.Table
    model: str
    knows: NDArray[np.int32]
    #: None: the source does not say
    seen: NDArray[np.int64] | None
    problems: list[dict[str, Any]]
    by_hand: bool = False  # whether the classes were told


def join(raw: Raw, ds: Dataset, images: ImageNames, names: Names, model: str) -> Joined:
    """Look up images and classes, turn boxes into pixels, and judge what is left.

    Raises
    ------
    DatasetError
        If none of it is of this set, or all of it is made in other units.
    """
    good = _scored(raw)
    image, named = _images(raw, ds, images)
    good &= image >= 0
    boxes = _pixels(raw, ds, image, good)
    good &= _boxed(raw, boxes, good)
    rows = np.flatnonzero(good)
    if len(raw) and not len(rows):
        raise _none_left(raw)
    category, words, class_map = _classes(raw, ds, names, rows)
    _edges(raw, ds, image, boxes, rows)
    _sizes(raw, ds, image, rows)
    if not len(raw):
        raw.notes.add(
            "no-predictions",
            f"{raw.place} has no predictions; if the model did find something, write them again",
        )
    owners, places = images.everywhere(image[rows], named[rows])
    if places is not None:
        rows, category, words = rows[places], category[places], words.take(pa.array(places))
    table = pa.Table.from_arrays(
        [
            pa.array(owners),
            pa.array(category, mask=category < 0),
            words,
            *(pa.array(np.ascontiguousarray(boxes[rows, k])) for k in range(4)),
            pa.array(raw.scores[rows]),
            pa.array(np.zeros(len(rows), np.int32)),
            raw.origins(rows),
        ],
        schema=schema.PREDICTIONS,
    )
    if raw.classes is not None:
        knows = class_map.known(raw.classes)
    elif names.ids is not None:
        knows = class_map.known(list(names.ids.values()))
    else:
        knows = np.unique(category[category >= 0])
    seen = None
    if raw.seen is not None:
        found, by_name = images.find(raw.seen)
        _lost_seen(raw, found)
        exact = [row for row, name in zip(found, by_name, strict=True) if row >= 0 and not name]
        others = [row for row, name in zip(found, by_name, strict=True) if name]
        seen = np.unique(np.concatenate([images.all_of(others), exact, owners]).astype(np.int64))
    return Joined(table, model, knows.astype(np.int32), seen, raw.notes.rows)


def _lost_seen(raw: Raw, found: list[int]) -> None:
    """Files of images that the set does not have, where no prediction says so already."""
    used = np.zeros(len(raw.image_keys), bool)
    used[raw.image_codes] = True
    told = {raw.image_keys[k] for k in np.flatnonzero(used).tolist()}
    lost = [
        key for key, row in zip(raw.seen or (), found, strict=True) if row < 0 and key not in told
    ]
    raw.notes.each(
        "unknown-image",
        range(len(lost)),
        lambda k: {
            "message": f"{clipped(lost[k])} is no image of the set; it had no predictions",
            "value": lost[k],
        },
    )


def _scored(raw: Raw) -> NDArray[np.bool_]:
    good = (raw.scores >= 0) & (raw.scores <= 1)
    bad = np.flatnonzero(~good)
    if not len(bad):
        return good
    values = raw.scores[bad]
    if len(bad) == len(raw) and np.isnan(values).all():
        raise DatasetError(
            f"{raw.spot(0)}: no prediction has a score, expected a number from 0 to 1 in each; "
            "labels are no predictions"
        )
    finite = values[np.isfinite(values)]
    if 2 * len(bad) > len(raw) and len(finite) and finite.max() <= 100 and finite.min() >= 0:
        raise DatasetError(
            f"{raw.spot(int(bad[0]))}: scores go up to {finite.max():g}, expected 0 to 1; are they "
            "percent? divide them by 100"
        )
    if 2 * len(bad) > len(raw) and len(finite):
        raise DatasetError(
            f"{raw.spot(int(bad[0]))}: scores go from {finite.min():g} to {finite.max():g}, "
            "expected 0 to 1; are they logits? write them after the sigmoid"
        )
    raw.notes.each(
        "bad-score",
        bad.tolist(),
        lambda row: {
            "message": f"the score is {raw.scores[row]:g}, expected a number from 0 to 1; the "
            "prediction is left out: correct it or remove it",
            "value": float(raw.scores[row]),
            **raw.at(row),
        },
    )
    return good


def _images(
    raw: Raw, ds: Dataset, images: ImageNames
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The image of each row, -1 for none; and whether it was told by a name."""
    if raw.own_ids:
        keys = [key if isinstance(key, int) else -1 for key in raw.image_keys]
        found = [key if 0 <= key < len(ds) else -1 for key in keys]
        by_name = [False] * len(found)
    else:
        found, by_name = images.find(raw.image_keys)
    image = np.array([*found, -1], np.int64)[raw.image_codes]
    named = np.array([*by_name, False], bool)[raw.image_codes]
    lost = np.flatnonzero(image < 0)
    if not len(lost):
        return image, named
    count = np.bincount(raw.image_codes[lost], minlength=len(raw.image_keys))
    codes, first = np.unique(raw.image_codes[lost], return_index=True)
    if len(lost) == len(raw) and any(row == -2 for row in found):
        raise DatasetError(
            f"{raw.spot(0)}: {clipped(raw.image_keys[found.index(-2)])} may be several images of "
            "the set, whose files number or name their images alike; select one split, or give "
            "the predictions with file names and folders"
        )
    if len(lost) == len(raw):
        shown = ", ".join(clipped(raw.image_keys[c]) for c in codes[:3].tolist())
        raise DatasetError(
            f"{raw.spot(0)}: none of the images is in the set: the predictions are of {shown}"
            f"{', ...' if len(codes) > 3 else ''}, the set has {images.example()}; give the "
            "predictions of this set, or name images as it does"
        )

    split = ds.meta.get("selected_split")
    whole = "the set" if split is None else f"the split {split!r}"

    def tell(k: int) -> dict[str, Any]:
        code, row = int(codes[k]), int(lost[first[k]])
        several = found[code] == -2
        what = "may be several images of the set" if several else f"is no image of {whole}"
        remedy = "name it with its folder" if several else "add the image or remove them"
        return {
            "message": f"{clipped(raw.image_keys[code])} {what}; its {count[code]:,} predictions "
            f"are left out: {remedy}",
            "value": raw.image_keys[code],
            **raw.at(row),
        }

    raw.notes.each("unknown-image", range(len(codes)), tell)
    return image, named


def _pixels(
    raw: Raw, ds: Dataset, image: NDArray[np.int64], good: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Boxes as corners in pixels; NaN where the image's size would be needed."""
    boxes = raw.boxes
    kind = raw.box_format.removesuffix("n")
    with np.errstate(invalid="ignore", over="ignore"):
        if kind == "xywh":
            boxes = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        elif kind == "cxcywh":
            half = boxes[:, 2:] / 2
            boxes = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    if not raw.box_format.endswith("n"):
        _refuse_shares(raw, ds, image, boxes, good)
        return boxes
    sizes = _image_sizes(ds)
    of_row = np.where(image[:, None] >= 0, sizes[image], np.nan)
    unknown = np.flatnonzero(good & np.isnan(of_row).any(axis=1))
    raw.notes.each(
        "unknown-size",
        unknown.tolist(),
        lambda row: {
            "message": "the box is in shares of an image whose size is not known; the prediction "
            "is left out: add the image, or write boxes in pixels",
            "image_id": int(image[row]),
            **raw.at(row),
        },
    )
    good[unknown] = False
    with np.errstate(invalid="ignore", over="ignore"):
        scaled: NDArray[np.float64] = boxes * np.tile(of_row, 2)
    return scaled


def _image_sizes(ds: Dataset) -> NDArray[np.float64]:
    out = np.full((len(ds), 2), np.nan)
    for k, side in enumerate(("width", "height")):
        column = ds.images[side]
        values = as_numpy(column.fill_null(0)).astype(np.float64)
        out[:, k] = np.where(values > 0, values, np.nan)
    return out


def _refuse_shares(
    raw: Raw,
    ds: Dataset,
    image: NDArray[np.int64],
    boxes: NDArray[np.float64],
    good: NDArray[np.bool_],
) -> None:
    rows = np.flatnonzero(good)
    if len(rows) < 3:
        return
    sizes = _image_sizes(ds)[image[rows]]
    if float(np.nanmax(boxes[rows], initial=0)) <= 1.5 and float(np.nanmin(sizes, initial=99)) > 16:
        raise DatasetError(
            f"{raw.spot(int(rows[0]))}: all boxes lie within 0 to 1, expected pixels; are they "
            f"shares of the image? pass box_format={raw.box_format + 'n'!r}"
        )


def _boxed(raw: Raw, boxes: NDArray[np.float64], good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        fine = np.isfinite(boxes).all(axis=1)
        fine = np.asarray(fine & (boxes[:, 2:] >= boxes[:, :2]).all(axis=1), bool)
    raw.notes.each(
        "bad-box",
        np.flatnonzero(good & ~fine).tolist(),
        lambda row: {
            "message": f"the box is {clipped(raw.boxes[row].tolist())}, expected finite numbers "
            f"({raw.box_format}) of no negative size; the prediction is left out: correct it",
            "value": raw.boxes[row].tolist(),
            **raw.at(row),
        },
    )
    return fine


def _none_left(raw: Raw) -> DatasetError:
    first = raw.notes.rows[0] if raw.notes.rows else {"message": "nothing is usable"}
    return DatasetError(
        f"{raw.spot(0)}: none of {len(raw):,} predictions can be used, the first since: "
        f"{first['message']}"
    )


def _classes(
    raw: Raw, ds: Dataset, names: Names, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int32], pa.Array, ClassMap]:
    told = {**raw.mapped, **(names.to or {})}
    class_map = ClassMap(ds, Names(names.ids, told or None), raw.place)
    used = np.bincount(raw.class_codes[rows], minlength=len(raw.class_keys))
    ids = np.full(len(raw.class_keys), -1, np.int32)
    words = [""] * len(raw.class_keys)
    lost: list[tuple[int, str]] = []
    for code in np.flatnonzero(used).tolist():
        ids[code], words[code], why = class_map.of_key(raw.class_keys[code])
        if why:
            lost.append((code, why))
    first = {code: int(rows[np.argmax(raw.class_codes[rows] == code)]) for code, _ in lost[:200]}
    raw.notes.each(
        "unknown-category",
        range(len(lost)),
        lambda k: {
            "message": f"{lost[k][1]}; its {int(used[lost[k][0]]):,} predictions are kept apart: "
            "map the class with names where the set has it under another name",
            "value": words[lost[k][0]],
            **(raw.at(first[lost[k][0]]) if lost[k][0] in first else {}),
        },
    )
    return ids[raw.class_codes[rows]], _dictionary(words, raw.class_codes[rows]), class_map


def _dictionary(words: Sequence[str], codes: NDArray[np.int64]) -> pa.DictionaryArray:
    """Codes with their names, each name once."""
    own = list(dict.fromkeys(words))
    at = np.array([own.index(word) for word in words] or [0], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(at[codes]), pa.array(own, pa.string()))


def _edges(
    raw: Raw,
    ds: Dataset,
    image: NDArray[np.int64],
    boxes: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> None:
    """Boxes past the edge, told for each image; refused where all say: another size."""
    if not len(rows):
        return
    of_row = _image_sizes(ds)[image[rows]]
    some = boxes[rows]
    over = np.maximum(-some[:, :2], some[:, 2:] - of_row)
    with np.errstate(invalid="ignore"):
        past = (over > np.maximum(_EDGE_PIXELS, _EDGE_SHARE * of_row)).any(axis=1)
        far = (over > _FAR_SHARE * of_row).any(axis=1)
    if not past.any():
        return
    owners = image[rows]
    with_far, with_any = np.unique(owners[far]), np.unique(owners)
    if len(with_far) >= 3 and 2 * len(with_far) > len(with_any):
        k = int(np.argmax(far))
        width, height = of_row[k].astype(int).tolist()
        raise DatasetError(
            f"{raw.spot(int(rows[k]))}: on {len(with_far):,} of {len(with_any):,} images boxes "
            f"reach past the edge by more than a tenth of the image (here "
            f"{clipped([round(v, 1) for v in some[k].tolist()])} in {width} x {height}); are they "
            "in the pixels of another size, or in another box_format?"
        )
    at = np.flatnonzero(past)
    ids, first, count = np.unique(owners[at], return_index=True, return_counts=True)
    most = np.fmax(over[at].max(axis=1), 0)
    names = ds.images["file_name"]

    def tell(k: int) -> dict[str, Any]:
        mine = owners[at] == ids[k]
        width, height = of_row[at[first[k]]].astype(int).tolist()
        return {
            "message": f"{count[k]:,} predictions of {clipped(names[int(ids[k])].as_py())} "
            f"({width} x {height}) reach past the edge, by up to {most[mine].max():.1f} px; they "
            "are kept as they are: clip them, or check the size they were made at",
            "value": [round(v, 2) for v in some[at[first[k]]].tolist()],
            "image_id": int(ids[k]),
            **raw.at(int(rows[at[first[k]]])),
        }

    raw.notes.each("past-edge", range(len(ids)), tell)


def _sizes(raw: Raw, ds: Dataset, image: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
    """Sizes that the source gives for its images, where the set says otherwise."""
    if raw.sizes is None or not len(rows):
        return
    ids, first = np.unique(image[rows], return_index=True)
    said, own = raw.sizes[rows[first]], _image_sizes(ds)[ids]
    with np.errstate(invalid="ignore"):
        differ = np.flatnonzero((np.abs(said - own) > 0.5).any(axis=1))
    names = ds.images["file_name"]
    raw.notes.each(
        "size-mismatch",
        differ.tolist(),
        lambda k: {
            "message": f"predictions of {clipped(names[int(ids[k])].as_py())} were made at "
            f"{said[k][0]:g} x {said[k][1]:g}, the set says {own[k][0]:g} x {own[k][1]:g}; they "
            "are kept as they are: make them on the pictures of this set",
            "value": said[k].tolist(),
            "image_id": int(ids[k]),
            **raw.at(int(rows[first[k]])),
        },
    )


def with_model(table: pa.Table, number: int) -> pa.Table:
    """The rows as those of the model of a number."""
    at = table.schema.get_field_index("model")
    column = pa.array(np.full(table.num_rows, number, np.int32))
    return table.set_column(at, table.schema.field(at), column)
