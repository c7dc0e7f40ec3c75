"""Label formats: a folder or file in, one :class:`fastlabel.dataset.Dataset` out, and back.

Reading is read-only and faithful: nothing is clipped, dropped, de-duplicated, reordered
or repaired. What no table row can hold becomes a row of ``Dataset.problems``. Writing says
what the format could not carry.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._scalars import as_choice, as_whole
from ..dataset import Dataset, DatasetError
from ._change import Change, Edited
from ._edit import editor, edits
from ._label_files import label_files
from ._layout import layout

if TYPE_CHECKING:
    from ._sourced import Places
    from ._write import WriteReport

__all__ = [
    "FORMATS",
    "Change",
    "Edited",
    "detect",
    "editor",
    "edits",
    "label_files",
    "layout",
    "read",
    "write",
]

#: Names that ``read`` takes besides ``auto``.
FORMATS = ("coco", "yolo", "voc", "images")

#: What may read label files.
PARSERS = ("auto", "native", "plain")


def read(
    path: str | os.PathLike[str],
    format: str = "auto",
    *,
    voc_base: int | None = None,
    parser: str = "auto",
    workers: int | None = None,
    images: Places | None = None,
) -> Dataset:
    """Read a labelled (or unlabelled) image data set.

    Parameters
    ----------
    path : str or os.PathLike
        A folder; or a COCO json, a ``data.yaml``, an ``obj.data`` or a single image.
        ``Dataset.root`` is the folder, or the file's folder (the one above it for a
        file in ``annotations/``, whose images lie beside that folder). Or images without
        labels: an archive, a pattern, a URL or a list, as :func:`fastlabel.open_source`
        takes them.
    format : {"auto", "coco", "yolo", "voc", "images"}
        What to read it as; "auto" looks at the files, see :func:`detect`.
    voc_base : {None, 0, 1}
        Pins the coordinate convention of Pascal VOC: 1 for 1-based with the last pixel
        included, 0 for 0-based and half-open, None to decide by evidence.
    parser : {"auto", "native", "plain"}
        What reads the label files. "plain" is Python throughout, record by record; "native"
        gives the same tables and problems, many times sooner. "auto" is native.
    workers : int, optional
        Threads of the native parser; by default as many as the process has CPUs.
    images : str, path-like, ImageSource or a sequence of places, optional
        Where the pictures are, if not beside the labels: what
        :func:`fastlabel.open_source` takes. Images and labels are matched by name; the
        images on the disk beside the labels are then not looked at.

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
    from ._sourced import named, open_images, unlabelled

    if format != "auto" and format not in FORMATS:
        raise DatasetError(
            f"format {format!r} is not known; choose one of: auto, {', '.join(FORMATS)}"
        )
    as_choice(parser, "parser", PARSERS)
    if workers is not None:
        workers = as_whole(workers, "workers")
        if workers < 1:
            raise ValueError(f"workers: got {workers}, expected at least 1")
    if images is None and format in ("auto", "images"):
        alone = _source_alone(path)
        if alone is not None:
            return alone
    pictures = None if images is None else open_images(images)
    source: Source = open_source(path, format, pictures)
    if source.archives is not None:
        return unlabelled(source.archives, source.tree.root)
    if source.format == "coco":
        from . import coco

        dataset = coco.read_tree(source.tree, source.file, parser, workers)
    elif source.format == "yolo":
        from . import yolo

        dataset = yolo.read_tree(source.tree, source.file, parser, workers)
    elif source.format == "voc":
        from . import voc

        dataset = voc.read_tree(source.tree, voc_base, parser, workers)
    else:
        from .images import read_tree

        dataset = read_tree(source.tree, source.file)
    if pictures is not None:
        dataset = named(dataset, pictures)
    if source.also:
        dataset = _with_note(dataset, source.also)
    return dataset


def _source_alone(path: str | os.PathLike[str]) -> Dataset | None:
    """Images without labels, where the path is no folder and no label file."""
    from ._sourced import is_image_source, open_images, unlabelled, where_of

    text = os.fspath(path)
    if not isinstance(text, str) or not is_image_source(text):
        return None
    return unlabelled(open_images(text), where_of(text))


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


def write(
    dataset: Dataset, folder: str | os.PathLike[str], format: str, **options: Any
) -> WriteReport:
    r"""Write the label files of a data set, for pictures that stand in the folder already.

    Parameters
    ----------
    dataset : Dataset
        ``images["path"]`` is where each picture stands below the folder; :func:`layout`
        gives these places. ``root`` is not looked at.
    folder : str or os.PathLike
        Where the labels go; files of the same names are replaced. Make it with
        :func:`fastlabel._output.new_folder`, which leaves nothing half-written.
    format : {"coco", "yolo", "voc"}
        COCO: ``annotations/instances_<split>.json``. YOLO: ``labels/<split>/STEM.txt``,
        ``data.yaml``, and ``fastlabel-sidecar.jsonl`` for what a row cannot say. VOC:
        ``Annotations/STEM.xml`` and ``ImageSets/Main/<split>.txt``.
    **options
        COCO: ``category_start``, the first class id; by default the ids of the source
        where they are whole numbers, else 1, 2, ... VOC: ``voc_base``, 1 to count pixels
        from 1 and include the last, 0 for 0-based and half-open; by default as the
        source, 1 where it was not VOC.

    Returns
    -------
    WriteReport
        Counts, the files, the map of class ids and the loss ledger.

    Raises
    ------
    DatasetError
        If the format cannot be written, or ``images["path"]`` is missing, given twice or
        outside the folder.
    OSError
        If a file cannot be written.

    Notes
    -----
    :func:`read` gives the same boxes back: bit for bit from COCO and VOC, from YOLO by the
    shortest text whose corners are the pixel box. ``ignore``, ``crowd``, ``weight``,
    ``occlusion``, ``truncation`` and ``difficult`` come back from all three.

    Examples
    --------
    >>> import json, tempfile
    >>> from dataclasses import replace
    >>> import pyarrow as pa
    >>> labels = {
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40]}],
    ...     "categories": [{"id": 3, "name": "raccoon"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     dataset = read(folder)
    ...     images = dataset.images.set_column(
    ...         3, "path", pa.array(layout(dataset.images, "yolo"))
    ...     )
    ...     report = write(replace(dataset, images=images), Path(folder, "new"), "yolo")
    ...     Path(folder, "new", "labels", "a.txt").read_text()
    '0 0.0390625 0.083333333333333 0.046875 0.083333333333333\n'
    >>> report.files
    ('labels/a.txt', 'data.yaml')
    """
    from ._layout import require_writable

    require_writable(format)
    where = Path(folder)
    if format == "coco":
        from . import _write_coco

        return _write_coco.write(dataset, where, **options)
    if format == "yolo":
        from . import _write_yolo

        return _write_yolo.write(dataset, where, **options)
    from . import _write_voc

    return _write_voc.write(dataset, where, **options)


def _with_note(dataset: Dataset, also: list[str]) -> Dataset:
    """``dataset`` with the other formats that its folder holds in ``meta``."""
    from dataclasses import replace

    return replace(dataset, meta={**dataset.meta, "also_found": also})
