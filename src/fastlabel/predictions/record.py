"""What a run of a model says of itself, in a small file beside its predictions.

COCO results are a bare list: they do not say which images were looked at and which classes the
model knows. ``pred.json`` has a ``pred.json.meta`` that does; it counts only for the very file it
was written with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import _core
from ..dataset import DatasetError
from .raw import Raw

__all__ = ["applied", "content", "name_of"]

_VERSION = 1


def name_of(path: Path) -> Path:
    """The file beside predictions."""
    return path.with_name(path.name + ".meta")


def content(
    data: bytes,
    *,
    model: str,
    classes: Iterable[str],
    seen: Iterable[str],
    facts: dict[str, Any],
) -> str:
    """The text of that file, for predictions of these bytes."""
    value = {
        "version": _VERSION,
        "predictions": _core.content_hash(data).hex(),
        "model": model,
        **facts,
        "classes": list(classes),
        "seen": list(seen),
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


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
        fine &= all(isinstance(name, str) for name in (*classes, *seen))
    except (OSError, ValueError, KeyError, TypeError) as error:
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
    raw.model, raw.classes, raw.seen = model, classes, seen
    return raw
