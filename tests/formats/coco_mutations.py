"""Damaged COCO files, and what two readers make of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa

import fastlabel as fl
from fastlabel.dataset import Dataset, DatasetError

#: Values that a file may hold in place of any other.
ODD_VALUES = (
    *("null", "true", "false", "NaN", "Infinity", "-Infinity", "nan", "1.0", "-0", "-0.0", "1e999"),
    *("01", "1.", ".5", "+1", "1e", "1e5", "1E-3", "0.1e+2", "--1", "123456789012345678"),
    *("1234567890123456789012", "9007199254740993", "1e-400", "4.9e-324", "0x10", "1_0"),
    *('""', '"1"', '"é画😀"', '"\\u00e9\\ud83d\\ude00"', '"\\ud800"', '"\\ud800\\u0041"', '"\\/"'),
    *('"\\x"', '"\\u12"', '"a\\"b"', '"\\\\"', '"a b\\tc"', '"../x.jpg"', '"a\\\\b.jpg"'),
    *("[]", "{}", "[[]]", "[1, 2, 3, 4]", "[1,2,3,4,5]", '[1, "2", 3, 4]', "[1, 2, 3, null]"),
    *("[1,2,3,4", "1,2,3,4]", '{"a": 1}', '{"counts": "ab c", "size": [3, 4]}', "[true,1,2,3]"),
    *('{"occluded": true}', '{"truncation": 0.5, "truncated": 1}', '{"difficult": "x"}'),
    *("[[1, 2, 3, 4, 5, 6], [1.5 , 2 ,3]]", "[[1, 2], {}]", "[1e2, -3.25, 0, 7]", "[[[[1]]]]"),
    "[" * 70 + "]" * 70,
)
ODD_KEYS = (
    *("id", "image_id", "category_id", "bbox", "xyxy", "area", "iscrowd", "crowd", "ignore"),
    *("segmentation", "score", "weight", "obb", "occluded", "occlusion", "truncated", "note"),
    *("truncation", "difficult", "attributes", "file_name", "width", "height", "name"),
    *("images", "annotations", "categories", "info", "supercategory", "\\u0069d", "é", ""),
)
PIECES = (b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b" ", b"\n", b"\x00", b"\xff", b"\xc3")


def document(draw: random.Random) -> str:
    """A COCO text with most of what real files hold."""
    images = [
        {"id": k, "file_name": f"{k}.jpg", "width": 640, "height": 480, "license": k % 3, "f": 1.5}
        for k in range(draw.randint(0, 6))
    ]
    boxes: list[dict[str, Any]] = []
    for k in range(draw.randint(0, 12)):
        box: dict[str, Any] = {
            "id": k + 1,
            "image_id": draw.randint(0, 6),
            "category_id": draw.randint(1, 3),
            "bbox": [draw.randint(0, 300), draw.uniform(0, 99), 20.5, draw.randint(1, 30)],
        }
        if draw.random() < 0.6:
            box["segmentation"] = [[round(draw.uniform(0, 99), 2) for _ in range(6)]]
            box["area"] = draw.uniform(1, 99)
        if draw.random() < 0.5:
            box["iscrowd"] = draw.randint(0, 1)
        if draw.random() < 0.2:
            box["attributes"] = {"occluded": draw.random() < 0.5, "color": "red"}
        if draw.random() < 0.2:
            box["segmentation"] = {"counts": "a\\b", "size": [3, 4]}
        if draw.random() < 0.2:
            box |= {"ignore": 1, "iscrowd": 1, "crowd": 0, "weight": 0.5, "score": 1}
        if draw.random() < 0.1:
            x, y, w, h = box["bbox"]
            box["xyxy"] = [x, y, x + w, y + h]
        boxes.append(box)
    parts = {
        "images": images,
        "annotations": boxes,
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog", "supercategory": "a"}],
        "info": {"split": draw.choice(["train", "", None])},
        "licenses": [],
    }
    names = list(parts)
    draw.shuffle(names)
    indent = draw.choice([None, None, 1])
    separators = draw.choice([None, (",", ":")]) if indent is None else None
    text = json.dumps({n: parts[n] for n in names}, indent=indent, separators=separators)
    return text


def value(draw: random.Random) -> str:
    """A value, most often one that is JSON."""
    for _ in range(draw.choice([0, 9, 9, 9, 9, 9, 9, 9])):
        found = draw.choice(ODD_VALUES)
        try:
            json.loads(found)
        except ValueError:
            continue
        return found
    return draw.choice(ODD_VALUES)


def mutate(text: str, draw: random.Random) -> bytes:
    """The text with one to three damages."""
    for _ in range(draw.randint(1, 4)):
        kind = draw.choice([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5])
        at = draw.randrange(len(text)) if text else 0
        if kind == 0:  # a value
            ends = [k for k, c in enumerate(text) if c == ":"]
            if ends:
                start = draw.choice(ends) + 1
                stop = start
                while stop < len(text) and text[stop] not in ",}":
                    stop += 1
                text = text[:start] + " " + value(draw) + text[stop:]
        elif kind == 1:  # a member more, or one twice
            braces = [k for k, c in enumerate(text) if c == "{"]
            if braces:
                start = draw.choice(braces) + 1
                member = f'"{draw.choice(ODD_KEYS)}": {value(draw)}, '
                text = text[:start] + member + text[start:]
        elif kind == 2:  # cut
            text = text[:at] if draw.random() < 0.5 else text[:at] + text[at + draw.randint(1, 9) :]
        elif kind == 3:  # an element that is none
            brackets = [k for k, c in enumerate(text) if c == "["]
            if brackets:
                start = draw.choice(brackets) + 1
                text = (
                    text[:start]
                    + value(draw)
                    + draw.choice([",", ", ", ", ", ", ,"])
                    + text[start:]
                )
        elif kind == 4:
            piece = draw.choice(PIECES).decode("latin-1")
            text = text[:at] + piece + text[at:]
        else:  # another number
            digits = [k for k, c in enumerate(text) if c.isdigit()]
            if digits:
                start = draw.choice(digits)
                text = text[:start] + draw.choice("0123456789.-e") + text[start + 1 :]
    data = text.encode("latin-1", "replace") if draw.random() < 0.1 else text.encode()
    if draw.random() < 0.05:
        data = draw.choice([b"\xef\xbb\xbf", b"\xff\xfe", b"  \n"]) + data
    return data


def outcome(path: Path, parser: str, **options: Any) -> Dataset | str:
    """What reading gives: the data set, or the message of the error."""
    try:
        return fl.read(path, "coco", parser=parser, **options)
    except DatasetError as error:
        return str(error)


def differences(native: Dataset | str, plain: Dataset | str) -> list[str]:
    """How two outcomes differ, in words; empty if they are the same."""
    if isinstance(native, str) or isinstance(plain, str):
        return [] if native == plain else [f"native: {native!r:.500}\nplain:  {plain!r:.500}"]
    found = []
    for name in ("images", "annotations", "categories", "problems"):
        ours, theirs = getattr(native, name), getattr(plain, name)
        if ours.num_rows != theirs.num_rows:
            found.append(f"{name}: {ours.num_rows} rows, not {theirs.num_rows}")
            continue
        ours.validate(full=True)
        for column in ours.schema.names:
            if not same(ours[column], theirs[column]):
                pairs = zip(ours[column].to_pylist(), theirs[column].to_pylist(), strict=True)
                row, pair = next((k, p) for k, p in enumerate(pairs) if repr(p[0]) != repr(p[1]))
                found.append(f"{name}.{column}[{row}]: {pair[0]!r:.300}, not {pair[1]!r:.300}")
    if native.meta != plain.meta:
        found.append(f"meta: {native.meta}, not {plain.meta}")
    return found


def same(ours: pa.ChunkedArray, theirs: pa.ChunkedArray) -> bool:
    """Equal, to the sign of a zero, and NaN equal to NaN."""
    if ours.equals(theirs) and not pa.types.is_floating(ours.type):
        return True
    return repr(ours.to_pylist()) == repr(theirs.to_pylist())
