"""YOLO: one txt file an image, with or without a ``data.yaml`` (or Darknet's ``obj.data``).

Coordinates are normalised, so each image's size is read from its header. Trainers turn
images whose EXIF orientation is 5 to 8, so those get the turned size (``size_source`` is
"exif"); all others get the stored one ("decoded"). Where no size can be read, the boxes
are null: unknown.

Every row is typed by itself. Rows of nine values are an oriented box or a polygon of four
corners: ``task`` in ``data.yaml`` decides, else polygons of other lengths in the set make
them polygons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..dataset import Dataset, DatasetError
from . import _sidecar as sidecar
from . import _yolo_rows as rows_
from . import _yolo_set as set_
from ._build import NOT_KNOWN, Builder
from ._paths import IMAGE_EXTENSIONS, Tree, is_foreign, parent, split_of_path
from ._sourced import headers
from ._text import MIB, LabelFileError, clean, printable, quote, read_text

__all__ = ["read_tree"]

MAX_BYTES = 256 * MIB


@dataclass
class _Entry:
    """One image of one split."""

    name: str
    path: str | None
    split: str | None
    file: str | None = None  # the list file that names it
    line: int | None = None


def read_tree(tree: Tree, only: str | None = None) -> Dataset:
    """Read a YOLO set.

    Parameters
    ----------
    tree : Tree
        The folder's files.
    only : str, optional
        The ``data.yaml`` or ``obj.data`` to use, relative to the root.

    Raises
    ------
    DatasetError
        If the declaration cannot be parsed and was named, or if there is neither an
        image nor a label.
    """
    builder = Builder(tree, "yolo")
    declaration = _declaration(builder, only)
    entries = list(_declared(builder, declaration)) if declaration else []
    if not entries:
        entries = [_Entry(path, path, split_of_path(path)) for path in tree.images]
        entries += _escaped(tree, "", None)
    classes = _Classes(builder, declaration)
    reader = _Reader(builder, classes, declaration)
    for entry in entries:
        reader.add(entry)
    reader.note_orphans()
    declared = "declaration" in builder.meta
    if not reader.orphans and not (entries if declared else set_.has_labels(tree)):
        _fail(builder, declaration)
    reader.finish()
    sidecar.apply(builder, builder.meta.get("declaration", ""), classes.of)
    builder.meta["convention"] = "normalised centre and size, continuous"
    return builder.finish(tree.root)


def _declaration(builder: Builder, only: str | None) -> set_.Declaration | None:
    tree = builder.tree
    path = only or set_.find_declaration(tree) or set_.find_named(tree)
    if path is None:
        return None
    builder.meta["declaration"] = clean(path)
    try:
        declaration = set_.load_declaration(tree, path)
    except LabelFileError as error:
        if only is not None:
            where = f"{path}:{error.line}" if error.line else path
            raise DatasetError(f"{printable(tree.root / where)}: {error.message}") from error
        builder.problem(error.kind, error.message, file=path, line=error.line)
        return None
    for problem in declaration.problems:
        builder.problem(
            problem.kind, problem.message, file=path, line=problem.line, value=problem.value
        )
    return declaration


def _fail(builder: Builder, declaration: set_.Declaration | None) -> None:
    root = builder.tree.root
    if declaration is None:
        raise DatasetError(
            f"{printable(root)}: no data.yaml and no YOLO txt in it, so no YOLO labels"
        )
    said = "; ".join(problem["message"] for problem in builder.problems[:4])
    raise DatasetError(
        f"{printable(root / declaration.file)}: no image and no label found for it"
        f"{': ' + said if said else ''}. Give the folder that holds the images"
    )


# --- which images -----------------------------------------------------------------------


def _declared(builder: Builder, declaration: set_.Declaration) -> Iterator[_Entry]:
    """The images of every declared split; absent splits become problems."""
    bases = _bases(builder, declaration)
    absent = []
    for split, words in declaration.splits:
        count = 0
        for word, line in words:
            for entry in _of_place(builder, declaration, bases, split, word, line):
                count += 1
                yield entry
        if not count:
            absent.append(split)
    builder.meta["declared_splits"] = [split for split, _ in declaration.splits]
    builder.meta["absent_splits"] = absent


def _bases(builder: Builder, declaration: set_.Declaration) -> list[str]:
    """Folders that split names are relative to, the declared ``path`` first."""
    tree = builder.tree
    here = parent(declaration.file)
    bases = [here, ""]
    if declaration.base is not None:
        value, line = declaration.base
        text = value.replace("\\", "/").rstrip("/")
        inside = tree.inside(here, text)
        if inside is not None and tree.is_folder(inside):
            bases.insert(0, inside)
        elif is_foreign(value) or (inside is None and not _is_this_folder(tree, here, text)):
            builder.problem(
                "path-escape",
                f"path is {quote(value)}, which is not this data set's folder; the folder of "
                f"{declaration.file.rpartition('/')[2]} is used instead: write 'path: .'",
                file=declaration.file,
                line=line,
                value=value,
            )
    return list(dict.fromkeys(bases))


def _is_this_folder(tree: Tree, here: str, text: str) -> bool:
    """Whether ``../datasets/birds`` means the folder that the yaml of ``birds`` lies in."""
    own = here.rpartition("/")[2] or tree.root.name
    return text.rpartition("/")[2] == own


def _of_place(
    builder: Builder,
    declaration: set_.Declaration,
    bases: list[str],
    split: str,
    word: str,
    line: int,
) -> Iterator[_Entry]:
    tree = builder.tree
    candidates = _candidates(tree, bases, word)
    for path in candidates:
        if tree.is_folder(path):
            images = tree.images_under(path)
            if not images and not _escaped(tree, path, split):
                break
            for image in images:
                yield _Entry(image, image, split)
            yield from _escaped(tree, path, split)
            return
        if tree.path(path).is_file() and path.lower().endswith(".txt"):
            yield from _of_list(builder, path, bases, split)
            return
    if not candidates:
        builder.problem(
            "path-escape",
            f"the {split} split is {quote(word)}, which leads outside the data set and is not "
            "opened; move it into the set and name it relative to it",
            file=declaration.file,
            line=line,
            value=word,
        )
        return
    builder.problem(
        "missing-split",
        f"the {split} split is declared as {quote(word)}, where there is no image; "
        "add its images or remove the split",
        file=declaration.file,
        line=line,
        value=split,
    )


def _candidates(tree: Tree, bases: list[str], word: str) -> list[str]:
    """Readings of a place, the trainer's first; only those inside the root."""
    text = word.replace("\\", "/") if word not in tree.image_set else word
    readings = [text]
    for prefix in ("../", "data/"):  # one too many in many exports
        if text.startswith(prefix):
            readings.append(text[len(prefix) :])
    found = [tree.inside(base, reading) for reading in readings for base in bases]
    return list(dict.fromkeys(path for path in found if path is not None))


