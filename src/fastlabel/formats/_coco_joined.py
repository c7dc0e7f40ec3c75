"""Files of columns joined into one data set: what ``_coco_rows`` does, a column at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import schema
from ..dataset import null_column
from ._arrow_parts import repeated
from ._build import NOT_KNOWN, Builder
from ._coco_keys import BLOCK, IdTable, Keys, repeats
from ._coco_paths import ImageFinder, Places, find_all
from ._coco_rows import Joined, split_of
from ._coco_table import CocoTable
from ._paths import Tree, split_of_path
from ._text import clean, quote

__all__ = ["TableBuilder", "TableRows"]

_LABELLED, _EMPTY = "labelled", "labelled_empty"


class TableBuilder(Builder):
    """A builder that takes whole columns; single images may follow them."""

    def __init__(self, tree: Tree, format: str) -> None:
        super().__init__(tree, format)
        #: pieces of ``images`` without ``image_id`` and ``label_state``
        self.image_parts: list[dict[str, pa.Array]] = []
        self.image_places: list[Places] = []
        self.image_count = 0
        #: which of them have boxes
        self.labelled: list[npt.NDArray[np.bool_]] = []
        self.unlabelled = False
        self.annotation_parts: list[tuple[int, dict[str, Any]]] = []
        self.annotation_count = 0

    def set_unlabelled(self) -> None:
        """Say of every image so far that it was never annotated."""
        self.unlabelled = True

    def image_paths(self) -> list[str | None]:
        """Where each image is; of the columns only the odd ones where no picture can be one."""
        found: list[str | None] = []
        for places in self.image_places:
            found += places.to_list() if self.tree.images else list(places.raw.values())
        return found + self.images["path"]

    def _image_table(self) -> pa.Table:
        rest = super()._image_table()
        if not self.image_parts:
            return rest
        states = []
        for labelled in self.labelled:
            of_each = pa.array(["unlabelled"] if self.unlabelled else [_EMPTY, _LABELLED])
            states.append(of_each.take(pa.array(labelled.astype(np.int8) * (not self.unlabelled))))
        columns = [pa.array(np.arange(self.image_count + rest.num_rows, dtype=np.int64))]
        for name in schema.IMAGES.names[1:]:
            parts = states if name == "label_state" else [p.pop(name) for p in self.image_parts]
            columns.append(_one([*parts, *rest[name].chunks]))
        return pa.Table.from_arrays(columns, schema=schema.IMAGES)

    def _annotation_table(self) -> pa.Table:
        columns = [pa.array(np.arange(self.annotation_count, dtype=np.int64))]
        for field in list(schema.ANNOTATIONS)[1:]:
            parts = []
            for rows, part in self.annotation_parts:
                column = part.pop(field.name, None)
                parts.append(null_column(rows, field.type) if column is None else column)
            columns.append(_one(parts) if parts else pa.array([], field.type))
        return pa.Table.from_arrays(columns, schema=schema.ANNOTATIONS)


def _one(parts: list[Any]) -> pa.Array | pa.ChunkedArray:
    """One column of several; what is in one piece already is not copied."""
    chunks: list[pa.Array] = []
    for part in parts:
        chunks += part.chunks if isinstance(part, pa.ChunkedArray) else [part]
    full = [chunk for chunk in chunks if len(chunk)] or chunks[:1]
    return full[0] if len(full) == 1 else pa.chunked_array(full).combine_chunks()


class TableRows(Joined[CocoTable]):
    """Appends one file of columns after the other to a builder."""

    builder: TableBuilder

    # --- images ---

    def _add_images(self, file: CocoTable) -> IdTable:
        split = split_of(file)
        names = file.image_columns["file_name"]
        finder = ImageFinder(self.tree, file.path, split)
        places = find_all(finder, names, file.image_plain, file.image_names_raw)
        splits = _splits(file, split)
        notes: list[tuple[int, Callable[[], None]]] = []
        first = self.builder.image_count
        count = len(names)
        if self.several or _has_repeats(places.paths):
            rows, new = self._rows_of(file, places, splits, notes)
        else:
            rows, new = first + np.arange(count, dtype=np.int64), None
            for row in np.flatnonzero(np.asarray(pc.is_null(places.paths))).tolist():
                notes.append((row, self._escape_note(file, row, int(rows[row]))))
        self._append_images(file, places, splits, new)
        ids = IdTable(file.image_ids, rows)
        for row in ids.repeats:
            notes.append((row, self._repeat_note(file, row, int(rows[row]))))
        for _, note in sorted(notes, key=lambda item: item[0]):
            note()
        # Of a million images these are megabytes, and nothing needs them any more.
        file.image_ids = Keys(np.zeros(0, dtype=np.int64))
        file.image_index = np.zeros(0, dtype=np.int64)
        file.image_plain = np.zeros(0, dtype=np.bool_)
        return ids

    def _append_images(
        self,
        file: CocoTable,
        places: Places,
        splits: pa.Array,
        new: npt.NDArray[np.int64] | None,
    ) -> None:
        builder = self.builder
        columns = {**file.image_columns, "path": places.paths, "split": splits}
        if new is not None:
            columns = {name: column.take(pa.array(new)) for name, column in columns.items()}
            at = {int(row): k for k, row in enumerate(new.tolist())}
            raw = {at[row]: path for row, path in places.raw.items() if row in at}
            places = Places(columns["path"], raw)
        sized = pc.is_valid(columns["width"])
        columns["size_source"] = pc.if_else(sized, "declared", pa.scalar(None, pa.string()))
        builder.image_parts.append(columns)
        builder.image_places.append(places)
        builder.image_count += len(columns["path"])
        builder.labelled.append(np.zeros(len(columns["path"]), dtype=bool))

    def _rows_of(
        self,
        file: CocoTable,
        places: Places,
        splits: pa.Array,
        notes: list[tuple[int, Callable[[], None]]],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Row of each image, and which of them are new: other files may have listed the rest."""
        paths = places.to_list()
        rows = np.zeros(len(paths), dtype=np.int64)
        new = []
        after = self.builder.image_count
        for at, (path, split) in enumerate(zip(paths, splits.to_pylist(), strict=True)):
            row = self._shared_row(file, split, path)
            if row is None:
                row = after
                after += 1
                new.append(at)
                if path is None:
                    notes.append((at, self._escape_note(file, at, row)))
                else:
                    first = self.images.setdefault((split, path), row)
                    self.image_owner[row] = file
                    if first != row:
                        notes.append((at, self._listed_note(file, at, row)))
            rows[at] = row
        return rows, np.array(new, dtype=np.int64)

    def _place(self, file: CocoTable, at: int) -> dict[str, Any]:
        return {"file": file.path, "pointer": f"/images/{file.image_index[at]}"}

    def _name(self, file: CocoTable, at: int) -> str:
        raw = file.image_names_raw.get(at)
        return raw if raw is not None else str(file.image_columns["file_name"][at])

    def _escape_note(self, file: CocoTable, at: int, row: int) -> Callable[[], None]:
        return lambda: self.builder.escape(
            self._name(file, at), image_id=row, **self._place(file, at)
        )

    def _listed_note(self, file: CocoTable, at: int, row: int) -> Callable[[], None]:
        name = self._name(file, at)
        return lambda: self.builder.problem(
            "duplicate-id",
            f"{quote(name)} is listed twice, so one picture has two records; "
            "keep one and give it all boxes",
            value=name,
            image_id=row,
            **self._place(file, at),
        )

    def _repeat_note(self, file: CocoTable, at: int, row: int) -> Callable[[], None]:
        key = file.image_columns["source_id"][at].as_py()
        return lambda: self.builder.problem(
            "duplicate-id",
            f"the image id {quote(key)} is given twice; annotations go to the "
            "first image: renumber the other",
            value=key,
            image_id=row,
            **self._place(file, at),
        )

    # --- annotations ---

    def _add_annotations(
        self, file: CocoTable, file_index: int, ids: IdTable, classes: dict[Any, int]
    ) -> None:
        builder = self.builder
        columns = file.columns
        kept = None
        image_id = ids.match(file.image_key)
        if len(image_id) and int(image_id.min()) < 0:
            self._note_orphans(file, np.flatnonzero(image_id < 0).tolist(), ids)
            kept = np.flatnonzero(image_id >= 0)
            image_id = image_id[kept]
            columns = {name: column.take(pa.array(kept)) for name, column in columns.items()}
        codes = file.category_code if kept is None else file.category_code[kept]
        category_id, unknown = _class_ids(codes, file.category_keys, classes)
        first = builder.annotation_count
        count = len(image_id)
        columns = dict(columns)
        pointers, raw = columns.pop("pointer", None), columns.pop("raw", None)
        source_ids = columns.get("source_id")
        columns["image_id"] = pa.array(image_id)
        columns["category_id"] = pa.array(category_id, mask=unknown)
        if count:
            columns["origin"] = pa.StructArray.from_arrays(
                [repeated(clean(file.path), count), null_column(count, pa.int32()), pointers, raw],
                fields=list(schema.ORIGIN),
            )
            builder.annotation_parts.append((count, columns))
        builder.annotation_count += count
        self._mark_labelled(image_id)
        for bad in file.bad:  # an annotation that could not be read is no checked negative
            if bad.pointer.startswith("/annotations/") and bad.image_key is not None:
                row = ids.get(bad.image_key)
                if row is not None:
                    self._mark_labelled(np.array([row], dtype=np.int64))
        self._note_ids(file, kept, codes, unknown, image_id, pointers, source_ids, first)

    def _mark_labelled(self, image_id: npt.NDArray[np.int64]) -> None:
        start = 0
        for labelled in self.builder.labelled:
            for at in range(0, len(image_id), BLOCK):
                rows = image_id[at : at + BLOCK] - start
                if len(self.builder.labelled) > 1:
                    rows = rows[(rows >= 0) & (rows < len(labelled))]
                labelled[rows] = True
            start += len(labelled)

    def _note_orphans(self, file: CocoTable, rows: list[int], ids: IdTable) -> None:
        """Name every box whose image is not in the file."""
        pointers = file.columns["pointer"]
        for row in rows:
            key = file.odd_image_keys.get(row)
            if key is None:
                key = file.image_key.value(row)
            twin: int | str | None = None
            if isinstance(key, str) and key.isascii() and key.isdigit():
                twin = int(key)
            elif isinstance(key, int):
                twin = str(key)
            known = twin is not None and ids.get(twin) is not None
            hint = f"; there is {twin!r}, of another type" if known else ""
            self.builder.problem(
                "orphan-annotation",
                f"image_id {quote(key) if not isinstance(key, str) else repr(key)[:80]} is no "
                f"image of this file{hint}; add the image or remove the annotation",
                file=file.path,
                pointer=pointers[row].as_py(),
                value=key,
            )

    def _note_ids(
        self,
        file: CocoTable,
        kept: npt.NDArray[np.int64] | None,
        codes: npt.NDArray[np.int32],
        unknown: npt.NDArray[np.bool_] | None,
        image_id: npt.NDArray[np.int64],
        pointers: pa.Array | None,
        source_ids: pa.Array | None,
        first: int,
    ) -> None:
        notes: list[tuple[int, int, str, str, Any]] = []
        if unknown is not None:
            for row in np.flatnonzero(unknown).tolist():
                code = int(codes[row])
                key = None if code < 0 else file.category_keys[code]
                notes.append(
                    (
                        row,
                        0,
                        "unknown-category",
                        f"category_id {quote(key)} is not declared under categories; "
                        "declare it or correct the annotation",
                        key,
                    )
                )
        ids = file.annotation_ids
        if ids is not None and pointers is not None and source_ids is not None:
            own = ids if kept is None else ids.take(kept)
            for row, first_row in repeats(own).items():
                key = source_ids[row].as_py()
                notes.append(
                    (
                        row,
                        1,
                        "duplicate-id",
                        f"the annotation id {quote(key)} is given twice "
                        f"(first at {pointers[first_row].as_py()}); renumber one",
                        key,
                    )
                )
        for row, _, kind, message, value in sorted(notes, key=lambda note: note[:2]):
            self.builder.problem(
                kind,
                message,
                value=value,
                file=file.path,
                pointer=None if pointers is None else pointers[row].as_py(),
                image_id=int(image_id[row]),
                annotation_id=first + row,
            )


