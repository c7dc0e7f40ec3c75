"""Label files of a YOLO set: classes, and the rows of each image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import _yolo_rows as rows_
from . import _yolo_set as set_
from ._build import NOT_KNOWN, Builder
from ._paths import parent
from ._sourced import headers
from ._text import MIB, LabelFileError, clean, quote, read_text

__all__ = ["Classes", "Entry", "Reader"]

MAX_BYTES = 256 * MIB


@dataclass(slots=True)
class Entry:
    """One image of one split."""

    name: str
    path: str | None
    split: str | None
    file: str | None = None  # the list file that names it
    line: int | None = None


# --- classes ----------------------------------------------------------------------------


class Classes:
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
            for path in set_.candidates(
                tree, [parent(declaration.file), ""], declaration.names_file
            ):
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

    def settle(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Without declared names: make the ids that occur dense, in numeric order."""
        if self.declared:
            return numbers
        used = np.unique(numbers[numbers != NOT_KNOWN])
        dense = np.searchsorted(used, numbers)
        dense[numbers == NOT_KNOWN] = NOT_KNOWN
        self.builder.categories = [(str(n), str(n), None) for n in used.tolist()]
        return dense.astype(np.int64)


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


class Reader:
    """Appends images and the rows of their label files."""

    def __init__(
        self, builder: Builder, classes: Classes, declaration: set_.Declaration | None
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

    def add(self, entry: Entry) -> None:
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
        self._read_rows(label, image_id)

    def _read_rows(self, label: str, image_id: int) -> None:
        builder = self.builder
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
        every: set[str | None] | None = None
        for path in tree.files_of(".txt"):
            if path in known or parent(path) not in folders:
                continue
            if every is None:
                every = {self.layout(image) for image in tree.images}
            if path in every:
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
        sizes = self._sizes()
        columns = self.builder.annotations
        numbers = self.classes.settle(np.array(columns.category_id, dtype=np.int64))
        columns.category_id = type(columns.category_id)("q", numbers.tobytes())
        boxes = columns.box_array()
        scale = sizes[np.array(columns.image_id, dtype=np.int64)]
        boxes = rows_.in_pixels(boxes, scale)
        self._add_eights(scale)
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

    def _eights_are_oriented(self, count: int) -> bool:
        """What rows of nine values mean in this set."""
        declared = {"obb": True, "segment": False}.get(self.task or "")
        oriented = (self.polygons == 0) if declared is None else declared
        if declared is not None:
            why = f"task is {self.task}"
        elif oriented:
            why = "the set has no polygon of another length"
        else:
            why = f"the set has {self.polygons} polygons of other lengths"
        self.builder.meta["nine_value_rows"] = {
            "count": count,
            "read_as": "oriented boxes" if oriented else "polygons of four corners",
            "evidence": why,
        }
        return oriented

    def _add_eights(self, scale: npt.NDArray[np.float64]) -> None:
        if not self.eights:
            return
        columns = self.builder.annotations
        oriented = self._eights_are_oriented(len(self.eights))
        column = columns.rare.setdefault("obb" if oriented else "segmentation", [])
        column.extend([None] * (len(columns) - len(column)))
        for at in self.eights:
            raw = columns.raw[at] or ""
            if not oriented:
                column[at] = raw
            elif not np.isnan(scale[at, 0]):
                with np.errstate(invalid="ignore", over="ignore"):
                    corners = np.array(raw.split(), dtype=np.float64).reshape(4, 2) * scale[at]
                column[at] = corners.ravel().tolist()