def _of_list(builder: Builder, path: str, bases: list[str], split: str) -> Iterator[_Entry]:
    tree = builder.tree
    try:
        lines = set_.read_list(tree, path)
    except LabelFileError as error:
        builder.problem(error.kind, error.message, file=path, line=error.line)
        return
    folders = list(dict.fromkeys([parent(path), *bases]))
    for name, line in lines:
        image, found = tree.locate(name, folders)
        if not found and name.startswith("data/"):
            other, found = tree.locate(name[len("data/") :], folders)
            image = other if found else image
        yield _Entry(name, image, split, path, line)


def _escaped(tree: Tree, folder: str, split: str | None) -> list[_Entry]:
    """Links to images outside the root, under one folder."""
    prefix = folder + "/" if folder else ""
    found = []
    for link in tree.escapes:
        dot = link.rfind(".")
        if link.startswith(prefix) and dot >= 0 and link[dot:].lower() in IMAGE_EXTENSIONS:
            tree.met_escapes.add(link)
            found.append(_Entry(link, None, split or split_of_path(link)))
    return found


# --- classes ----------------------------------------------------------------------------


class _Classes:
    """Class tokens of rows to dense ids; declared, or collected as they come."""

    def __init__(self, builder: Builder, declaration: set_.Declaration | None) -> None:
        self.builder = builder
        names = declaration.names if declaration else None
        source = declaration.file if declaration and names is not None else None
        if names is None:
            source, names = self._from_file(declaration)
        self.declared = names is not None
        self.names_file = source
        builder.meta["names_from"] = None if source is None else clean(source)
        builder.categories = [(key, name, None) for key, name in names or []]
        self.dense = {int(key): at for at, (key, _) in enumerate(names or [])}
        self._tokens: dict[str, int] = {}

    def _from_file(
        self, declaration: set_.Declaration | None
    ) -> tuple[str | None, list[tuple[str, str]] | None]:
        tree = self.builder.tree
        if declaration and declaration.names_file:
            for path in _candidates(tree, [parent(declaration.file), ""], declaration.names_file):
                if tree.path(path).is_file() and (names := set_.names_of(tree, path)):
                    return path, names
        loaded = set_.load_names(tree)
        return loaded if loaded else (None, None)

    def of(self, token: str) -> int:
        """The id of a row's class; NOT_KNOWN for one that is not declared or no number."""
        known = self._tokens.get(token)
        if known is None:
            number = _whole(token)
            if number is None:
                known = NOT_KNOWN
            elif self.declared:
                known = self.dense.get(number, NOT_KNOWN)
            else:
                known = number
            self._tokens[token] = known
        return known

    def why(self, token: str) -> str:
        """What is wrong with a token that has no class."""
        if _whole(token) is None:
            return f"the class is {quote(token)}, not a whole number from 0 on; correct it"
        known = sorted(self.dense)
        span = f"{known[0]} to {known[-1]}" if known else "none"
        return f"class {token} is not declared (the set has {span}); declare or correct it"

    def settle(self) -> None:
        """Without declared names: make the ids that occur dense, in numeric order."""
        if self.declared:
            return
        columns = self.builder.annotations
        numbers = np.array(columns.category_id, dtype=np.int64)
        used = np.unique(numbers[numbers != NOT_KNOWN])
        dense = np.searchsorted(used, numbers)
        dense[numbers == NOT_KNOWN] = NOT_KNOWN
        columns.category_id = type(columns.category_id)("q", dense.astype(np.int64).tobytes())
        self.builder.categories = [(str(n), str(n), None) for n in used.tolist()]


