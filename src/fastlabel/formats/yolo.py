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

from ..dataset import Dataset, DatasetError
from . import _sidecar as sidecar
from . import _yolo_set as set_
from ._build import Builder
from ._paths import IMAGE_EXTENSIONS, Tree, is_foreign, parent, split_of_path
from ._text import LabelFileError, clean, printable, quote
from ._yolo_labels import Classes, Entry, Reader

__all__ = ["list_entries", "read_tree"]


def read_tree(
    tree: Tree, only: str | None = None, parser: str = "auto", workers: int | None = None
) -> Dataset:
    """Read a YOLO set.

    Parameters
    ----------
    tree : Tree
        The folder's files.
    only : str, optional
        The ``data.yaml`` or ``obj.data`` to use, relative to the root.
    parser : {"auto", "native", "plain"}
        "plain" reads the label files in Python, a row at a time.
    workers : int, optional
        Threads of the native parser.

    Raises
    ------
    DatasetError
        If the declaration cannot be parsed and was named, or if there is neither an
        image nor a label.
    """
    from ._coco_joined import TableBuilder
    from ._yolo_table import TableReader

    file = only or set_.find_declaration(tree) or set_.find_named(tree)
    # A sidecar speaks of single rows, so that they are read one by one.
    plain = parser == "plain" or sidecar.is_beside(tree, clean(file or ""))
    builder = Builder(tree, "yolo") if plain else TableBuilder(tree, "yolo")
    declaration = _declaration(builder, file, named=only is not None)
    entries = list(_declared(builder, declaration)) if declaration else []
    if not entries:
        entries = [Entry(path, path, split_of_path(path)) for path in tree.images]
        entries += _escaped(tree, "", None)
    classes = Classes(builder, declaration)
    reader = (
        TableReader(builder, classes, declaration, workers)
        if isinstance(builder, TableBuilder)
        else Reader(builder, classes, declaration)
    )
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


def _declaration(builder: Builder, path: str | None, named: bool) -> set_.Declaration | None:
    tree = builder.tree
    if path is None:
        return None
    builder.meta["declaration"] = clean(path)
    try:
        declaration = set_.load_declaration(tree, path)
    except LabelFileError as error:
        if named:
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


def _declared(builder: Builder, declaration: set_.Declaration) -> Iterator[Entry]:
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
) -> Iterator[Entry]:
    tree = builder.tree
    candidates = set_.candidates(tree, bases, word)
    for path in candidates:
        if tree.is_folder(path):
            images = tree.images_under(path)
            if not images and not _escaped(tree, path, split):
                break
            for image in images:
                yield Entry(image, image, split)
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


def _of_list(builder: Builder, path: str, bases: list[str], split: str) -> Iterator[Entry]:
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
        yield Entry(name, image, split, path, line)


def list_entries(tree: Tree, path: str) -> list[Entry]:
    """The images of the splits that a ``data.yaml`` or ``obj.data`` declares, with their lines."""
    builder = Builder(tree, "yolo")
    declaration = _declaration(builder, path, named=False)
    return [] if declaration is None else list(_declared(builder, declaration))


def _escaped(tree: Tree, folder: str, split: str | None) -> list[Entry]:
    """Links to images outside the root, under one folder."""
    prefix = folder + "/" if folder else ""
    found = []
    for link in tree.escapes:
        dot = link.rfind(".")
        if link.startswith(prefix) and dot >= 0 and link[dot:].lower() in IMAGE_EXTENSIONS:
            tree.met_escapes.add(link)
            found.append(Entry(link, None, split or split_of_path(link)))
    return found
