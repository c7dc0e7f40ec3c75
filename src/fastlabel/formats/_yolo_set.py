"""What makes a folder a YOLO set: ``data.yaml``, ``obj.data``, or its layout alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ._paths import Tree, parent, stem
from ._text import MIB, LabelFileError, decode, quote, read_bytes, read_text

if TYPE_CHECKING:
    import yaml

__all__ = [
    "Declaration",
    "Problem",
    "candidates",
    "find_declaration",
    "has_labels",
    "label_layout",
    "load_declaration",
    "load_names",
]

MAX_YAML = 4 * MIB

#: Begins the key of a split that trainers have no name for: ``split-night: images/night``.
OTHER_SPLIT = "split-"

_KEY = re.compile(r"^(path|train|val|validation|test|names|nc)\s*:", re.MULTILINE)
_DATA_KEY = re.compile(r"^\s*(classes|train|valid|names|backup)\s*=", re.MULTILINE)
_NAME_FILES = ("classes.txt", "obj.names", "names.txt", "_darknet.labels", "predefined_classes.txt")
_NOTHING = frozenset(("", "~", "null", "Null", "NULL", "None", "none"))
_ROW = re.compile(r"\s*\d+(?:\.0*)?(?:\s+[-+]?[\d.]+(?:[eE][-+]?\d+)?){4,}\s*")


@dataclass
class Problem:
    """Something wrong in the declaration itself."""

    kind: str
    message: str
    line: int | None = None
    value: str | None = None


@dataclass
class Declaration:
    """What a ``data.yaml`` or ``obj.data`` says."""

    file: str
    #: (split, [(folder or list file as written, line), ...])
    splits: list[tuple[str, list[tuple[str, int]]]] = field(default_factory=list)
    base: tuple[str, int] | None = None  # the value of `path`
    #: (id as written, name); None: no names are given
    names: list[tuple[str, str]] | None = None
    names_file: str | None = None
    keypoints: int = 0  # numbers of a row that belong to keypoints
    task: str | None = None
    problems: list[Problem] = field(default_factory=list)


def find_declaration(tree: Tree) -> str | None:
    """The shallowest file that declares a YOLO set, ``data.yaml`` before other names."""

    def rank(path: str) -> tuple[int, bool, str]:
        return path.count("/"), stem(path) not in ("data", "dataset"), path

    for path in sorted(tree.files_of(".yaml", ".yml"), key=rank):
        if len(set(_KEY.findall(_head(tree.path(path))))) >= 2:
            return path
    for path in sorted(tree.files_of(".data"), key=rank):
        if len(set(_DATA_KEY.findall(_head(tree.path(path))))) >= 2:
            return path
    return None


def find_named(tree: Tree) -> str | None:
    """The shallowest ``data.yaml``, whatever is in it: where it is broken, that must be said."""
    names = [p for p in tree.files_of(".yaml", ".yml") if stem(p) in ("data", "dataset")]
    return min(names, key=lambda path: (path.count("/"), path), default=None)


def _head(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(1 << 16)
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return decode(data[: len(data) // 4 * 4])
        return data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    except (OSError, LabelFileError):
        return ""


# --- declarations -----------------------------------------------------------------------


def load_declaration(tree: Tree, path: str) -> Declaration:
    """Read a ``data.yaml`` or an ``obj.data``.

    Raises
    ------
    LabelFileError
        If it cannot be parsed.
    """
    text = read_text(tree.path(path), MAX_YAML)
    return _load_data(path, text) if path.endswith(".data") else _load_yaml(path, text)


def _load_yaml(path: str, text: str) -> Declaration:
    import yaml

    try:
        # Nodes, not objects: every scalar stays text (a class may be called `no`), tags
        # have no effect, and each value knows its line.
        top = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = " ".join(str(getattr(error, "problem", None) or error).split())
        hint = (
            " (in double quotes a backslash begins an escape: use single quotes)"
            if "escape" in what
            else ""
        )
        raise LabelFileError(
            f"is not valid YAML: {what}{hint}", line=mark.line + 1 if mark else None
        ) from error
    except RecursionError as error:
        raise LabelFileError("is not valid YAML: nested too deeply") from error
    if not isinstance(top, yaml.MappingNode):
        raise LabelFileError("is no mapping; expected keys such as train, val and names", line=1)
    values: dict[str, tuple[yaml.Node, yaml.Node]] = {
        key.value: (key, value) for key, value in top.value if isinstance(key, yaml.ScalarNode)
    }
    result = Declaration(path)
    for key, (key_node, node) in values.items():
        line = key_node.start_mark.line + 1
        if key == "path":
            words = _words(node)
            result.base = words[0] if words else None
        elif key in ("train", "val", "validation", "test"):
            if words := _words(node):
                result.splits.append(("val" if key == "validation" else key, words))
        elif key.startswith(OTHER_SPLIT) and (words := _words(node)):
            result.splits.append((key.removeprefix(OTHER_SPLIT), words))
        elif key == "download":
            result.problems.append(_refuse_download(node, line))
    known = ("train", "val", "test")
    result.splits.sort(key=lambda i: known.index(i[0]) if i[0] in known else len(known))
    result.names = _names(values, result)
    result.keypoints = _keypoints(values)
    task = values.get("task")
    result.task = _words(task[1])[0][0] if task and _words(task[1]) else None
    return result


def _refuse_download(node: yaml.Node, line: int) -> Problem:
    words = _words(node)
    return Problem(
        "refused",
        "the 'download' field holds a script or an address that some trainers run; "
        "it is never run here: remove it from a set you did not make yourself",
        line,
        words[0][0] if words else None,
    )


def _words(node: yaml.Node) -> list[tuple[str, int]]:
    """The scalars of a value or of a list of values, with their lines; blanks left out."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        if node.value.strip() in _NOTHING:
            return []
        return [(node.value, node.start_mark.line + 1)]
    if isinstance(node, yaml.SequenceNode):
        return [
            word
            for item in node.value
            if isinstance(item, yaml.ScalarNode)
            for word in _words(item)
        ]
    return []


