"""Files of predictions and of tiles: COCO results, and the table or json of windows."""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import DatasetError

__all__ = ["LABELS", "TABLE", "Results", "TileTable", "read_results", "read_tiles", "results_of"]

#: The tile table in the folder of tiles, and the COCO files of the tiles, which number them.
TABLE = "tiles.parquet"
LABELS = "annotations/*.json"

_SHOWN = 3  # names in a message


@dataclass(frozen=True, eq=False)
class Results:
    """COCO results as columns."""

    keys: list[int | str]  # image_id of each
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    categories: NDArray[np.int64]
    names: dict[int, str]  # category_name, where given

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, eq=False)
class TileTable:
    """Windows of tiles, the image of each, and what a tile may be called."""

    windows: NDArray[np.int64]
    images: NDArray[np.int64]  # rows of `image_ids`
    image_ids: list[int | str]
    image_names: list[str | None]
    sizes: NDArray[np.int64] | None  # height and width of each image
    tiles: dict[int | str, int]  # id, or a name that means one tile alone -> row

    def rows(self, results: Results, place: Path) -> NDArray[np.int64]:
        """Rows of the tiles of results.

        Raises
        ------
        DatasetError
            If one names a tile that is not in the table.
        """
        return _looked_up(results.keys, self.tiles, f"{place}", "no tile of the table")

    def image_rows(self, results: Results, place: Path) -> NDArray[np.int64]:
        """Rows of the images of results for whole frames."""
        known = _single_names(self.image_names)
        known |= {key: row for row, key in enumerate(self.image_ids)}
        return _looked_up(results.keys, known, f"{place}", "no image of the tiles")

    def ids_in(self, labels: Path) -> list[int | str]:
        """Ids of the images in a COCO file of the sources, found by file name.

        Raises
        ------
        DatasetError
            If it is no such file, or lacks an image that tiles were cut from.
        """
        value = _json(labels)
        images = value.get("images") if isinstance(value, dict) else None
        if not isinstance(images, list):
            raise DatasetError(f"{labels}: has no list 'images'; give the COCO file of the sources")
        listed = [i for i in images if isinstance(i, dict) and isinstance(i.get("file_name"), str)]
        known = _single_names([image["file_name"] for image in listed])
        found: list[int | str] = []
        for name in self.image_names:
            row = -1 if name is None else known.get(name.replace("\\", "/"), -1)
            key = listed[row].get("id") if row >= 0 else None
            if isinstance(key, bool) or not isinstance(key, (int, str)):
                raise DatasetError(
                    f"{labels}: has no image {name!r} with an id; tiles are cut from it"
                )
            found.append(key)
        return found


def _looked_up(
    keys: list[int | str], known: Mapping[int | str, int], place: str, what: str
) -> NDArray[np.int64]:
    rows = [known.get(key, -1) for key in keys]
    lost = [k for k, row in enumerate(rows) if row < 0]
    if lost:
        names = list(dict.fromkeys(repr(keys[k]) for k in lost))
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        raise DatasetError(
            f"{place}: {len(lost):,} of {len(keys):,} predictions have an image_id that is {what}: "
            f"{shown} (first at /{lost[0]}); give the table these tiles were cut with"
        )
    return np.array(rows, np.int64)


# ---- predictions ------------------------------------------------------------------------


def read_results(path: Path) -> Results:
    """Read COCO results: a json list of image_id, category_id, bbox (x, y, w, h) and score.

    SAHI's export is such a file; further keys are not used, but for category_name.

    Raises
    ------
    DatasetError
        If it is something else, or an entry has no box of finite numbers, no score from 0 to 1
        or no whole category_id; the message has its JSON pointer.
    """
    value = _json(path)
    if not isinstance(value, list):
        raise DatasetError(
            f"{path}: holds {_kind(value)}, expected COCO results: a list of objects with "
            "image_id, category_id, bbox and score"
        )
    n = len(value)
    boxes, scores = np.zeros((n, 4)), np.zeros(n)
    categories = np.zeros(n, np.int64)
    keys: list[int | str] = []
    names: dict[int, str] = {}
    for k, entry in enumerate(value):
        if not isinstance(entry, dict):
            raise _bad(path, k, "", entry, "an object")
        key = entry.get("image_id")
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            raise _bad(path, k, "image_id", key, "a number or a name")
        keys.append(key)
        category = entry.get("category_id")
        if type(category) is not int or abs(category) >= 1 << 63:
            raise _bad(path, k, "category_id", category, "a whole number")
        categories[k] = category
        if isinstance(entry.get("category_name"), str):
            names.setdefault(category, entry["category_name"])
        boxes[k] = _box(path, k, entry.get("bbox"))
        score = _number(entry.get("score"))
        if score is None or not 0 <= score <= 1:
            raise _bad(path, k, "score", entry.get("score"), "a number from 0 to 1")
        scores[k] = score
    return Results(keys, boxes, scores, categories, names)


