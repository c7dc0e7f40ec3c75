"""Pascal VOC: one XML file an image, ``ImageSets/Main`` lists for the splits.

The specification counts pixels from 1 and includes the last one, but many tools write
0-based numbers. The evidence of the whole set decides, or the caller: see
:func:`read_tree`. The ``path`` element is somebody else's file name and is never used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..dataset import Dataset, DatasetError
from ._build import Builder
from ._paths import Tree, is_foreign, parent, split_of_path, stem
from ._text import LabelFileError, decode, printable, quote, read_bytes
from ._voc_file import CONVENTIONS, MAX_BYTES, Record, add_objects, is_voc, parse

__all__ = ["find_images", "read_tree"]

_OTHER = "not a Pascal VOC annotation"
_IMAGE_FOLDERS = ("JPEGImages", "images", "Images", "imgs")
_SET_LINE = re.compile(r"(.*\S)\s+(?:-1|0|1)")


def read_tree(
    tree: Tree, base: int | None = None, parser: str = "auto", workers: int | None = None
) -> Dataset:
    """Read every Pascal VOC file under a folder.

    Parameters
    ----------
    tree : Tree
        The folder's files.
    base : {None, 0, 1}
        Coordinate convention: 1 for the specification's (1-based, the last pixel
        included: ``lo - 1, hi``), 0 for numbers taken as written (0-based, half-open),
        None to decide by evidence: any coordinate of 0 rules the 1-based reading out.
    parser : {"auto", "native", "plain"}
        "plain" reads the files in Python, one by one.
    workers : int, optional
        Threads of the native parser.

    Raises
    ------
    DatasetError
        If there is no such file, or if the only one cannot be parsed.
    """
    if base not in (None, 0, 1):
        raise DatasetError(f"voc_base: got {base!r}, expected 0, 1 or None (by evidence)")
    if parser == "plain":
        return _read_plain(tree, base)
    from ._coco_joined import TableBuilder
    from ._voc_table import TableObjects, VocTable

    table = VocTable(tree, workers)
    builder = TableBuilder(tree, "voc")
    for path in table.others:
        builder.ignore(path, _OTHER)
    records = table.records
    sets = _prepare(builder, records)
    convention = _convention(table.boxes(), records, base)
    builder.meta.update(convention)
    classes = _classes(builder, table.class_names())
    objects = TableObjects(builder, table, classes, convention["inclusive"])
    _add_records(builder, records, sets, objects.add)
    objects.finish()
    return builder.finish(tree.root)


def _read_plain(tree: Tree, base: int | None) -> Dataset:
    builder = Builder(tree, "voc")
    records = []
    for path in tree.files_of(".xml"):
        if is_voc(tree.path(path)):
            records.append(parse(tree.path(path), path))
        else:
            builder.ignore(path, _OTHER)
    sets = _prepare(builder, records)
    convention = _convention(_all_boxes(records), records, base)
    builder.meta.update(convention)
    names = {o.name for r in records for o in r.objects if o.name is not None}
    classes = _classes(builder, names)

    def add(at: int, image_id: int, file: int) -> None:
        add_objects(builder, records[at], image_id, file, classes, convention["inclusive"])

    _add_records(builder, records, sets, add)
    return builder.finish(tree.root)


def _prepare(builder: Builder, records: list[Record]) -> dict[str, dict[str, list[str]]]:
    """Give the records their images; returns the splits that are declared."""
    _require(builder.tree, records)
    find_images(builder.tree, records)
    return _image_sets(builder.tree, builder)


def _classes(builder: Builder, names: set[str]) -> dict[str, int]:
    classes = {name: index for index, name in enumerate(sorted(names))}
    builder.categories = [(None, name, None) for name in classes]
    return classes


def _require(tree: Tree, records: list[Record]) -> None:
    if not records:
        raise DatasetError(
            f"{printable(tree.root)}: no Pascal VOC xml (a file with an <annotation> element) in it"
        )
    first = records[0]
    if len(records) == 1 and first.error is not None and first.error.kind == "malformed-file":
        where = f"{first.path}:{first.error.line}" if first.error.line else first.path
        raise DatasetError(f"{printable(tree.root / where)}: {first.error.message}")


# --- the set ----------------------------------------------------------------------------


def _convention(
    boxes: npt.NDArray[np.float64], records: list[Record], base: int | None
) -> dict[str, Any]:
    boxes = boxes[np.any(boxes != 0, axis=1)]  # 0 0 0 0 is an empty row, not evidence
    zeros = int(np.count_nonzero(np.any(boxes == 0, axis=1)))
    said = {record.convention for record in records}
    declared = said.pop() if len(said) == 1 else None
    if base is None and declared in CONVENTIONS:
        return {
            "convention": declared,
            "inclusive": declared == CONVENTIONS[1],
            "evidence": "declared in the files",
        }
    if base is not None:
        evidence = f"given by the caller; {zeros} of {len(boxes)} boxes have a coordinate of 0"
    elif zeros:
        evidence = f"{zeros} of {len(boxes)} boxes have a coordinate of 0, so it is not 1-based"
    else:
        evidence = (
            f"none of {len(boxes)} boxes has a coordinate of 0, as the specification's "
            "1-based convention has it (some tools raise 0 to 1, so this is no proof)"
        )
    inclusive = (zeros == 0) if base is None else base == 1
    return {
        "convention": CONVENTIONS[inclusive],
        "inclusive": inclusive,
        "evidence": evidence,
    }


def _all_boxes(records: list[Record]) -> npt.NDArray[np.float64]:
    boxes = [o.box for record in records for o in record.objects]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def find_images(tree: Tree, records: list[Record]) -> None:
    """Give each record its image: by ``filename``, else by the XML file's own stem."""
    claimed: set[str] = set()
    # Names that agree with their file first, so that a wrong one cannot take their image.
    later = []
    for record in records:
        name = record.file_name
        if name is not None and stem(name.replace("\\", "/")) == stem(record.path):
            _claim(tree, record, claimed)
        else:
            later.append(record)
    for record in later:
        _claim(tree, record, claimed)


