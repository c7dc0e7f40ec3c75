"""Readers of label formats: a folder or file in, one :class:`fastlabel.dataset.Dataset` out.

Reading is read-only and faithful: nothing is clipped, dropped, de-duplicated, reordered
or repaired. What no table row can hold becomes a row of ``Dataset.problems``.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..dataset import Dataset, DatasetError

__all__ = ["FORMATS", "detect", "read"]

#: Names that ``read`` takes besides ``auto``.
FORMATS = ("coco", "yolo", "voc", "images")


def read(
    path: str | os.PathLike[str], format: str = "auto", *, voc_base: int | None = None
) -> Dataset:
    """Read a labelled (or unlabelled) image data set.

    Parameters
    ----------
    path : str or os.PathLike
        A folder; or a COCO json, a ``data.yaml``, an ``obj.data`` or a single image.
        ``Dataset.root`` is the folder, or the file's folder (the one above it for a
        file in ``annotations/``, whose images lie beside that folder).
    format : {"auto", "coco", "yolo", "voc", "images"}
        What to read it as; "auto" looks at the files, see :func:`detect`.
    voc_base : {None, 0, 1}
        Pins the coordinate convention of Pascal VOC: 1 for 1-based with the last pixel
        included, 0 for 0-based and half-open, None to decide by evidence.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        If the path does not exist, is empty or holds nothing that can be read; the
        message says where, what and the remedy.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> labels = {
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40]}],
    ...     "categories": [{"id": 3, "name": "raccoon"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     dataset = read(folder)
    >>> dataset, dataset.boxes().tolist()
    (Dataset(coco: 1 images, 1 boxes, 1 classes), [[10.0, 20.0, 40.0, 60.0]])
    """
    from ._detect import Source, open_source

    if format != "auto" and format not in FORMATS:
        raise DatasetError(
            f"format {format!r} is not known; choose one of: auto, {', '.join(FORMATS)}"
        )
    source: Source = open_source(path, format)
    if source.format == "coco":
        from . import coco

        dataset = coco.read_tree(source.tree, source.file)
    elif source.format == "yolo":
        from . import yolo

        dataset = yolo.read_tree(source.tree, source.file)
    elif source.format == "voc":
        from . import voc

        dataset = voc.read_tree(source.tree, voc_base)
    else:
        from . import images

        dataset = images.read_tree(source.tree, source.file)
    if source.also:
        dataset = _with_note(dataset, source.also)
    return dataset


def detect(path: str | os.PathLike[str]) -> str:
    """The format that ``read(path)`` would use.

    A ``data.yaml`` or ``obj.data`` that declares splits makes a set YOLO; else VOC xml
    whose images are there, COCO json, other VOC xml, and txt files with YOLO rows, in
    this order; else it is a folder of images.

    Raises
    ------
    DatasetError
        As :func:`read`.
    """
    from ._detect import open_source

    return open_source(Path(path), "auto").format


def _with_note(dataset: Dataset, also: list[str]) -> Dataset:
    """``dataset`` with the other formats that its folder holds in ``meta``."""
    from dataclasses import replace

    return replace(dataset, meta={**dataset.meta, "also_found": also})