def _splits(file: CocoTable, split: str | None) -> pa.Array:
    """The split of each image: the file's, or the one that its folder names."""
    names = file.image_columns["file_name"]
    if split:
        return pa.repeat(clean(split), len(names))
    if not len(names) or not pc.any(pc.match_substring_regex(names, r"[/\\]")).as_py():
        return null_column(len(names), pa.string())
    found: dict[str, str | None] = {}
    out = []
    for row, name in enumerate(names.to_pylist()):
        folder = file.image_names_raw.get(row, name).replace("\\", "/").rpartition("/")[0]
        if folder not in found:
            found[folder] = split_of_path(folder + "/")
        out.append(found[folder])
    return pa.array(out, pa.string())


def _has_repeats(paths: pa.Array) -> bool:
    # Most files list their images in order: nothing needs to be remembered then.
    pairs = range(0, len(paths) - 1, BLOCK)
    sizes = (min(BLOCK, len(paths) - 1 - at) for at in pairs)
    rising = paths.null_count == 0 and all(
        pc.all(pc.less(paths.slice(at, n), paths.slice(at + 1, n))).as_py()
        for at, n in zip(pairs, sizes, strict=True)
    )
    return not rising and bool(pc.count_distinct(paths).as_py() != len(paths) - paths.null_count)


def _class_ids(
    codes: npt.NDArray[np.int32], keys: list[Any], classes: dict[Any, int]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_] | None]:
    """Dense class ids, in the place of the codes where they can be, and which are unknown."""
    dense = np.full(len(keys) + 1, NOT_KNOWN, dtype=np.int32)  # the last one: no id at all
    for code, key in enumerate(keys):
        if not isinstance(key, list | dict):
            dense[code] = classes.get(key, NOT_KNOWN)
    if bool(np.all(dense[:-1] >= 0)) and (not len(codes) or int(codes.min()) >= 0):
        for at in range(0, len(codes), BLOCK):
            codes[at : at + BLOCK] = dense[codes[at : at + BLOCK]]
        return codes, None
    found = dense[codes]
    return found, found == NOT_KNOWN
