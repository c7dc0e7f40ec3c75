"""YOLO text: a file an image, a line a prediction, the confidence last or after the class."""

from __future__ import annotations

import os
from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..dataset import DatasetError
from .raw import Key, Notes, Raw, clipped

__all__ = ["is_folder", "read"]

_MOST_BYTES = 64 << 20
#: Names of text files beside labels that are none.
_OTHERS = frozenset(("classes.txt", "obj.names", "readme.txt", "train.txt", "val.txt", "test.txt"))


def _files(folder: Path) -> list[str]:
    """Text files below a folder, relative, sorted."""
    found = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            if name.lower().endswith(".txt") and name.lower() not in _OTHERS:
                found.append(str((Path(place) / name).relative_to(folder)))
    return sorted(found)


def is_folder(path: Path) -> bool:
    """Whether a folder has text files of predictions."""
    return path.is_dir() and bool(_files(path))


def read(path: Path, box_format: str | None, score_first: bool) -> Raw:
    """Read a folder of text files, or one file.

    Raises
    ------
    DatasetError
        If there is none, or the lines have no confidence, or have it elsewhere.
    """
    folder, names = (path, _files(path)) if path.is_dir() else (path.parent, [path.name])
    if not names:
        raise DatasetError(
            f"{path}: has no .txt files, expected one an image with a line a prediction: class, "
            "box, confidence"
        )
    notes = Notes(str(path))
    columns = _Columns()
    for code, name in enumerate(names):
        try:
            with (folder / name).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise DatasetError(
                f"{folder / name}: cannot be read: {error.strerror or error}"
            ) from error
        if len(data) > _MOST_BYTES:
            raise DatasetError(f"{folder / name}: is larger than {_MOST_BYTES >> 20} MiB")
        columns.add(data, code)
    numbers = columns.numbers()
    fmt = box_format or "cxcywhn"
    _refuse_other_order(path, numbers, fmt, score_first, box_format is not None)
    scores, boxes = (
        (numbers[:, 0], numbers[:, 1:]) if score_first else (numbers[:, 4], numbers[:, :4])
    )
    if not len(numbers) and columns.bad:
        raise DatasetError(
            f"{folder / names[columns.bad[0][0]]}:{columns.bad[0][1]}: got "
            f"{clipped(columns.bad[0][2])}, expected class, four numbers of the box and the "
            "confidence; write predictions with save_conf=True"
        )
    notes.each(
        "malformed-row",
        range(len(columns.bad)),
        lambda k: {
            "message": f"got {clipped(columns.bad[k][2])}, expected class, four numbers of the box "
            "and the confidence; the prediction is left out",
            "line": columns.bad[k][1],
            "file": names[columns.bad[k][0]],
            "value": columns.bad[k][2],
        },
    )
    # Ultralytics writes labels/NAME.txt.
    stems: list[Key] = [n.replace(os.sep, "/")[:-4].removeprefix("labels/") for n in names]
    kinds = [_class(token) for token in columns.classes]
    return Raw(
        str(path),
        np.array(columns.files, np.int64),
        stems,
        np.array(columns.codes, np.int64),
        kinds,
        np.ascontiguousarray(boxes),
        fmt,
        np.ascontiguousarray(scores),
        notes,
        index=np.array(columns.lines, np.int64),
        files=names,
        file_codes=np.array(columns.files, np.int64),
        by_line=True,
        seen=stems,
    )


class _Columns:
    def __init__(self) -> None:
        self.files: list[int] = []
        self.lines: list[int] = []
        self.codes: list[int] = []
        self.classes: dict[bytes, int] = {}
        self.values = array("d")  # five a row
        self.bad: list[tuple[int, int, str]] = []

    def add(self, data: bytes, code: int) -> None:
        if data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        for number, line in enumerate(data.splitlines(), 1):
            tokens = line.split()
            if not tokens:
                continue
            if len(tokens) != 6:
                self.bad.append((code, number, line.decode("utf-8", "replace")))
                continue
            try:
                values = [float(token) for token in tokens[1:]]
            except ValueError:
                self.bad.append((code, number, line.decode("utf-8", "replace")))
                continue
            self.files.append(code)
            self.lines.append(number)
            self.codes.append(self.classes.setdefault(tokens[0], len(self.classes)))
            self.values.extend(values)

    def numbers(self) -> NDArray[np.float64]:
        return np.array(self.values, np.float64).reshape(-1, 5)


def _class(token: bytes) -> Key:
    text = token.decode("utf-8", "replace")
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else text


def _refuse_other_order(
    path: Path, numbers: NDArray[np.float64], fmt: str, score_first: bool, told: bool
) -> None:
    """Never guess where the confidence is: say when the lines read better the other way."""
    if not len(numbers):
        return

    def share_that_fits(first: bool) -> float:
        score = numbers[:, 0 if first else 4]
        box = numbers[:, 1:] if first else numbers[:, :4]
        good = (score >= 0) & (score <= 1)
        if fmt == "cxcywhn":
            low, high = box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2
            good &= (low > -0.02).all(axis=1) & (high < 1.02).all(axis=1)
        elif fmt in ("xyxyn", "xyxy"):
            good &= (box[:, 2:] >= box[:, :2]).all(axis=1)
        return float(good.mean())

    asked, other = share_that_fits(score_first), share_that_fits(not score_first)
    if asked < 0.9 and other > asked + 0.1:
        where, there = ("after the class", "last") if score_first else ("last", "after the class")
        raise DatasetError(
            f"{path}: with the confidence {where} only {asked:.0%} of {len(numbers):,} lines are a "
            f"box in the image with a confidence from 0 to 1, with the confidence {there} "
            f"{other:.0%}; pass score_first={not score_first}"
        )
    if asked < 0.5 and not told and fmt == "cxcywhn":
        raise DatasetError(
            f"{path}: only {asked:.0%} of {len(numbers):,} lines are class, centre and size as "
            "shares of the image, and confidence; pass box_format if they are written otherwise "
            "(xyxy, xywh, cxcywh, and with an n at the end as shares)"
        )
