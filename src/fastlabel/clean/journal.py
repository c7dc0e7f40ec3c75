"""Changes of a tree that can be taken back, whatever happens in between.

All that a change will need is written and synced first: a copy of what is there, what comes
in its place, and the list of steps. Only then, by one rename, does the journal count, and
only then is the tree touched, by renames alone. So at every moment either there is no
journal and the tree is as it was, or there is one that leads back.

``.fastlabel-undo/0001`` holds ``journal.json``, ``old/`` and ``new/``; ``0001.part`` is one
that does not count yet, ``0001.done`` one that does not count any more.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..dataset import DatasetError
from .places import file_hash
from .tree import clone_file

__all__ = [
    "FOLDER",
    "Step",
    "Transaction",
    "changed_since",
    "clear",
    "journals",
    "locked",
    "roll_back",
    "unfinished",
]

#: At the root of the tree; readers of data sets leave such folders out.
FOLDER = ".fastlabel-undo"

_JOURNAL = "journal.json"

#: Stands in a journal whose change was made to its end.
_APPLIED = "applied"


@dataclass(frozen=True)
class Step:
    """One file that is replaced, made, removed or moved.

    Attributes
    ----------
    kind : {"replace", "create", "remove", "move"}
        What happens.
    path : str
        Relative to the root.
    at : int
        Number of the file in ``old/`` and ``new/``.
    old, new : str or None
        Hashes of the content before and after.
    to : str or None
        Where a file is moved.
    """

    kind: str
    path: str
    at: int
    old: str | None = None
    new: str | None = None
    to: str | None = None


@contextmanager
def locked(root: Path) -> Iterator[Path]:
    """Hold the journals of a tree, so that no other process changes it too."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, root)
        yield folder
    finally:
        os.close(handle)
        with suppress(OSError):  # only where it is empty
            folder.rmdir()


