"""Objects of Pascal VOC files edited in place, and the lists in ``ImageSets``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from ..dataset import Dataset, DatasetError
from ._change import Change, Edited, load_text
from ._label_files import LabelFiles
from ._paths import stem
from ._text import TextFile, quote
from ._voc_file import MAX_BYTES, number
from ._write_voc import no_xml, number_text, plus_one, single

__all__ = ["VocEditor"]

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_SET_LINE = re.compile(r"(.*\S)\s+(?:-1|0|1)")
_DECLARED = re.compile(r"""^\s*<\?xml[^>]*encoding\s*=\s*["']([\w.-]+)["']""")


@dataclass
class _Node:
    """An element of the text, by byte positions."""

    tag: str
    start: int
    inner: int = 0  # after the start tag
    close: int = 0  # before the end tag
    end: int = 0
    children: list[_Node] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)  # its text before the first child
    attributes: dict[str, str] = field(default_factory=dict)

    def child(self, tag: str) -> _Node | None:
        return next((c for c in self.children if c.tag == tag), None)

    @property
    def text(self) -> str | None:
        return "".join(self.parts).strip() or None


def _tree(data: bytes) -> _Node:
    """The elements of a UTF-8 text; no entity is resolved and nothing fetched."""
    root = _Node("", 0)
    open_: list[_Node] = [root]
    parser = expat.ParserCreate("utf-8")

    def start(tag: str, attributes: dict[str, str]) -> None:
        node = _Node(tag, parser.CurrentByteIndex, attributes=attributes)
        # To the end of the start tag: quotes may hold a '>'.
        node.inner = _tag_end(data, node.start)
        open_[-1].children.append(node)
        open_.append(node)

    def end(_tag: str) -> None:
        node = open_.pop()
        at = parser.CurrentByteIndex
        if data[node.inner - 2 : node.inner] == b"/>" and at in (node.start, node.inner):
            node.close = node.end = node.inner
        else:
            node.close, node.end = at, data.index(b">", at) + 1

    def text(piece: str) -> None:
        if not open_[-1].children:
            open_[-1].parts.append(piece)

    def refuse(*_: Any) -> None:
        raise ValueError("has a DOCTYPE")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(data, True)
    return root.children[0]


def _tag_end(data: bytes, at: int) -> int:
    quote_mark = 0
    while True:
        byte = data[at]
        if quote_mark:
            quote_mark = 0 if byte == quote_mark else quote_mark
        elif byte in b"\"'":
            quote_mark = byte
        elif byte == ord(">"):
            return at + 1
        at += 1