def _box(path: Path, k: int, value: Any) -> tuple[float, float, float, float]:
    numbers = [_number(v) for v in value] if isinstance(value, list) else []
    if len(numbers) == 4 and None not in numbers:
        x, y, w, h = (float(v or 0) for v in numbers)
        if all(math.isfinite(v) for v in (x, y, w, h, x + w, y + h)) and w >= 0 and h >= 0:
            return x, y, x + w, y + h
    raise _bad(path, k, "bbox", value, "finite x, y, width and height, none of these negative")


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _bad(path: Path, k: int, key: str, value: Any, expected: str) -> DatasetError:
    shown = json.dumps(value)
    shown = shown if len(shown) <= 60 else f"{shown[:59]}…"
    place = f"/{k}/{key}" if key else f"/{k}"
    return DatasetError(f"{path}#{place}: got {shown}, expected {expected}")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object" + (" with annotations (labels?)" if "annotations" in value else "")
    return {str: "text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: is not valid JSON: {error}") from error


def results_of(
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
    categories: NDArray[np.int64],
    images: Iterable[tuple[int | str, str | None]],
    names: Mapping[int, str],
) -> list[dict[str, Any]]:
    """Entries of COCO results, of each box and its image's id and name."""
    out = []
    columns = zip(boxes.tolist(), scores.tolist(), categories.tolist(), images, strict=True)
    for (x1, y1, x2, y2), score, category, (key, name) in columns:
        entry: dict[str, Any] = {"image_id": key, "category_id": category}
        entry |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
        if category in names:
            entry["category_name"] = names[category]
        if name is not None and name != key:
            entry["file_name"] = name
        out.append(entry)
    return out


# ---- tiles ------------------------------------------------------------------------------


def read_tiles(path: Path) -> TileTable:
    """Read where tiles lie.

    A folder that ``fastlabel tile`` made, its ``tiles.parquet``, or a json list of objects with
    ``window`` (x1, y1, x2, y2), ``image_id`` (a number or name of the source) and ``tile_id`` or
    ``file``. Where COCO files of the tiles lie beside the table (``annotations/*.json``), numbers
    in predictions are the image ids of those; else they are tile ids.

    Raises
    ------
    DatasetError
        If it cannot be read, or lacks one of these.
    """
    table = path / TABLE if path.is_dir() else path
    rows = _json_rows(table) if table.suffix == ".json" else _parquet_rows(table)
    n = len(rows["window"])
    windows = np.array(rows["window"], np.int64).reshape(n, 4)
    flat = (windows[:, 2] <= windows[:, 0]) | (windows[:, 3] <= windows[:, 1])
    if flat.any():
        at = int(flat.argmax())
        raise DatasetError(
            f"{table}: the window of tile {at} is {windows[at].tolist()}, expected x1 < x2 and "
            "y1 < y2"
        )
    ids = list(dict.fromkeys(rows["image_id"]))
    row_of = {key: k for k, key in enumerate(ids)}
    images = np.array([row_of[key] for key in rows["image_id"]], np.int64)
    first = np.unique(images, return_index=True)[1].tolist()
    names = [rows["image_name"][k] for k in first]
    sizes = [rows["size"][k] for k in first]
    known = _single_names(rows["file"])
    own = _coco_ids(table.parent, known)
    if own:
        known |= own
    else:
        known |= {key: k for k, key in enumerate(rows["tile_id"]) if key is not None}
    return TileTable(windows, images, ids, names, None if None in sizes else np.array(sizes), known)


