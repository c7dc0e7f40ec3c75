"""What two parsers make of one folder, and how they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coco_mutations import differences

import fastlabel as fl
from fastlabel.dataset import Dataset, DatasetError

__all__ = ["agree", "outcome"]


def outcome(path: Path, format: str, parser: str, **options: Any) -> Dataset | str:
    """What reading gives: the data set, or the message of the error."""
    try:
        return fl.read(path, format, parser=parser, **options)
    except DatasetError as error:
        return str(error)


def agree(path: Path, format: str, note: object = "", **options: Any) -> Dataset | str:
    """Read a folder natively; the plain reader must give the same."""
    workers = options.pop("workers", None)
    native = outcome(path, format, "native", workers=workers, **options)
    plain = outcome(path, format, "plain", **options)
    assert differences(native, plain) == [], note
    return native