class _Patch:
    """Pieces of a text that are replaced, all at once at the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pieces: list[tuple[int, int, bytes]] = []

    def replace(self, start: int, end: int, text: str) -> None:
        self.pieces.append((start, end, text.encode()))

    def done(self) -> bytes:
        out, at = [], 0
        for start, end, text in sorted(self.pieces, key=lambda piece: piece[:2]):
            out += [self.data[at:start], text]
            at = end
        return b"".join([*out, self.data[at:]])


class VocEditor:
    """Edits the XML files and the lists of a set."""

    def __init__(self, ds: Dataset, labels: LabelFiles) -> None:
        self.ds = ds
        self.labels = labels
        self.low = plus_one if ds.meta.get("inclusive") else number_text
        self.names: list[str] = ds.categories["name"].to_pylist()

    def why_not(self, change: Change) -> str | None:
        """Why a change cannot be made; None where it can."""
        if change.action == "add_box" and self.labels.of(change.image_id) is None:
            return "the image has no label file; label it first, in the tool of your choice"
        return None

    def _origin(self, row: int) -> dict[str, Any]:
        found: dict[str, Any] = self.ds.annotations["origin"][row].as_py()
        return found

    def edits(self, changes: Sequence[Change]) -> Iterator[Edited]:
        """All files that differ afterwards."""
        gone = {c.image_id for c in changes if c.action == "drop_image"}
        by_file: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            if change.action == "drop_image":
                continue
            row = change.annotation_id
            path = self.labels.of(change.image_id) if row is None else self._origin(row)["file"]
            by_file[self.labels.tree.real(path or "")].append(change)
        for path, wanted in by_file.items():
            yield self._file(path, wanted)
        if gone:
            yield from self._removed(gone)

    # --- one file -----------------------------------------------------------------------

    def _file(self, path: str, changes: list[Change]) -> Edited:
        original = (self.ds.root / path).read_bytes()
        file = self._text(path, original)
        data = file.text.encode()
        try:
            root = _tree(data)
        except (expat.ExpatError, ValueError, IndexError) as error:
            raise DatasetError(f"{self.ds.root / path}: cannot be edited: {error}") from error
        objects = [node for node in root.children if node.tag == "object"]
        readable = [node for node in objects if _box_words(node) is not None]
        patch = _Patch(data)
        by_row: dict[int, list[Change]] = defaultdict(list)
        added = []
        for change in changes:
            if change.annotation_id is None:
                added.append(change)
            else:
                by_row[change.annotation_id].append(change)
        index_of = self._index_of(path, readable, list(by_row))
        for row, wanted in by_row.items():
            self._edit(patch, readable[index_of[row]], wanted)
        if added:
            self._add(patch, root, objects, added)
        # A class that the file's own encoding cannot write becomes character references.
        text = patch.done().decode().encode(file.encoding, "xmlcharrefreplace")
        return Edited(path, original, file.mark + text)

    def _text(self, path: str, data: bytes) -> TextFile:
        """The text; where no mark says so, in the encoding that its declaration names."""
        head = _DECLARED.match(data[:200].decode("latin-1"))
        encoding = head.group(1).lower() if head else "utf-8"
        if encoding in ("utf-8", "utf8", "us-ascii", "ascii", "utf-16"):
            return load_text(self.ds, path, MAX_BYTES)
        try:
            return TextFile(data.decode(encoding), b"", encoding)
        except (LookupError, UnicodeDecodeError) as error:
            raise DatasetError(
                f"{self.ds.root / path}: is not {encoding} text, as it says; save it as UTF-8"
            ) from error

    def _index_of(self, path: str, readable: list[_Node], rows: list[int]) -> dict[int, int]:
        """Which object of the file each annotation is: its place among those of its image."""
        found = {}
        for row in rows:
            image = self.ds.annotations["image_id"][row].as_py()
            mine = [
                r
                for r in self.labels.rows_of(image)
                if self.labels.tree.real(self._origin(r)["file"]) == path
            ]
            at = mine.index(row)
            raw = self._origin(row)["raw"]
            name = self.ds.annotations["source_category"][row].as_py()
            node = readable[at] if at < len(readable) else None
            if node is None or _box_words(node) != raw or _name(node) != name:
                raise DatasetError(
                    f"{self.ds.root / path}: its object {at} is not {quote(f'{name} {raw}')} any "
                    "more; read the set and make the plan again"
                )
            found[row] = at
        return found

    def _edit(self, patch: _Patch, node: _Node, changes: list[Change]) -> None:
        for change in changes:
            if change.action == "drop_box":
                _remove(patch, node)
            elif change.action == "relabel":
                _set(patch, node, "name", _text(self.names[change.category_id or 0]))
            elif change.action == "replace_box":
                corners = node.child("bndbox")
                assert corners is not None
                for tag, text in zip(_CORNERS, self._corners(change), strict=True):
                    _set(patch, corners, tag, text)
            elif change.action == "set_weight":
                _set(patch, node, "weight", single(change.weight or 0.0))
            elif change.action == "mark_ignore":
                _set(patch, node, "ignore", "1")
                hard = node.child("difficult")
                if hard is None or number(hard.text) in (None, 0.0):
                    # The nearest that other readers of VOC know.
                    _set(patch, node, "difficult", "1", ' by="ignore"')

    def _corners(self, change: Change) -> list[str]:
        assert change.box is not None
        x1, y1, x2, y2 = change.box
        return [self.low(x1), self.low(y1), number_text(x2), number_text(y2)]

    def _add(self, patch: _Patch, root: _Node, objects: list[_Node], changes: list[Change]) -> None:
        data = patch.data
        last = objects[-1] if objects else None
        if last is not None:
            space, at = _space_before(data, last.start), last.end
            inner = _space_before(data, last.children[0].start) if last.children else space
            box = last.child("bndbox")
            deep = inner
            if box is not None and box.children:
                deep = _space_before(data, box.children[0].start)
        else:
            known = root.children[-1] if root.children else None
            space = _space_before(data, known.start) if known else "\n  "
            step = space.rpartition("\n")[2] if "\n" in space else ""
            inner, deep = space + step, space + step + step
            at = known.end if known else root.inner
        out = []
        for change in changes:
            corners = [
                f"{deep}<{tag}>{text}</{tag}>"
                for tag, text in zip(_CORNERS, self._corners(change), strict=True)
            ]
            out += [
                f"{space}<object>",
                f"{inner}<name>{_text(self.names[change.category_id or 0])}</name>",
                f"{inner}<difficult>0</difficult>",
                f"{inner}<bndbox>",
                *corners,
                f"{inner}</bndbox>",
                f"{space}</object>",
            ]
        if root.close == root.end and not root.children:  # <annotation/>
            raise DatasetError("an empty <annotation/> has no place for an object")
        patch.replace(at, at, "".join(out))

    # --- images that go -----------------------------------------------------------------

    def _removed(self, gone: set[int]) -> Iterator[Edited]:
        """XML files of images that go from every split, and the lines of the lists."""
        paths = self.ds.images["path"].to_pylist()
        splits = self.ds.images["split"].to_pylist()
        kept = {p for at, p in enumerate(paths) if at not in gone and p is not None}
        done = set()
        places: list[_Listed] = []
        for image in sorted(gone):
            files = self.labels.all_of(image)
            names = files or [paths[image] or ""]
            leaves = paths[image] not in kept
            places += [_Listed(name, stem(name), splits[image], leaves) for name in names]
            for label in files if leaves else ():
                real = self.labels.tree.real(label)
                if real not in done and (self.ds.root / real).is_file():
                    done.add(real)
                    data = (self.ds.root / real).read_bytes()
                    yield Edited(real, data, None, data)
        for path in self.labels.tree.files_of(".txt"):
            folder, mark, _ = f"/{path}".rpartition("/ImageSets/")
            edited = self._list(path, folder.lstrip("/"), places) if mark else None
            if edited is not None:
                yield edited

    def _list(self, path: str, folder: str, places: list[_Listed]) -> Edited | None:
        """A list of the set in a folder, without the images that go from it."""
        prefix = folder + "/" if folder else ""
        mine = [place for place in places if place.path.startswith(prefix)]
        # Lists of a class (cat_train.txt), of trainval and of other tasks name it too.
        wanted = {p.stem for p in mine if p.leaves or p.split == stem(path)}
        if not wanted:
            return None
        file = load_text(self.ds, path, MAX_BYTES)
        lines = file.text.splitlines(keepends=True)
        cut: list[str] = []
        rest: list[str] = []
        for line in lines:
            match = _SET_LINE.fullmatch(line.strip())
            said = match.group(1) if match else line.strip()
            (cut if said in wanted else rest).append(line)
        if not cut:
            return None
        before = (self.ds.root / path).read_bytes()
        return Edited(path, before, file.encode("".join(rest)), file.encode("".join(cut)))


@dataclass(frozen=True)
class _Listed:
    """An image that goes, as lists name it."""

    path: str  # of its label file, or its own
    stem: str
    split: str | None
    leaves: bool  # from every split


def _box_words(node: _Node) -> str | None:
    """The box of an object as the reader keeps it; None where it keeps none."""
    corners = node.child("bndbox")
    if corners is None:
        return None
    inner = [corners.child(tag) for tag in _CORNERS]
    words = [None if c is None else c.text for c in inner]
    if any(number(word) is None for word in words):
        return None
    return " ".join(str(word) for word in words)


def _name(node: _Node) -> str | None:
    child = node.child("name")
    return None if child is None else child.text


def _space_before(data: bytes, at: int) -> str:
    """The line break and indentation in front of an element."""
    start = at
    while start > 0 and data[start - 1] in b" \t\r\n":
        start -= 1
    space = data[start:at].decode()
    mark = space.rfind("\n")
    return space if mark < 0 else ("\r\n" if "\r\n" in space else "\n") + space[mark + 1 :]


def _remove(patch: _Patch, node: _Node) -> None:
    space = len(_space_before(patch.data, node.start).encode())
    patch.replace(node.start - space, node.end, "")


def _set(patch: _Patch, node: _Node, tag: str, text: str, attributes: str = "") -> None:
    """Give a child its text, and make the child where there is none."""
    child = node.child(tag)
    if child is None:
        last = node.children[-1] if node.children else None
        space = _space_before(patch.data, last.start) if last else ""
        at = last.end if last else node.inner
        patch.replace(at, at, f"{space}<{tag}{attributes}>{text}</{tag}>")
    elif attributes or child.children or child.close == child.end:
        patch.replace(child.start, child.end, f"<{tag}{attributes}>{text}</{tag}>")
    else:
        inner = patch.data[child.inner : child.close]
        head = len(inner) - len(inner.lstrip())
        tail = len(inner) - len(inner.rstrip()) if inner.strip() else 0
        patch.replace(child.inner + head, child.close - tail, text)


def _text(value: str) -> str:
    return escape(no_xml(value))
