"""The files of one data set: a single walk, and names from labels turned into paths.

Nothing outside the root is ever opened: a symbolic link that leads out, an absolute
name or one that climbs with ``..`` is reported, not followed.
"""

from __future__ import annotations

import os
import posixpath
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ..dataset import DatasetError
from ..schema import IMAGE_EXTENSIONS
from ..source import ImageSource
from ._text import clean, printable, quote

__all__ = [
    "IMAGE_EXTENSIONS",
    "Tree",
    "is_foreign",
    "is_split_name",
    "parent",
    "split_of_name",
    "split_of_path",
    "stem",
    "walk",
]

_LABEL_EXTENSIONS = (".json", ".xml", ".txt", ".yaml", ".yml", ".data", ".names")

# Endings of most files of large sets, told from others at a glance.
_USUAL = frozenset(e for e in IMAGE_EXTENSIONS if len(e) == 4)

# Folders that tools leave behind; what lies in them is no part of the set.
_SKIPPED_FOLDERS = frozenset(("__MACOSX", "@eaDir", "__pycache__"))

_SPLIT = re.compile(r"(train|val|test)(?:ing|id|idation)?[-_ ]?\d*")
_DRIVE_OR_URL = re.compile(r"[A-Za-z]:[\\/]|\\\\|[A-Za-z][A-Za-z0-9+.-]*://")


def parent(path: str) -> str:
    """Folder of a path that is relative to the root; "" for the root itself."""
    return path.rpartition("/")[0]


def stem(path: str) -> str:
    """Base name of a path without its last extension."""
    name = path.rpartition("/")[2]
    dot = _dot(name)
    return name if dot < 0 else name[:dot]


def _dot(name: str) -> int:
    """Where the last extension of a base name begins, or -1: dots at the front begin none."""
    dot = name.rfind(".")
    return dot if dot > 0 and (name[0] != "." or name[:dot].strip(".")) else -1


def is_foreign(name: str) -> bool:
    """Whether a name is absolute, of any system, or a URL."""
    return name.startswith("/") or _DRIVE_OR_URL.match(name) is not None


def is_split_name(word: str) -> str | None:
    """``train``, ``val`` or ``test`` if that is what the word says (``valid``, ``train2017``)."""
    match = _SPLIT.fullmatch(word.lower())
    return match.group(1) if match else None


def split_of_name(name: str) -> str | None:
    """The split that a file's stem names, as in ``instances_train2017``."""
    for word in re.split(r"[^a-z0-9]+", name.lower()):
        split = is_split_name(word)
        if split:
            return split
    return None


def split_of_path(path: str) -> str | None:
    """The split that one of a path's folders names, the innermost first."""
    return _split_of_folder(path[: path.rfind("/") + 1])


@lru_cache(4096)  # there are many more files than folders
def _split_of_folder(path: str) -> str | None:
    for folder in reversed(path.split("/")):
        split = is_split_name(folder)
        if split:
            return split
    return None


