"""Which class of a data set a model means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dataset import Dataset, DatasetError
from .raw import Key

__all__ = ["ClassMap", "Names", "as_names", "read_names"]

_SHOWN = 8


@dataclass(frozen=True)
class Names:
    """What the user says of the model's classes."""

    #: names of its class ids, where they are given
    ids: Mapping[int, str] | None = None
    #: its names to the set's; None: a class that the set does not have
    to: Mapping[str, str | None] | None = None


def as_names(value: Any) -> Names:
    """The argument ``names``: a list, or a mapping of the model's ids or names.

    Raises
    ------
    TypeError, ValueError
        For something else.
    """
    if value is None:
        return Names()
    if isinstance(value, Names):
        return value
    if isinstance(value, Mapping):
        ids: dict[int, str] = {}
        to: dict[str, str | None] = {}
        for key, name in value.items():
            if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
                if not isinstance(name, str):
                    raise TypeError(f"names[{key}]: got {name!r}, expected the name of that class")
                ids[int(key)] = name
            elif isinstance(key, str) and (name is None or isinstance(name, str)):
                to[key] = name
            else:
                raise TypeError(
                    f"names: got {key!r}: {name!r}, expected a class id or name of the model, and "
                    "a name"
                )
        return Names(ids or None, to or None)
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(
            f"names: got {value!r:.60}, expected the model's class names in order, or a mapping of "
            "its ids or names to the set's names"
        )
    for k, name in enumerate(value):
        if not isinstance(name, str):
            raise TypeError(f"names[{k}]: got {name!r}, expected a name")
    if not len(value):
        raise ValueError("names: got none, expected the model's class names in order")
    return Names(dict(enumerate(value)), None)


def read_names(text: str) -> list[str] | dict[int, str]:
    """Class names of ``--names``: a file with one a line, a YAML with ``names``, or ``a,b,c``.

    Raises
    ------
    DatasetError
        If there are none in it.
    """
    path = Path(text)
    if not path.is_file():
        if "," not in text and ("/" in text or path.suffix in (".txt", ".names", ".yaml", ".yml")):
            raise DatasetError(f"{text}: no such file; give class names one a line, or a,b,c")
        return [name.strip() for name in text.split(",")]
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as text: {error}") from error
    if path.suffix.lower() in (".yaml", ".yml"):
        return _yaml_names(path, content)
    names = [line.strip() for line in content.splitlines()]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise DatasetError(f"{path}: has no class names, expected one a line")
    return names


def _yaml_names(path: Path, content: str) -> list[str] | dict[int, str]:
    import yaml

    try:
        value = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise DatasetError(f"{path}: is no YAML: {str(error).splitlines()[0]}") from error
    names = value.get("names") if isinstance(value, dict) else value
    if isinstance(names, list) and names:
        return [str(name) for name in names]
    if isinstance(names, dict) and names and all(isinstance(key, int) for key in names):
        return {key: str(name) for key, name in names.items()}
    raise DatasetError(f"{path}: has no list 'names' of class names")


def _plain(name: str) -> str:
    """What names that mean the same have in common: no case, one kind of gap."""
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


class ClassMap:
    """From a model's classes to those of a data set."""

    def __init__(self, ds: Dataset, names: Names, place: str) -> None:
        self.names = names
        self.place = place
        self._own = [str(name) for name in ds.categories["name"].to_pylist()]
        self._exact: dict[str, int] = {}
        self._near: dict[str, int] = {}
        for k, name in enumerate(self._own):
            self._exact.setdefault(name, k)
            near = _plain(name)
            self._near[near] = k if self._near.get(near, k) == k else -1
        self._ids: dict[str, int] = {}
        self._twice: set[str] = set()
        for k, key in enumerate(ds.categories["source_id"].to_pylist()):
            if key is not None and self._ids.setdefault(str(key), k) != k:
                self._twice.add(str(key))
        for said, wanted in (names.to or {}).items():
            if wanted is not None and self._named(wanted) < 0:
                raise DatasetError(
                    f"names: {said!r} is to be {wanted!r}, which is no class of the set; it has "
                    f"{self._listed()}"
                )

    def _listed(self) -> str:
        shown = ", ".join(self._own[:_SHOWN])
        return (shown or "no classes") + (", ..." if len(self._own) > _SHOWN else "")

    def _named(self, name: str) -> int:
        row = self._exact.get(name)
        return self._near.get(_plain(name), -1) if row is None else row

    def of_name(self, name: str) -> int:
        """The set's class for a name of the model; -1: none."""
        if self.names.to and name in self.names.to:
            target = self.names.to[name]
            return -1 if target is None else self._named(target)
        return self._named(name)

    def of_key(self, key: Key) -> tuple[int, str, str]:
        """Class, name as the model says it, and why it is none of the set's.

        Raises
        ------
        DatasetError
            If it is an id, and nothing says what the ids mean.
        """
        if isinstance(key, int):
            if self.names.ids is not None:
                name = self.names.ids.get(key)
                if name is None:
                    return -1, str(key), f"the names given have none for class id {key}"
                return self._result(name)
            if str(key) in self._twice:
                return (
                    -1,
                    str(key),
                    (f"class id {key} is that of several classes of the set; pass names"),
                )
            row = self._ids.get(str(key))
            if row is not None:
                return row, self._own[row], ""
            if not self._ids:
                raise DatasetError(
                    f"{self.place}: has class ids ({key}, ...) and no names, and the set has no "
                    "class ids; pass names, the model's class names in order"
                )
            return -1, str(key), f"class id {key} is none of the set's"
        text = str(key)
        if text.isascii() and text.isdigit() and self._named(text) < 0 and text in self._ids:
            return self.of_key(int(text))
        return self._result(text)

    def _result(self, name: str) -> tuple[int, str, str]:
        row = self.of_name(name)
        return row, name, "" if row >= 0 else f"{name!r} is no class of the set"

    def known(self, names: Sequence[str]) -> NDArray[np.int32]:
        """Classes of the set that a model with these names can say."""
        rows = {self.of_name(name) for name in names}
        return np.array(sorted(rows - {-1}), np.int32)
