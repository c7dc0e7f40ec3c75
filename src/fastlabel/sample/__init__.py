"""A small labelled data set to try things on: drawn scenes with planted faults.

Every rule that a format can express is broken somewhere, ``truth.json`` says where, and
nothing else in the set is wrong. So a check can be judged: it should find all the planted
faults and nothing besides.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .truth import score

__all__ = ["FORMATS", "make_sample", "score"]

#: Formats that a sample can be written in.
FORMATS = ("coco", "yolo", "voc")


def make_sample(
    folder: str | os.PathLike[str], format: str = "coco", seed: int = 0, scenes: int = 60
) -> dict[str, Any]:
    """Draw a labelled set of doorbell, yard, street and drone scenes with planted faults.

    Parameters
    ----------
    folder : path
        Where to write; it is made, or must be empty.
    format : {"coco", "yolo", "voc"}
        Format of the labels.
    seed : int
        The same seed writes the same bytes (with the same OpenCV).
    scenes : int
        Number of scenes, 56 or more; a few copies of pictures come on top.

    Returns
    -------
    dict
        What ``truth.json`` in the folder says: ``format``, ``seed``, ``scenes``,
        ``deploy`` (the profile that the sizes are planted for) and ``faults``, a list of
        ``{"code", "image", "where", "note"}``. ``image`` is the name of the image file, or
        None for faults of the whole set; ``where`` is ``file:line`` or ``file#pointer``, or
        None.

    Raises
    ------
    ValueError
        If the format is not known, the seed is negative or there are too few scenes.
    FileExistsError
        If the folder is not empty.
    NotADirectoryError
        If there is a file of that name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = make_sample(folder, format="yolo", seed=1)
    >>> truth["format"], truth["scenes"]
    ('yolo', 60)
    """
    from .plan import MIN_SCENES, build
    from .write import WRITERS

    if format not in FORMATS:
        raise ValueError(f"format: got {format!r}, expected one of {', '.join(FORMATS)}")
    if seed < 0:
        raise ValueError(f"seed: got {seed}, expected 0 or more")
    if scenes < MIN_SCENES:
        raise ValueError(f"scenes: got {scenes}, expected {MIN_SCENES} or more")
    root = Path(folder)
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(f"{root}: is a file; give a new or an empty folder")
    if root.is_dir() and any(root.iterdir()):
        raise FileExistsError(f"{root}: is not empty; give a new or an empty folder")

    pictures, faults = build(format, seed, scenes)
    root.mkdir(parents=True, exist_ok=True)
    written = WRITERS[format](root, pictures)
    entries = [
        {
            "code": fault.code,
            "image": None if fault.picture is None else written.images[fault.picture],
            "where": fault.where if fault.label is None else written.labels[fault.label],
            "note": fault.note,
        }
        for fault in [*faults, *written.faults]
    ]
    entries.sort(key=lambda e: (e["code"], e["image"] or "", e["where"] or ""))
    truth = {
        "format": format,
        "seed": seed,
        "scenes": scenes,
        "deploy": "edge-640",
        "faults": entries,
    }
    text = json.dumps(truth, indent=1, ensure_ascii=False) + "\n"
    (root / "truth.json").write_text(text, encoding="utf-8")
    return truth
