"""Predictions in files or tables, into the ids of a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .. import schema
from .._scalars import as_choice, as_switch
from ..dataset import Dataset, DatasetError
from . import coco_results, columns, record, yolo_text
from .classes import as_names
from .images import ImageNames
from .joining import Joined, join, with_model
from .raw import BOX_FORMATS, Raw
from .table import Predictions

__all__ = ["joined_models", "read_predictions"]

_FORMATS = ("auto", "coco", "yolo", "table")
_TABLES = (".csv", ".parquet", ".pq", ".arrow", ".feather", ".arrows")
#: A model that found something on so many of a split's images looked at all of them.
_MOST = 0.5


def read_predictions(
    source: Any,
    ds: Dataset,
    *,
    names: Any = None,
    format: str = "auto",
    box_format: str | None = None,
    score_first: bool = False,
    model: str | Sequence[str] | None = None,
    seen: Any = None,
) -> Predictions:
    """Read what one model, or several, say is in the pictures of a data set.

    Nothing is clipped, sorted or repaired. What cannot be used (an unknown image, a score
    that is no number from 0 to 1, a box without size) is left out and is a row of ``problems``
    with its place; where all of it is so, that is an error.

    Parameters
    ----------
    source : path, table, list of dict, or a list of several
        COCO results (.json); a folder of YOLO text files, a line being class, box and
        confidence; a table as .csv, .json, .parquet or .arrow, or as an object with
        ``__arrow_c_stream__`` (pyarrow, polars, pandas, DuckDB), with columns for image, box,
        class and score by their usual names. Several sources are several models, or the folds
        of a cross-validation. Predictions that `fastlabel predict` wrote carry their classes
        and images with them.
    ds : Dataset
        The set they are about.
    names : list of str or mapping, optional
        The model's class names in order; or its class ids to names; or its names to the set's
        (None: a class the set does not have). By default names are those of the set, apart
        from case, and ids those of its source.
    format : {"auto", "coco", "yolo", "table"}
        What a path is; by default what it looks like.
    box_format : {"xyxy", "xywh", "cxcywh", "xyxyn", "xywhn", "cxcywhn"}, optional
        How tables and text files write boxes; with ``n`` as shares of the image.
    score_first : bool
        Text files have the confidence right after the class, not at the end.
    model : str or sequence of str, optional
        Name of the model, one a source; by default that of the file.
    seen : array_like or "all", optional
        The images (``image_id``) that the models looked at, where the source does not say: then
        all images of a split are taken for seen where the model found something on half of
        them, else only those where it did.

    Returns
    -------
    Predictions

    Raises
    ------
    DatasetError
        For a source that cannot be read, or is of other images, sizes or units.
    TypeError, ValueError
        For arguments that are none of the above.

    Examples
    --------
    >>> import json, pathlib, fastlabel as fl
    >>> _ = fl.make_sample("drawn", format="coco")
    >>> ds = fl.read("drawn")
    >>> name = ds.images["path"][3].as_py()
    >>> box = {"image_id": name, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.9}
    >>> _ = pathlib.Path("pred.json").write_text(json.dumps([box]))
    >>> fl.read_predictions("pred.json", ds).table["x2"].to_pylist()
    [40.0]
    """
    as_choice(format, "format", _FORMATS)
    if box_format is not None:
        as_choice(box_format, "box_format", BOX_FORMATS)
    first = as_switch(score_first, "score_first")
    if isinstance(source, Predictions):
        return source
    told = as_names(names)
    sources = _several(source)
    if not sources:
        raise ValueError("source: got none, expected a path or table, or a list of them")
    models = _model_names(model, len(sources))
    images = ImageNames(ds)
    parts = []
    for number, one in enumerate(sources):
        raw = _raw(one, number, format, box_format, first)
        named = models[number] or raw.model or _short(raw.place)
        parts.append(join(raw, ds, images, told, named))
    return joined_models(parts, ds, seen)


def joined_models(parts: Sequence[Joined], ds: Dataset, seen: Any = None) -> Predictions:
    """The models of several sources as one."""
    looked = _seen(parts, ds, seen)
    tables = [with_model(part.table, k) for k, part in enumerate(parts)]
    problems = pa.Table.from_pylist(
        [row for part in parts for row in part.problems], schema=schema.PROBLEMS
    )
    table = tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries()
    names = _distinct([part.model for part in parts])
    return Predictions(table, names, tuple(p.knows for p in parts), looked, problems)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) == len(names):
        return tuple(names)
    return tuple(f"{name} ({k + 1})" for k, name in enumerate(names))


def _several(source: Any) -> list[Any]:
    if not isinstance(source, (list, tuple)):
        return [source]
    if source and all(isinstance(item, Mapping) for item in source):
        return [list(source)]
    return list(source)


def _model_names(model: Any, count: int) -> list[str | None]:
    if model is None:
        return [None] * count
    given = [model] if isinstance(model, str) else list(model)
    if len(given) != count or not all(isinstance(name, str) for name in given):
        raise ValueError(f"model: got {model!r}, expected {count} names, one a source")
    return given


def _short(place: str) -> str:
    return Path(place).name or place


def _raw(one: Any, number: int, fmt: str, box_format: str | None, score_first: bool) -> Raw:
    if isinstance(one, (str, os.PathLike)):
        return _of_path(Path(one), fmt, box_format, score_first)
    place = f"source {number + 1}"
    if isinstance(one, (pa.Table, pa.RecordBatch)):
        table = pa.table(one) if isinstance(one, pa.RecordBatch) else one
        return columns.from_table(table, place, box_format)
    if hasattr(one, "__arrow_c_stream__"):
        return columns.from_table(pa.table(one), place, box_format)
    if isinstance(one, Mapping):
        try:
            return columns.from_table(pa.table(dict(one)), place, box_format)
        except pa.ArrowException as error:
            raise DatasetError(f"{place}: is no table: {error}") from error
    if isinstance(one, list):
        if coco_results.is_results(one) and box_format is None:
            return coco_results.from_list(one, place)
        return columns.from_rows(one, place, box_format)
    raise TypeError(
        f"source: got {type(one).__name__}, expected a path, a table (Arrow, pandas, polars), a "
        "list of results, or a list of several"
    )


def _of_path(path: Path, fmt: str, box_format: str | None, score_first: bool) -> Raw:
    if not path.exists():
        raise DatasetError(f"{path}: no such file or folder; name the file of predictions")
    suffix = path.suffix.lower()
    if fmt == "yolo" or (fmt == "auto" and (path.is_dir() or suffix == ".txt")):
        if fmt == "auto" and not (suffix == ".txt" or yolo_text.is_folder(path)):
            raise DatasetError(
                f"{path}: is a folder without .txt files; give the file of predictions, or a "
                "folder of YOLO text files"
            )
        return yolo_text.read(path, box_format, score_first)
    if path.is_dir():
        raise DatasetError(f"{path}: is a folder; give the file of predictions")
    if suffix in _TABLES and fmt in ("auto", "table"):
        return record.applied(columns.read(path, box_format), path)
    if suffix == ".json" or fmt == "coco":
        return record.applied(_of_json(path, fmt, box_format), path)
    raise DatasetError(
        f"{path}: unknown ending {suffix!r}; give .json, {', '.join(_TABLES[:4])}, or a folder of "
        "YOLO text files"
    )


def _of_json(path: Path, fmt: str, box_format: str | None) -> Raw:
    if fmt != "table" and box_format is None:
        with path.open("rb") as file:
            head = file.read(4096)
        if b'"bbox"' in head or not head.strip():
            return coco_results.read(path)
    value = coco_results.load(path)
    if fmt == "coco" or not isinstance(value, list) or (not value and fmt == "auto"):
        return coco_results.from_list(value, str(path))
    if coco_results.is_results(value) and box_format is None:
        return coco_results.from_list(value, str(path))
    if value and isinstance(value[0], dict) and "segmentation" in value[0]:
        raise DatasetError(f"{path}#/0: has a segmentation and no bbox; give results of boxes")
    return columns.from_rows(value, str(path), box_format)


# ---- images that a model looked at --------------------------------------------------------


def _seen(parts: Sequence[Joined], ds: Dataset, given: Any) -> tuple[NDArray[np.int64], ...]:
    found = [np.unique(part.table["image_id"].to_numpy()) for part in parts]
    if given is not None:
        if isinstance(given, str):
            if given != "all":
                raise ValueError(f"seen: got {given!r}, expected 'all' or image ids")
            told = np.arange(len(ds))
        else:
            told = np.asarray(given, np.int64)
            if told.ndim != 1 or (len(told) and not (0 <= told.min() <= told.max() < len(ds))):
                raise ValueError(f"seen: expected image ids from 0 to {len(ds) - 1}")
        return tuple(np.union1d(told, mine) for mine in found)
    open_ones = [k for k, part in enumerate(parts) if part.seen is None]
    folds = len(parts) > 1 and _apart(found)
    out = []
    for k, part in enumerate(parts):
        if part.seen is not None:
            out.append(part.seen)
        elif folds and k in open_ones:
            out.append(found[k])
        else:
            out.append(_of_splits(found[k], ds))
    return tuple(out)


def _apart(found: Sequence[NDArray[np.int64]]) -> bool:
    """Whether no image is in two of them: folds of a cross-validation."""
    every = np.concatenate(list(found))
    return len(np.unique(every)) == len(every)


def _of_splits(mine: NDArray[np.int64], ds: Dataset) -> NDArray[np.int64]:
    """All images of the splits on most of whose images something was found, and `mine`."""
    coded = pc.fill_null(ds.images["split"], "").combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    split = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)
    if not len(split):
        return mine
    total = np.bincount(split)
    hit = np.bincount(split[mine], minlength=len(total))
    return np.union1d(np.flatnonzero((hit >= _MOST * total)[split]), mine)