def _single_names(names: Iterable[str | None]) -> dict[int | str, int]:
    """What means one file alone: its path, its name, its name without the ending."""
    found: dict[int | str, int] = {}
    twice: set[int | str] = set()
    for row, name in enumerate(names):
        if name is None:
            continue
        path = name.replace("\\", "/")
        base = posixpath.basename(path)
        for text in dict.fromkeys((path, base, posixpath.splitext(base)[0])):
            if found.setdefault(text, row) != row:
                twice.add(text)
    return {text: row for text, row in found.items() if text not in twice}


def _coco_ids(folder: Path, names: Mapping[int | str, int]) -> dict[int | str, int]:
    """Image ids of the COCO files of a set of tiles."""
    found: dict[int | str, int] = {}
    for path in sorted(folder.glob(LABELS)):
        value = _json(path)
        images = value.get("images") if isinstance(value, dict) else None
        for image in images if isinstance(images, list) else []:
            name = image.get("file_name") if isinstance(image, dict) else None
            row = names.get(name, names.get(posixpath.basename(name))) if name else None
            key = image.get("id") if isinstance(image, dict) else None
            if row is None or not isinstance(key, int):
                continue
            if found.setdefault(key, row) != row:
                raise DatasetError(
                    f"{path}: image id {key} is of another tile in another split; key the "
                    "predictions by file name"
                )
    return found


_NEEDED = ("image_id", "x1", "y1", "x2", "y2")


def _parquet_rows(path: Path) -> dict[str, list[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        have = pq.read_schema(path).names
        missing = [name for name in _NEEDED if name not in have]
        if missing:
            raise DatasetError(
                f"{path}: has no column {', '.join(missing)}; give the tiles.parquet of `fastlabel "
                "tile`, or a json list of windows"
            )
        wanted = (*_NEEDED, "tile_id", "file", "image_name", "image_width", "image_height")
        table = pq.read_table(path, columns=[name for name in wanted if name in have])
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error
    except pa.ArrowInvalid as error:
        raise DatasetError(f"{path}: is no Parquet file: {error}") from error
    n = table.num_rows
    columns = {name: table[name].to_pylist() for name in table.column_names}
    for name in _NEEDED:
        if None in columns[name]:
            raise DatasetError(f"{path}: column {name} has nulls; give the table as it was written")
    nothing = [None] * n
    heights, widths = columns.get("image_height", nothing), columns.get("image_width", nothing)
    return {
        "window": list(zip(*(columns[name] for name in _NEEDED[1:]), strict=True)),
        "image_id": columns["image_id"],
        "image_name": columns.get("image_name", nothing),
        "tile_id": columns.get("tile_id", nothing),
        "file": columns.get("file", nothing),
        "size": [
            None if h is None or w is None else (h, w) for h, w in zip(heights, widths, strict=True)
        ],
    }


def _json_rows(path: Path) -> dict[str, list[Any]]:
    value = _json(path)
    if not isinstance(value, list):
        raise DatasetError(f"{path}: holds {_kind(value)}, expected a list of tiles")
    rows: dict[str, list[Any]] = {
        name: [] for name in ("window", "image_id", "image_name", "tile_id", "file", "size")
    }
    for k, entry in enumerate(value):
        if not isinstance(entry, dict):
            raise _bad(path, k, "", entry, "an object")
        window = entry.get("window")
        if not (
            isinstance(window, list)
            and len(window) == 4
            and all(type(v) is int and abs(v) < 1 << 50 for v in window)
        ):
            raise _bad(path, k, "window", window, "four whole numbers x1, y1, x2, y2")
        image = entry.get("image_id")
        if isinstance(image, bool) or not isinstance(image, (int, str)):
            raise _bad(path, k, "image_id", image, "a number or a name")
        tile, file = entry.get("tile_id"), entry.get("file")
        if not isinstance(tile, (int, str)) and not isinstance(file, str):
            raise _bad(path, k, "", entry, "a tile_id or a file")
        rows["window"].append(window)
        rows["image_id"].append(image)
        rows["image_name"].append(image if isinstance(image, str) else None)
        rows["tile_id"].append(tile if isinstance(tile, (int, str)) else None)
        rows["file"].append(file if isinstance(file, str) else None)
        rows["size"].append(None)
    return rows
