"""What a run of a model says of itself, in a small file beside its predictions.

COCO results are a bare list: they do not say which images were looked at and which classes the
model knows. ``pred.json`` has a ``pred.json.meta`` that does; it counts only for the very file it
was written with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .. import _core
from ..dataset import DatasetError
from . import writing
from .images import ImageNames
from .raw import Raw

if TYPE_CHECKING:
    from .run import Run
    from .table import Predictions

__all__ = ["applied", "name_of", "of_run"]

_VERSION = 1


def name_of(path: Path) -> Path:
    """The file beside predictions."""
    return path.with_name(path.name + ".meta")


def of_run(data: bytes, run: Run, found: Predictions) -> str:
    """The text of that file, for predictions of these bytes."""
    images = ImageNames(run.ds)
    keys, written = writing.image_keys(run.ds, images)
    names = run.network.names
    said = run.classes.names.to or {}
    value = {
        "version": _VERSION,
        "predictions": _core.content_hash(data).hex(),
        **run.network.facts(),
        # A class that was mapped is written under its own name: the mapping goes with it.
        "map": {name: said[name] for name in names if name in said},
        "classes": names,
        "seen": writing.used_keys(found, 0, keys, written),
    }
    lines = (f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items())
    return "{" + ",\n ".join(lines) + "}\n"


def applied(raw: Raw, path: Path) -> Raw:
    """The predictions of a file with what was written beside it.

    Raises
    ------
    DatasetError
        If that cannot be read, or is that of other predictions.
    """
    beside = name_of(path)
    if not beside.is_file():
        return raw
    try:
        value = json.loads(beside.read_bytes())
        model, classes, seen = value["model"], value["classes"], value["seen"]
        known = value["predictions"]
        fine = isinstance(model, str) and value["version"] == _VERSION
        fine &= all(isinstance(name, str) for name in classes)
        fine &= all(isinstance(key, (int, str)) for key in seen)
        mapped = value["map"]
        fine &= all(target is None or isinstance(target, str) for target in mapped.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{beside}: cannot be read as what `fastlabel predict` wrote beside {path.name}; "
            "remove it, or make the predictions again"
        ) from error
    if not fine:
        raise DatasetError(f"{beside}: is of another version of fastlabel; remove it")
    if known != _core.content_hash(path.read_bytes()).hex():
        raw.notes.add(
            "malformed-row",
            f"{beside.name} is of other predictions than {path.name} and is not used; remove it, "
            "or make the predictions again",
            file=str(beside),
        )
        return raw
    raw.model, raw.classes, raw.seen, raw.mapped = model, classes, seen, mapped
    return raw