def _lock(handle: int, root: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on this system
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DatasetError(f"{root}: another process changes it; wait until it is done") from error


def journals(root: Path) -> list[str]:
    """Names of the journals that count, the oldest first."""
    folder = root / FOLDER
    if not folder.is_dir():
        return []
    return sorted(place.name for place in folder.iterdir() if place.name.isdigit())


def unfinished(root: Path) -> bool:
    """Whether a change of the tree was interrupted and not taken back."""
    return any(not (root / FOLDER / name / _APPLIED).exists() for name in journals(root))


def clear(folder: Path) -> int:
    """Remove what does not count: journals that were never finished, or are done with."""
    found = 0
    for place in sorted(folder.iterdir()):
        if place.suffix in (".part", ".done"):
            shutil.rmtree(place)
            found += 1
    return found


class Transaction:
    """Changes of one tree, collected, then made together.

    Without `durable` nothing is synced: for a tree that nobody sees yet, and that its maker
    syncs as a whole.
    """

    def __init__(self, root: Path, folder: Path, *, durable: bool = True) -> None:
        self.root = root
        self.durable = durable
        self.folder = folder
        names = journals(root)
        self.name = f"{int(names[-1]) + 1 if names else 1:04d}"
        self.part = folder / f"{self.name}.part"
        self.steps: list[Step] = []
        self.folders: list[str] = []
        (self.part / "old").mkdir(parents=True)
        (self.part / "new").mkdir()

    def replace(self, path: str, before: bytes, after: bytes) -> None:
        """Other content for a file that is there."""
        step = Step("replace", path, len(self.steps), _hash(before), _hash(after))
        # A copy, never a second name: whoever writes into the file must not reach this.
        clone_file(self.root / path, self.part / "old" / str(step.at), link=False)
        new = self.part / "new" / str(step.at)
        new.write_bytes(after)
        shutil.copymode(self.root / path, new)
        self.steps.append(step)

    def create(self, path: str, after: bytes) -> None:
        """A file that is not there yet."""
        step = Step("create", path, len(self.steps), None, _hash(after))
        (self.part / "new" / str(step.at)).write_bytes(after)
        self._folders_of(path)
        self.steps.append(step)

    def remove(self, path: str) -> None:
        """A file that goes; the journal keeps it."""
        self.steps.append(Step("remove", path, len(self.steps), file_hash(self.root / path)))

    def move(self, path: str, to: str) -> None:
        """A file that gets another place."""
        self._folders_of(to)
        old = file_hash(self.root / path)
        self.steps.append(Step("move", path, len(self.steps), old, old, to))

    def _folders_of(self, path: str) -> None:
        above = [p.as_posix() for p in Path(path).parents][:-1]
        for folder in reversed(above):
            if folder not in self.folders and not (self.root / folder).is_dir():
                self.folders.append(folder)

    def commit(self, note: dict[str, Any]) -> None:
        """Make the changes; when one fails, those before it are taken back."""
        text = {"version": 1, "folders": self.folders, **note}
        text["steps"] = [asdict(step) for step in self.steps]
        body = json.dumps(text, ensure_ascii=False, indent=1)
        (self.part / _JOURNAL).write_text(body, encoding="utf-8", errors="surrogateescape")
        if self.durable:
            _sync_tree(self.part)
        journal = self.folder / self.name
        self.part.rename(journal)
        if self.durable:
            sync(self.folder)
            sync(self.root)
        try:
            for folder in self.folders:
                (self.root / folder).mkdir()
            for step in self.steps:
                self._do(step, journal)
            (journal / _APPLIED).touch()
            if self.durable:
                self._sync_parents(journal)
        except BaseException:
            roll_back(self.root, self.folder, self.name)
            raise

    def _do(self, step: Step, journal: Path) -> None:
        place = self.root / step.path
        if step.kind in ("replace", "create"):
            (journal / "new" / str(step.at)).rename(place)
        elif step.kind == "remove":
            place.rename(journal / "old" / str(step.at))
        else:
            place.rename(self.root / str(step.to))

    def _sync_parents(self, journal: Path) -> None:
        for parent in sorted(_parents(self.root, self.steps)):
            sync(parent)
        sync(journal)

    def discard(self) -> None:
        """Forget what was collected."""
        shutil.rmtree(self.part, ignore_errors=True)


def _parents(root: Path, steps: Sequence[Step]) -> set[Path]:
    paths = [p for step in steps for p in (step.path, step.to) if p is not None]
    return {(root / path).parent for path in paths}


# --- the way back -----------------------------------------------------------------------


def _read(folder: Path, name: str) -> dict[str, Any]:
    where = folder / name / _JOURNAL
    try:
        value = json.loads(where.read_text(encoding="utf-8", errors="surrogateescape"))
        steps = [Step(**step) for step in value["steps"]]
        folders = [str(path) for path in value["folders"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{where}: is no journal that can be used: {error}") from error
    for path in [*folders, *(p for s in steps for p in (s.path, s.to) if p is not None)]:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise DatasetError(f"{where}: {path!r} leads outside the tree; it was edited")
    return {**value, "steps": steps, "folders": folders}


def changed_since(root: Path, folder: Path, name: str) -> list[str]:
    """Files that are neither as the journal's change left them nor as they were before it."""
    found = []
    for step in _read(folder, name)["steps"]:
        place = root / (step.path if step.kind != "move" else str(step.to))
        kept = folder / name / "old" / str(step.at)
        if step.kind == "replace" and os.path.lexists(kept):
            if file_hash(place) not in (step.new, step.old, None):
                found.append(step.path)
        elif step.kind == "create":
            if place.exists() and file_hash(place) != step.new:
                found.append(step.path)
        elif step.kind == "remove":
            if os.path.lexists(kept) and os.path.lexists(place):
                found.append(step.path)
        elif step.kind == "move":
            there, back = os.path.lexists(place), os.path.lexists(root / step.path)
            if there and back:
                found.append(step.path)
    return found


def roll_back(root: Path, folder: Path, name: str) -> int:
    """Take a change back; begun again after an interruption, it goes on.

    Returns
    -------
    int
        Steps taken back.
    """
    journal = folder / name
    steps = _read(folder, name)
    for step in reversed(steps["steps"]):
        place, kept = root / step.path, journal / "old" / str(step.at)
        if step.kind in ("replace", "remove"):
            if os.path.lexists(kept):
                place.parent.mkdir(parents=True, exist_ok=True)
                if step.kind == "replace" or not os.path.lexists(place):
                    kept.rename(place)
        elif step.kind == "create":
            place.unlink(missing_ok=True)
        elif os.path.lexists(root / str(step.to)):
            place.parent.mkdir(parents=True, exist_ok=True)
            (root / str(step.to)).rename(place)
    for path in reversed(steps["folders"]):
        with suppress(OSError):  # never made, or something of the user's lies in it
            (root / path).rmdir()
    for parent in sorted(_parents(root, steps["steps"])):
        if parent.is_dir():
            sync(parent)
    # From here on there is nothing to take back; what is left is only to be cleared away.
    done = folder / f"{name}.done"
    journal.rename(done)
    sync(folder)
    shutil.rmtree(done)
    return len(steps["steps"])


def sync(path: Path) -> None:
    """Bring a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            if not Path(parent, name).is_symlink():
                sync(Path(parent, name))
        sync(Path(parent))


def _hash(data: bytes) -> str:
    from ..pixels import content_hash

    return content_hash(data)