def _whole(token: str) -> int | None:
    """A class number: ``3`` and ``3.0``; None for anything else."""
    if not token.isascii() or "_" in token or len(token) > 18:
        return None
    try:
        value = float(token)
        return int(value) if value >= 0 and value == int(value) else None
    except (ValueError, OverflowError):
        return None


# --- labels -----------------------------------------------------------------------------


class _Reader:
    """Appends images and the rows of their label files."""

    def __init__(
        self, builder: Builder, classes: _Classes, declaration: set_.Declaration | None
    ) -> None:
        self.builder = builder
        self.tree = builder.tree
        self.classes = classes
        self.keypoints = declaration.keypoints if declaration else 0
        self.task = declaration.task if declaration else None
        self.labels = frozenset(self.tree.files_of(".txt"))
        self.layout_name, self.layout = set_.label_layout(self.tree)
        self.owner: dict[str, str] = {}  # label file -> the first image that reads it
        self.seen: dict[tuple[str | None, str], int | None] = {}
        self.folders: set[str] = set()
        self.eights: list[int] = []
        self.polygons = 0
        self.orphans = 0

    def add(self, entry: _Entry) -> None:
        """One image, its label file and its rows."""
        builder = self.builder
        if entry.path is None:
            image_id = builder.add_image(entry.name, None, label_state="missing", split=entry.split)
            builder.escape(entry.name, file=entry.file, line=entry.line, image_id=image_id)
            return
        key = (entry.split, entry.path)
        if key in self.seen:
            builder.problem(
                "duplicate-id",
                f"{quote(entry.name)} is listed twice in the split {entry.split}; "
                "it is read once, trainers read it twice: remove one",
                file=entry.file,
                line=entry.line,
                value=entry.name,
                image_id=self.seen[key],
            )
            return
        image_id = builder.add_image(
            entry.name, entry.path, label_state="missing", split=entry.split
        )
        self.seen[key] = image_id
        label = self.layout(entry.path)
        if label is None:
            return
        self.folders.add(parent(label))
        if label in self.tree.escape_set:
            self.tree.met_escapes.add(label)
            builder.escape(label, file=label, image_id=image_id)
        elif label in self.labels or self.tree.real(label) in self.labels:
            self._read(label, image_id, entry.path)

    def _read(self, label: str, image_id: int, image: str) -> None:
        builder = self.builder
        first = self.owner.setdefault(label, image)
        if first != image:
            builder.problem(
                "shared-label",
                f"{quote(image)} and {quote(first)} share one label file; rename one image and "
                "give it labels of its own",
                file=label,
                image_id=image_id,
            )
        try:
            parsed = rows_.parse(read_text(self.tree.path(label), MAX_BYTES), self.keypoints)
        except LabelFileError as error:
            builder.problem(
                error.kind, error.message, file=label, line=error.line, image_id=image_id
            )
            return
        state = "labelled_empty" if parsed.blank else "labelled"
        builder.images["label_state"][image_id] = state
        file = builder.add_file(label)
        for message, line, value in parsed.bad:
            builder.problem(
                "malformed-row", message, file=label, line=line, value=value, image_id=image_id
            )
        self._add_rows(parsed.rows, image_id, file)
        self._note_mixture(parsed.rows, label, image_id)

    def _add_rows(self, rows: list[rows_.Row], image_id: int, file: int) -> None:
        columns, classes = self.builder.annotations, self.classes
        for row in rows:
            category = classes.of(row.category)
            at = columns.add(image_id, category, row.box, file, row.line, row.raw, row.category)
            if row.kind == rows_.POLYGON:
                self.polygons += 1
                columns.set("segmentation", row.raw)
            elif row.kind == rows_.EIGHT:
                self.eights.append(at)
            elif row.score is not None:
                columns.set("score", row.score)
            elif row.kind == rows_.POSE:
                words = row.raw.split()[4:]
                columns.set("attributes", f'{{"keypoints": "{" ".join(words)}"}}')
            if category == NOT_KNOWN:
                self.builder.problem(
                    "unknown-category",
                    classes.why(row.category),
                    file=self.builder.files[file],
                    line=row.line,
                    value=row.category,
                    image_id=image_id,
                    annotation_id=at,
                )

    def _note_mixture(self, rows: list[rows_.Row], label: str, image_id: int) -> None:
        boxes = [row for row in rows if row.kind == rows_.BOX]
        if not boxes or all(row.kind in (rows_.BOX, rows_.POSE) for row in rows):
            return
        self.builder.problem(
            "boxes-and-polygons",
            f"{len(boxes)} of {len(rows)} rows are boxes and the others polygons; trainers read "
            "all as polygons and turn the box rows into wrong boxes: use one kind",
            file=label,
            line=boxes[0].line,
            value=boxes[0].raw,
            image_id=image_id,
        )

    def note_orphans(self) -> None:
        """Label files in the set's label folders that belong to none of its images."""
        tree = self.tree
        folders = self.folders or {
            parent(path)
            for path in self.labels
            if parent(path).rpartition("/")[2] == "labels" or "/labels/" in f"/{path}"
        }
        known = {tree.real(label) for label in self.owner}
        every = {self.layout(path) for path in tree.images}
        for path in tree.files_of(".txt"):
            if path in known or path in every or parent(path) not in folders:
                continue
            if path == self.classes.names_file or not set_.is_label_text(tree.path(path)):
                continue
            self.orphans += 1
            self.builder.problem(
                "orphan-annotation",
                "no image of the set belongs to this label file; add the image or remove the file",
                file=path,
            )

    def finish(self) -> None:
        """Sizes, pixel coordinates, classes, and the meaning of rows of nine values."""
        self.classes.settle()
        sizes = self._sizes()
        columns = self.builder.annotations
        boxes = columns.box_array()
        scale = sizes[np.array(columns.image_id, dtype=np.int64)]
        boxes = rows_.in_pixels(boxes, scale)
        self._settle_eights(scale)
        columns.boxes = type(columns.boxes)("d", boxes.tobytes())
        self.builder.unsized = np.flatnonzero(np.isnan(sizes[:, 0]))
        self.builder.meta["labels_are"] = self.layout_name

    def _sizes(self) -> npt.NDArray[np.float64]:
        """Width and height of every image, NaN where unknown; also fills the image table."""
        images = self.builder.images
        paths = images["path"]
        known = [at for at, path in enumerate(paths) if path is not None and clean(path) == path]
        sizes = np.full((len(paths), 2), np.nan)
        if not known:
            return sizes
        _, widths, heights, turns = headers(self.tree, [paths[at] for at in known])
        for at, width, height, turn in zip(
            known, widths.tolist(), heights.tolist(), turns.tolist(), strict=True
        ):
            if width <= 0 or height <= 0:
                continue
            turned = 5 <= turn <= 8
            size = (height, width) if turned else (width, height)
            sizes[at] = size
            images["width"][at], images["height"][at] = size
            images["size_source"][at] = "exif" if turned else "decoded"
        return sizes

    def _settle_eights(self, scale: npt.NDArray[np.float64]) -> None:
        if not self.eights:
            return
        columns = self.builder.annotations
        declared = {"obb": True, "segment": False}.get(self.task or "")
        oriented = (self.polygons == 0) if declared is None else declared
        if declared is not None:
            why = f"task is {self.task}"
        elif oriented:
            why = "the set has no polygon of another length"
        else:
            why = f"the set has {self.polygons} polygons of other lengths"
        self.builder.meta["nine_value_rows"] = {
            "count": len(self.eights),
            "read_as": "oriented boxes" if oriented else "polygons of four corners",
            "evidence": why,
        }
        column = columns.rare.setdefault("obb" if oriented else "segmentation", [])
        column.extend([None] * (len(columns) - len(column)))
        for at in self.eights:
            raw = columns.raw[at] or ""
            if not oriented:
                column[at] = raw
            elif not np.isnan(scale[at, 0]):
                corners = np.array(raw.split(), dtype=np.float64).reshape(4, 2) * scale[at]
                column[at] = corners.ravel().tolist()