def _names(
    values: dict[str, tuple[yaml.Node, yaml.Node]], result: Declaration
) -> list[tuple[str, str]] | None:
    import yaml

    count = _count(values, result)
    entry = values.get("names")
    if entry is None:
        return None if count is None else [(str(i), str(i)) for i in range(count)]
    node, line = entry[1], entry[0].start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        names = [(str(i), _scalar(item)) for i, item in enumerate(node.value)]
    elif isinstance(node, yaml.MappingNode):
        names = _named_by_id(node, result)
    else:
        result.problems.append(
            Problem("class-count", "names is neither a list nor a mapping", line, _scalar(node))
        )
        names = [("0", _scalar(node))] if _scalar(node) not in _NOTHING else []
    if count is not None and count != len(names):
        result.problems.append(
            Problem(
                "class-count",
                f"nc is {count} but names has {len(names)} entries; make them agree",
                values["nc"][0].start_mark.line + 1,
                str(count),
            )
        )
    return names


def _scalar(node: yaml.Node) -> str:
    return node.value if isinstance(node.value, str) else "?"


def _named_by_id(node: yaml.MappingNode, result: Declaration) -> list[tuple[str, str]]:
    names: dict[int, str] = {}
    for key, value in node.value:
        word, line = _scalar(key), key.start_mark.line + 1
        if not (word.isascii() and word.isdigit() and len(word) <= 9):
            result.problems.append(
                Problem(
                    "class-count",
                    f"the key {quote(word)} of names is no class number; use 0, 1, 2, ...",
                    line,
                    word,
                )
            )
            continue
        if int(word) in names:
            result.problems.append(
                Problem(
                    "duplicate-id",
                    f"class {word} is named twice; the last name counts",
                    line,
                    word,
                )
            )
        names[int(word)] = _scalar(value)
    if names and sorted(names) != list(range(len(names))):
        gap = next(i for i in range(len(names)) if i not in names)
        result.problems.append(
            Problem(
                "class-count",
                f"names has no entry for class {gap}; trainers need 0 to "
                f"{len(names) - 1} without a gap",
                node.start_mark.line + 1,
                str(gap),
            )
        )
    return [(str(index), names[index]) for index in sorted(names)]


def _count(values: dict[str, tuple[yaml.Node, yaml.Node]], result: Declaration) -> int | None:
    entry = values.get("nc")
    if entry is None:
        return None
    word = _scalar(entry[1])
    if word.isascii() and word.isdigit() and 0 < len(word) <= 6:
        return int(word)
    if word not in _NOTHING:
        result.problems.append(
            Problem(
                "class-count",
                f"nc is {quote(word)}, not a number of classes",
                entry[0].start_mark.line + 1,
                word,
            )
        )
    return None


def _keypoints(values: dict[str, tuple[yaml.Node, yaml.Node]]) -> int:
    entry = values.get("kpt_shape")
    shape = [word for word, _ in _words(entry[1])] if entry else []
    if len(shape) == 2 and all(w.isascii() and w.isdigit() and len(w) < 5 for w in shape):
        return int(shape[0]) * int(shape[1])
    return 0


def _load_data(path: str, text: str) -> Declaration:
    result = Declaration(path)
    for number, line in enumerate(text.splitlines(), 1):
        key, mark, value = (part.strip() for part in line.partition("="))
        if not mark or not value:
            continue
        if key in ("train", "valid", "test"):
            result.splits.append(("val" if key == "valid" else key, [(value, number)]))
        elif key == "names":
            result.names_file = value
    result.splits.sort(key=lambda item: ("train", "val", "test").index(item[0]))
    return result


