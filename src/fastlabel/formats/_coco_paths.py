"""Where the images of one COCO file are: the finder of the plain reader, and many names at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ._paths import Tree, parent, split_of_path
from ._text import clean

__all__ = ["ImageFinder", "Places", "find_all"]


class ImageFinder:
    """Turns the file names of one JSON file into paths."""

    def __init__(self, tree: Tree, json_path: str, split: str | None) -> None:
        self.tree = tree
        self.split = split
        here = parent(json_path)
        above = parent(here)
        self.bases = list(
            dict.fromkeys([here, above, "", _join(here, "images"), _join(above, "images")])
        )
        # Where the last image was found: an absent one belongs there. A folder of annotations
        # has its images beside it.
        labels_only = here.rpartition("/")[2].lower().startswith("annotation")
        self.last = above if labels_only else here

    def find(self, name: str) -> str | None:
        """Path of an image, whether or not it exists; None if it leads outside."""
        path, found = self.tree.locate(name, self.bases)
        if path is None:
            return None
        if not found:
            path = self._by_base_name(name) or self._expected(name, path)
        return path

    def _by_base_name(self, name: str) -> str | None:
        text = name.replace("\\", "/")
        candidates = self.tree.images_named(text.rpartition("/")[2])
        if len(candidates) > 1:
            exact = [path for path in candidates if path.endswith("/" + text)]
            candidates = exact or candidates
        if len(candidates) > 1 and self.split is not None:
            candidates = [path for path in candidates if split_of_path(path) == self.split]
        if len(candidates) != 1:
            return None
        if candidates[0].endswith("/" + text):
            self.last = candidates[0][: -len(text) - 1]
        return candidates[0]

    def _expected(self, name: str, path: str) -> str:
        return self.tree.inside(self.last, name.replace("\\", "/")) or path


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


class Places:
    """Paths of many images: a column, and those that no column can hold as they are."""

    def __init__(self, paths: pa.Array, raw: dict[int, str]) -> None:
        self.paths = paths
        #: paths that are no valid Unicode: {row: path}
        self.raw = raw

    def to_list(self) -> list[str | None]:
        """The paths themselves."""
        found: list[str | None] = self.paths.to_pylist()
        for row, path in self.raw.items():
            found[row] = path
        return found


def find_all(
    finder: ImageFinder,
    names: pa.Array,
    plain: npt.NDArray[np.bool_],
    raw_names: dict[int, str],
) -> Places:
    """``finder.find`` of every name.

    Parameters
    ----------
    finder : ImageFinder
        Left as after the last name.
    names : pyarrow.StringArray
        File names as written.
    plain : numpy.ndarray
        Whether a name is a relative path in its plainest form, which needs no look of its own.
    raw_names : dict
        Names that the column cannot hold as they are: {row: name}.
    """
    tree = finder.tree
    if tree.folder_links or tree.escapes:
        plain = np.zeros(len(names), dtype=bool)  # what a name means must be asked of each
    listed = _listed(tree)
    found = np.full(len(names), -1, dtype=np.int64)  # row of `listed`
    absent = plain
    if len(listed):
        for base in finder.bases:
            path = pc.binary_join_element_wise(base, names, "/") if base else names
            at = _rows_of(listed, path)
            found = np.where((found < 0) & plain, at, found)
        absent = plain & (found < 0)
        found, absent = _elsewhere(finder, listed, names, plain, found)
    asked = np.flatnonzero(~(absent | (found >= 0)))
    texts: list[str | None] = []
    raw: dict[int, str] = {}
    lasts, starts = [finder.last], [0]
    for row in asked.tolist():
        path = finder.find(raw_names.get(row) or names[row].as_py())
        if path is not None and clean(path) != path:
            raw[row], path = path, clean(path)
        texts.append(path)
        if finder.last != lasts[-1]:
            lasts.append(finder.last)
            starts.append(row)
    paths = _expected(names, absent, lasts, starts)
    if len(listed):
        paths = pc.if_else(pa.array(found >= 0), listed.take(pa.array(np.maximum(found, 0))), paths)
    if len(asked):
        mask = np.zeros(len(names), dtype=bool)
        mask[asked] = True
        paths = pc.replace_with_mask(paths, pa.array(mask), pa.array(texts, pa.string()))
    return Places(paths, raw)


def _listed(tree: Tree) -> pa.Array:
    try:
        return pa.array(tree.images, pa.string())
    except UnicodeEncodeError:  # such names are none of the plain ones
        return pa.array([path for path in tree.images if clean(path) == path], pa.string())


def _elsewhere(
    finder: ImageFinder,
    listed: pa.Array,
    names: pa.Array,
    plain: npt.NDArray[np.bool_],
    found: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Images that lie under their own base name elsewhere, and those that lie nowhere.

    Left to :meth:`ImageFinder.find` is what moves the folder where absent ones belong, and what
    several images are called.
    """
    absent = plain & (found < 0)
    rows = np.flatnonzero(absent)
    if not len(rows):
        return found, absent
    wanted = names.take(pa.array(rows))
    own = _base_names(listed)
    first = _rows_of(own, _base_names(wanted))
    absent[rows[first >= 0]] = False
    there = np.flatnonzero(first >= 0)
    # The last of that name is the first: there is but one.
    backwards = own.take(pa.array(np.arange(len(own))[::-1]))
    last = len(own) - 1 - _rows_of(backwards, _base_names(wanted.take(pa.array(there))))
    lengths = np.asarray(pc.binary_length(listed))
    longer = lengths[first[there]] > np.asarray(pc.binary_length(wanted))[there]
    clear = there[(last == first[there]) & ~longer]
    found[rows[clear]] = first[clear]
    return found, absent


def _base_names(paths: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(paths, "(?s)^.*/", "")


def _rows_of(values: pa.Array, wanted: pa.Array) -> npt.NDArray[np.int64]:
    """Row of the first equal value, or -1."""
    return np.asarray(pc.index_in(wanted, value_set=values).fill_null(-1)).astype(np.int64)


def _expected(
    names: pa.Array, absent: npt.NDArray[np.bool_], lasts: list[str], starts: list[int]
) -> pa.Array:
    """Where absent images belong: in the folder where the one before was found."""
    if len(lasts) == 1:
        return pc.binary_join_element_wise(lasts[0], names, "/") if lasts[0] else names
    which = np.searchsorted(starts[1:], np.arange(len(names)), side="left")
    folders = pa.array([f"{folder}/" if folder else "" for folder in lasts])
    return pc.binary_join_element_wise(folders.take(pa.array(which)), names, "")