def _claim(tree: Tree, record: Record, claimed: set[str]) -> None:
    folders = _folders(record.path)
    name = record.file_name
    if name is not None:
        if is_foreign(name):  # a filename is a base name; its folders are somebody else's
            name = name.replace("\\", "/").rpartition("/")[2]
        path, found = tree.locate(name, folders) if name else (None, False)
        if path is None and name:
            return  # leads outside: record.image stays None
        if found and path not in claimed:
            record.image, record.found = path, True
            claimed.add(path or "")
            return
    by_stem = _by_stem(tree, record, folders, claimed)
    if by_stem is not None:
        record.image, record.found = by_stem, True
        claimed.add(by_stem)
    elif name is not None and found:
        record.image, record.found = path, True
    else:
        record.image = _expected(tree, record, folders, name)


def _by_stem(tree: Tree, record: Record, folders: list[str], claimed: set[str]) -> str | None:
    for wanted in (stem(record.path), stem((record.file_name or "").replace("\\", "/"))):
        candidates = [p for p in tree.images_with_stem(wanted) if p not in claimed]
        near = [p for p in candidates if parent(p) in folders]
        if len(near) == 1:
            return near[0]
        if len(candidates) == 1:
            return candidates[0]
    return None


def _expected(tree: Tree, record: Record, folders: list[str], name: str | None) -> str | None:
    """Where an absent image would be: in the folder where there are images already."""
    if not name:
        name = stem(record.path) + ".jpg"
    for folder in folders:
        if tree.has_images_in(folder):
            return tree.inside(folder, name)
    return tree.inside(folders[0], name)


def _folders(xml: str) -> list[str]:
    """Where the image of an XML file may lie, the likeliest first."""
    here = parent(xml)
    above = parent(here)
    prefix = above + "/" if above else ""
    inner = here + "/" if here else ""
    siblings = [prefix + name for name in _IMAGE_FOLDERS] if here else []
    below = [inner + name for name in _IMAGE_FOLDERS]
    rest = [above] if here else []
    # A folder called Annotations holds xml only: its images are beside it.
    if here.rpartition("/")[2].lower().startswith(("annotation", "label", "xml", "gts")):
        return [*siblings, here, *below, *rest]
    return [here, *siblings, *below, *rest]


def _image_sets(tree: Tree, builder: Builder) -> dict[str, dict[str, list[str]]]:
    """Splits declared in ``ImageSets/Main``: {folder of the set: {stem: [split, ...]}}."""
    lists: dict[str, dict[str, str]] = {}
    for path in tree.files_of(".txt"):
        head, _, name = path.rpartition("/")
        if (head + "/").endswith("ImageSets/Main/") and name in (
            "train.txt",
            "val.txt",
            "test.txt",
            "trainval.txt",
        ):
            lists.setdefault(parent(parent(head)), {})[name[:-4]] = path
    sets: dict[str, dict[str, list[str]]] = {}
    for folder, by_split in lists.items():
        if "train" in by_split and "val" in by_split:
            by_split.pop("trainval", None)  # their union
        for split in sorted(by_split):
            _read_set(tree, builder, by_split[split], split, sets.setdefault(folder, {}))
    builder.meta["declared_splits"] = sorted({s for by in lists.values() for s in by})
    return sets