def load_names(tree: Tree) -> tuple[str, list[tuple[str, str]]] | None:
    """Class names of a set without ``data.yaml``: one a line of a well-known file."""
    candidates = [
        path
        for path in tree.files_of(".txt", ".names")
        if path.rpartition("/")[2] in _NAME_FILES or path.endswith(".names")
    ]
    for path in sorted(candidates, key=lambda path: (path.count("/"), path)):
        names = names_of(tree, path)
        if names:
            return path, names
    return None


def names_of(tree: Tree, path: str) -> list[tuple[str, str]] | None:
    """The lines of a names file; a blank line at the end is no class."""
    try:
        lines = read_text(tree.path(path), MAX_YAML).rstrip().splitlines()
    except LabelFileError:
        return None
    return [(str(index), line.strip()) for index, line in enumerate(lines)]


def candidates(tree: Tree, bases: list[str], word: str) -> list[str]:
    """Readings of a place, the trainer's first; only those inside the root."""
    text = word.replace("\\", "/") if word not in tree.image_set else word
    readings = [text]
    for prefix in ("../", "data/"):  # one too many in many exports
        if text.startswith(prefix):
            readings.append(text[len(prefix) :])
    found = [tree.inside(base, reading) for reading in readings for base in bases]
    return list(dict.fromkeys(path for path in found if path is not None))


# --- layouts ----------------------------------------------------------------------------

Layout = Callable[[str], str | None]


def in_labels_folder(image: str) -> str | None:
    """The trainer's rule: the last ``images`` folder becomes ``labels``."""
    head, mark, tail = f"/{image}".rpartition("/images/")
    return f"{head}/labels/{_txt(tail)}"[1:] if mark else None


def beside_image(image: str) -> str | None:
    """The txt file in the image's own folder."""
    return _txt(image)


def _txt(image: str) -> str:
    folder, slash, name = image.rpartition("/")
    return f"{folder}{slash}{stem(name)}.txt"


def label_layout(tree: Tree) -> tuple[str, Layout]:
    """Where this set keeps its labels: the trainer's rule, unless it finds none at all."""
    labels = frozenset(tree.files_of(".txt"))

    def trainer(image: str) -> str | None:
        return in_labels_folder(image) or beside_image(image)

    if any(trainer(image) in labels for image in tree.images):
        return "labels", trainer
    if any(beside_image(image) in labels for image in tree.images):
        return "beside the images", beside_image
    by_stem = _by_unique_stem(tree, labels)
    if by_stem is not None:
        return "by name", by_stem
    return "labels", trainer


def _by_unique_stem(tree: Tree, labels: frozenset[str]) -> Layout | None:
    """Labels in a folder of their own with another name, found by stem where it is unique."""
    counts = Counter(stem(path) for path in labels)
    known = {
        stem(path): path
        for path in labels
        if counts[stem(path)] == 1
        and len(tree.images_with_stem(stem(path))) == 1
        and is_label_text(tree.path(path))
    }
    return (lambda image: known.get(stem(image))) if known else None


def has_labels(tree: Tree) -> bool:
    """Whether txt files with YOLO rows belong to images of the tree."""
    labels = frozenset(tree.files_of(".txt"))
    if not labels or not tree.images:
        # Labels whose images are elsewhere, in the layout of an export.
        return _has_label_folder(tree, labels)
    _, layout = label_layout(tree)
    empty = False
    for image in tree.images:
        label = layout(image)
        if label in labels:
            path = tree.path(label or "")
            if is_label_text(path):
                return True
            empty = empty or (path.stat().st_size == 0 and "labels" in (label or "").split("/"))
    # Labels that fit no image are a fault to report, not a reason to pass them by.
    return empty or _has_label_folder(tree, labels)


def _has_label_folder(tree: Tree, labels: frozenset[str]) -> bool:
    """Whether a folder named ``labels`` holds YOLO rows."""
    return any(
        parent(path).rpartition("/")[2] == "labels" and is_label_text(tree.path(path))
        for path in sorted(labels)
    )


def is_label_text(path: Path) -> bool:
    """Whether the first line that is not blank looks like a YOLO row."""
    try:
        with path.open("rb") as file:
            text = decode(_whole_lines(file.read(1 << 14)))
    except (OSError, LabelFileError):
        return False
    for line in text.splitlines():
        if line.strip():
            return _ROW.fullmatch(line) is not None
    return False


def _whole_lines(data: bytes) -> bytes:
    """``data`` without a character that the end of the read may have cut."""
    return data if len(data) < 1 << 14 else data[: data.rfind(b"\n") + 1]


def read_list(tree: Tree, path: str) -> list[tuple[str, int]]:
    """The image names of a list file, with their lines.

    Raises
    ------
    LabelFileError
        If it cannot be read as text.
    """
    text = decode(read_bytes(tree.path(path), 1 << 30))
    lines = text.replace("\r\n", "\n").split("\n")
    return [(line.strip(), at) for at, line in enumerate(lines, 1) if line.strip()]