@dataclass
class Tree:
    """Every file under one root, by kind; paths are relative, "/"-separated and sorted."""

    root: Path
    images: list[str] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)  # by extension
    #: symbolic links that lead outside the root: never opened
    escapes: list[str] = field(default_factory=list)
    #: links to folders inside the root, with their targets
    folder_links: dict[str, str] = field(default_factory=dict)
    #: folders that could not be listed, with the reason
    closed: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    image_set: frozenset[str] = frozenset()
    escape_set: frozenset[str] = frozenset()
    #: those of the escapes that a label or a listing has named
    met_escapes: set[str] = field(default_factory=set)
    #: where the images come from, if not from the disk below the root
    source: ImageSource | None = None
    _folders: frozenset[str] | None = None
    _by_name: dict[str, list[str]] | None = None
    _by_stem: dict[str, list[str]] | None = None

    def path(self, relative: str) -> Path:
        """The file behind a path of this tree."""
        return self.root / relative

    def files_of(self, *extensions: str) -> list[str]:
        """Label files with one of these extensions (lower case, with the dot)."""
        found = [path for extension in extensions for path in self.labels.get(extension, ())]
        return sorted(found) if len(extensions) > 1 else found

    def images_under(self, folder: str) -> list[str]:
        """Images in a folder and all folders below it."""
        real = self.real(folder)
        found = _under(self.images, real)
        return found if real == folder else [folder + path[len(real) :] for path in found]

    def real(self, path: str) -> str:
        """``path`` with links to folders inside the root replaced by what they lead to."""
        for _ in range(8):  # links to links; a loop ends here
            for link, target in self.folder_links.items():
                if path == link or path.startswith(link + "/"):
                    path = (target + path[len(link) :]).lstrip("/")
                    break
            else:
                break
        return path

    def has_images_in(self, folder: str) -> bool:
        """Whether an image lies in the folder itself."""
        if self._folders is None:
            self._folders = frozenset(parent(path) for path in self.images)
        return folder in self._folders

    def images_named(self, name: str) -> list[str]:
        """Images with this base name, wherever they lie."""
        if self._by_name is None:
            self._by_name = _index(self.images, lambda path: path.rpartition("/")[2])
        return self._by_name.get(name, [])

    def images_with_stem(self, name: str) -> list[str]:
        """Images whose base name without extension is this, wherever they lie."""
        if self._by_stem is None:
            self._by_stem = _index(self.images, stem)
        return self._by_stem.get(name, [])

    def beside(self, used: Iterable[str | None]) -> list[str]:
        """Images that lie in the same folders as the used ones but are not among them.

        Where none of the used ones exists, all images of the tree.
        """
        known = {path for path in used if path is not None}
        folders = {parent(path) for path in known & self.image_set}
        return [
            path
            for path in self.images
            if path not in known and (not folders or parent(path) in folders)
        ]

    def inside(self, base: str, name: str) -> str | None:
        """``name`` seen from the folder ``base``, as a path under the root.

        Returns None if it leads outside. Purely lexical: no file is touched.
        """
        if _DRIVE_OR_URL.match(name):
            return None
        if name.startswith("/"):
            for top in (str(self.root), str(self.root.resolve())):
                if name.startswith(top.rstrip("/") + "/"):
                    base, name = "", name[len(top.rstrip("/")) + 1 :]
                    break
            else:
                return None
        joined = posixpath.normpath(posixpath.join(base, name))
        if joined == ".." or joined.startswith("../"):
            return None
        return "" if joined == "." else joined

    def locate(self, name: str, bases: Sequence[str]) -> tuple[str | None, bool]:
        """Where a file that a label names is, looked for in several folders.

        Parameters
        ----------
        name : str
            As written. Backslashes are read as slashes if no file has such a name.
        bases : sequence of str
            Folders, the one the format prescribes first: it alone decides whether a
            name that is found nowhere leads outside.

        Returns
        -------
        path : str or None
            Relative to the root, whether or not it exists; None if it leads outside.
        found : bool
            Whether there is such a file.
        """
        readings = [name, name.replace("\\", "/")] if "\\" in name else [name]
        for reading in readings:
            for base in bases:
                path = self.inside(base, reading)
                if path and path in self.image_set:
                    return path, True
                if path and path in self.escape_set:
                    self.met_escapes.add(path)
                    return None, False
                if path and (kind := self._other_file(path)) is not None:
                    return (path, True) if kind else (None, False)
        return self.inside(bases[0], readings[-1]) or None, False

    def _other_file(self, path: str) -> bool | None:
        """True for a file the walk did not list, False for one outside, None for no file."""
        if self.source is not None or self._would_be_listed(path):
            return None
        try:
            full = self.path(path)
            if not full.is_file():
                return None
            return full.resolve().is_relative_to(self.root.resolve())
        except (OSError, ValueError):  # a name too long for the disk, or with a NUL in it
            return None

    def _would_be_listed(self, path: str) -> bool:
        """Whether the walk has seen every file of such a name, so that the disk need not."""
        extension = posixpath.splitext(path)[1].lower()
        return (
            extension in IMAGE_EXTENSIONS
            and not self.folder_links
            and "/." not in f"/{path}"
            and not _SKIPPED_FOLDERS.intersection(path.split("/"))
        )

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder under the root, followed to where it really is."""
        try:
            full = self.path(path)
            return full.is_dir() and full.resolve().is_relative_to(self.root.resolve())
        except (OSError, ValueError):
            return False


def _index(paths: list[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(key(path), []).append(path)
    return found


def _under(paths: list[str], folder: str) -> list[str]:
    if not folder:
        return list(paths)
    # "0" is the character after "/": the slice holds all that begins with "folder/".
    return paths[bisect_left(paths, folder + "/") : bisect_left(paths, folder + "0")]


def walk(root: Path) -> Tree:
    """List every image and label file under a folder.

    Folders whose names begin with a dot and those of :data:`_SKIPPED_FOLDERS` are left
    out. Links to folders are not walked: inside the root their target is walked anyway.

    Raises
    ------
    DatasetError
        If the folder itself cannot be listed.
    """
    tree = Tree(root)
    real = os.path.realpath(root)
    pending = [""]
    usual: list[str] = []
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as entries:
                found = list(entries)
        except OSError as error:
            if not folder:
                raise DatasetError(
                    f"{printable(root)}: cannot be listed: {error.strerror}"
                ) from error
            tree.closed.append((clean(folder), error.strerror or str(error)))
            continue
        before = f"{folder}/" if folder else ""
        for entry in found:
            try:
                if not entry.is_file(follow_symlinks=False):
                    _take_other(tree, before, entry, real, pending)
                elif entry.name[-4:] in _USUAL and entry.name[0] != ".":
                    usual.append(before + entry.name)
                else:
                    _take_file(tree, before, entry.name)
            except OSError as error:  # a link to itself: this entry is lost, not its folder
                tree.closed.append((clean(before + entry.name), error.strerror or str(error)))
    tree.files += len(usual)
    tree.images = sorted(tree.images + usual)
    tree.escapes.sort()
    tree.closed.sort()
    for paths in tree.labels.values():
        paths.sort()
    tree.image_set = frozenset(tree.images)
    tree.escape_set = frozenset(tree.escapes)
    return tree


def _take_file(tree: Tree, before: str, name: str) -> None:
    if name.startswith("._"):  # what one system adds to archives
        return
    tree.files += 1
    dot = _dot(name)
    extension = name[dot:].lower() if dot > 0 else ""
    if extension in IMAGE_EXTENSIONS:
        tree.images.append(before + name)
    elif extension in _LABEL_EXTENSIONS:
        tree.labels.setdefault(extension, []).append(before + name)


def _take_other(
    tree: Tree, before: str, entry: os.DirEntry[str], real: str, pending: list[str]
) -> None:
    """A folder, a link, or what is neither: a socket, a device."""
    path = before + entry.name
    if entry.is_symlink():
        target = os.path.realpath(entry.path)
        if target != real and not target.startswith(real.rstrip("/") + "/"):
            tree.escapes.append(path)
        elif entry.is_dir():
            tree.folder_links[path] = os.path.relpath(target, real) if target != real else ""
        elif entry.is_file():
            _take_file(tree, before, entry.name)
    elif (
        entry.is_dir(follow_symlinks=False)
        and not entry.name.startswith(".")
        and entry.name not in _SKIPPED_FOLDERS
    ):
        pending.append(path)


def describe_escape(name: str) -> str:
    """The message of a ``path-escape`` problem."""
    return (
        f"{quote(name)} leads outside the data set and is not opened; "
        "copy the file into the set and name it relative to it"
    )