def _read_set(
    tree: Tree, builder: Builder, path: str, split: str, into: dict[str, list[str]]
) -> None:
    try:
        lines = decode(read_bytes(tree.path(path), MAX_BYTES)).splitlines()
    except LabelFileError as error:
        builder.problem(error.kind, f"{error.message}", file=path, line=error.line)
        return
    for line in lines:
        name = line.strip()
        match = _SET_LINE.fullmatch(name)
        if match:  # "2007_000001 -1": the second word says whether a class occurs
            name = match.group(1)
        if name:
            splits = into.setdefault(name, [])
            if split not in splits:
                splits.append(split)


def _add_records(
    builder: Builder,
    records: list[Record],
    sets: dict[str, dict[str, list[str]]],
    add: Callable[[int, int, int], None],
) -> None:
    """Images, problems and, by ``add(record, image_id, file)``, the objects of each record."""
    tree = builder.tree
    listed: set[tuple[str, str]] = set()
    owner: dict[str, str] = {}
    for index, record in enumerate(records):
        folder, splits = _splits_of(record, sets)
        listed.add((folder, stem(record.path)))
        file = builder.add_file(record.path)
        for at, split in enumerate(splits):
            image_id = _add_image(builder, record, split)
            if at == 0:
                _add_problems(builder, record, image_id, owner)
            add(index, image_id, file)
    _add_listed_only(builder, sets, listed)

    unlisted = tree.beside(builder.images["path"])
    builder.add_unlisted(unlisted, "missing", None if sets else split_of_path)


def _splits_of(
    record: Record, sets: dict[str, dict[str, list[str]]]
) -> tuple[str, list[str | None]]:
    """The set's folder and the splits that name a record; one row is made for each."""
    name = stem(record.path)
    best = ""
    for folder in sets:
        inside = not folder or record.path.startswith(folder + "/")
        if inside and len(folder) >= len(best):
            best = folder
    splits = sets.get(best, {}).get(name)
    if splits:
        return best, [*splits]
    return best, [None if sets else split_of_path(record.path)]


def _add_image(builder: Builder, record: Record, split: str | None) -> int:
    if record.error is not None:
        state = "missing"
    elif record.object_count:
        state = "labelled"
    else:
        state = "labelled_empty"
    name = record.file_name
    if name is None:
        name = record.image or stem(record.path)
    return builder.add_image(
        name,
        record.image,
        label_state=state,
        split=split,
        size=record.size,
        attributes=record.attributes,
    )


def _add_problems(builder: Builder, record: Record, image_id: int, owner: dict[str, str]) -> None:
    if record.error is not None:
        builder.problem(
            record.error.kind,
            record.error.message,
            file=record.path,
            line=record.error.line,
            image_id=image_id,
        )
    if record.image is None:
        builder.escape(record.file_name or "", file=record.path, image_id=image_id)
    elif record.image in owner:
        builder.problem(
            "duplicate-id",
            f"{quote(record.path)} and {quote(owner[record.image])} both label the image "
            f"{quote(record.image)}; keep one",
            file=record.path,
            value=record.image,
            image_id=image_id,
        )
    else:
        owner[record.image] = record.path
    for message, line, value in record.bad:
        builder.problem(
            "malformed-row", message, file=record.path, line=line, value=value, image_id=image_id
        )


def _add_listed_only(
    builder: Builder, sets: dict[str, dict[str, list[str]]], known: set[tuple[str, str]]
) -> None:
    """Images that a split lists and that have no XML file."""
    tree = builder.tree
    for folder, by_name in sets.items():
        for name, splits in by_name.items():
            if (folder, name) in known:
                continue
            candidates = [
                path
                for path in tree.images_with_stem(name.rpartition("/")[2])
                if not folder or path.startswith(folder + "/")
            ]
            prefix = folder + "/" if folder else ""
            path = (
                candidates[0] if candidates else tree.inside(prefix + "JPEGImages", name + ".jpg")
            )
            for split in splits:
                image_id = builder.add_image(name, path, label_state="missing", split=split)
                if path is None:
                    builder.escape(name, image_id=image_id)
