"""A plan carried out: in a new tree, or in place with the way back kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._output import FULL, disk_full, new_folder
from ..dataset import Dataset, DatasetError
from ..formats import Change, edits, read
from .checks import check_hashes, check_rows
from .journal import FOLDER, Transaction, clear, locked, unfinished
from .places import QUARANTINE, Places
from .plan import ABOUT_IMAGES, Plan
from .tree import copy_tree
from .verify import convention_note, verify

if TYPE_CHECKING:
    from ..formats import Edited

__all__ = ["Applied", "apply"]

#: Unsafe rows that a refusal names.
SHOWN = 5


@dataclass(frozen=True)
class Applied:
    """What :func:`apply` did.

    Attributes
    ----------
    folder : pathlib.Path
        The tree that was made or changed.
    counts : dict of str to int
        Rows carried out, by action.
    edited : tuple of str
        Label files that differ, relative to the folder.
    left_out : int
        Unsafe rows that ``safe_only`` left out.
    notes : tuple of str
        What a person should know besides.
    """

    folder: Path
    counts: dict[str, int]
    edited: tuple[str, ...]
    left_out: int = 0
    notes: tuple[str, ...] = ()


def apply(
    plan: Plan | str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    in_place: bool = False,
    unsafe: bool = False,
    safe_only: bool = False,
    data: str | os.PathLike[str] | None = None,
    link: bool = True,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Applied:
    """Carry out a plan, in a new tree or in place; :func:`undo` takes it back.

    Parameters
    ----------
    plan : Plan or path-like
        A plan or its Parquet file, as it was made or with rows struck out.
    out : path-like, optional
        The new tree. It appears whole or not at all. Files that the plan does not touch are
        reflinks where the disk has them; else pictures are hard links and all others copies.
    in_place : bool
        Change the data set itself instead; a journal of the way back is kept in it.
    unsafe : bool
        Also carry out rows that take something away (``safe`` is false). Without it a plan
        with such rows is refused as a whole.
    safe_only : bool
        Carry out the safe rows and leave the others.
    data : path-like, optional
        The data set, where it is not any more where the plan was made.
    link : bool
        False copies pictures where there are no reflinks.
    overwrite : bool
        Whether ``out`` is replaced if it is there and not empty.
    progress : callable, optional
        Called with (files done, 0).

    Returns
    -------
    Applied

    Raises
    ------
    DatasetError
        If the data is not what the plan was made for, a row cannot be carried out, or a row
        is unsafe; nothing is changed then, and the message names the file or the row.
    OSError
        If a file cannot be written; what was changed is put back.

    Notes
    -----
    Labels are edited in their own text (see :mod:`fastlabel.formats._edit`): each row that is
    not in the plan stays byte for byte. What was written is read back and compared with the
    plan before it counts.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> labels = {
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40]}],
    ...     "categories": [{"id": 3, "name": "raccoon"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data, new = Path(folder, "data"), Path(folder, "new")
    ...     data.mkdir()
    ...     _ = Path(data, "labels.json").write_text(json.dumps(labels))
    ...     actions = [{"action": "drop_box", "annotation_id": 0}]
    ...     done = fl.apply(fl.Plan.from_actions(fl.read(data), actions), new, unsafe=True)
    ...     print(done.edited, json.loads(Path(new, "labels.json").read_text())["annotations"])
    ('labels.json',) []
    """
    plan = plan if isinstance(plan, Plan) else Plan.read(plan)
    if (out is None) == (not in_place):
        raise ValueError("out, in_place: give one of the two")
    plan, left_out = _permitted(plan, unsafe, safe_only)
    ds, known = _data_set(plan, data)
    places = Places(ds)
    check_hashes(ds, plan.table, places)
    check_rows(ds, plan.table, places)
    work = _Work(ds, plan, places, known)
    work.refuse_impossible()
    if in_place:
        root = Path(ds.root)
        _require_writable(root, work)
        work.run(root)
        return Applied(root, plan.counts(), work.edited, left_out, tuple(work.notes))
    where = Path(str(out))
    with new_folder(where, sources=[Path(ds.root)], overwrite=overwrite) as staging:
        copy_tree(Path(ds.root), staging, leave=frozenset((FOLDER,)), link=link, progress=progress)
        work.run(staging, durable=False)
    return Applied(where, plan.counts(), work.edited, left_out, tuple(work.notes))


def _permitted(plan: Plan, unsafe: bool, safe_only: bool) -> tuple[Plan, int]:
    import pyarrow.compute as pc

    if unsafe and safe_only:
        raise ValueError("unsafe, safe_only: give one of the two")
    # What an action is decides, not what the row says of itself.
    from .. import schema

    is_safe = pc.is_in(plan.table["action"], value_set=_array(sorted(schema.SAFE_ACTIONS)))
    risky = plan.table.filter(pc.invert(is_safe))
    if safe_only:
        return Plan(plan.table.filter(is_safe), plan.data, plan.notes), risky.num_rows
    if risky.num_rows and not unsafe:
        named = ", ".join(
            f"{row['action']} of {row['file_name']}" for row in risky.slice(0, SHOWN).to_pylist()
        )
        more = risky.num_rows - SHOWN
        raise DatasetError(
            f"{risky.num_rows:,} of {len(plan):,} rows take something away ({named}"
            f"{f' and {more:,} more' if more > 0 else ''}); nothing was done: allow them with "
            "--unsafe, or leave them out with --safe-only"
        )
    return plan, 0


def _array(values: Sequence[str]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.string())


def _data_set(plan: Plan, data: str | os.PathLike[str] | None) -> tuple[Dataset, Mapping[str, Any]]:
    """The data set of a plan, and how it is to be read again below another root."""
    known = plan.data
    if data is None and not known.get("root"):
        raise DatasetError(
            "the plan does not say which data set it is for (the editor that wrote it dropped "
            "that); name it with --data"
        )
    root = Path(str(known["root"])) if data is None else Path(data)
    if not root.exists():
        raise DatasetError(
            f"{root}: the data set of the plan is not there; say where it is with --data"
        )
    ds = reread(root, known)
    if root.is_file():
        own = root.resolve().relative_to(Path(ds.root).resolve()).as_posix()
        return ds, {**known, "file": own}
    return ds, known


def reread(root: Path, known: Mapping[str, Any]) -> Dataset:
    """Read a data set again as a plan says it was read."""
    file = known.get("file")
    where = root / str(file) if file and root.is_dir() else root
    if file and (Path(str(file)).is_absolute() or ".." in Path(str(file)).parts):
        raise DatasetError(f"the plan's data set is {file!r}, which leads outside {root}")
    base = known.get("voc_base")
    ds = read(where, known.get("format") or "auto", voc_base=base if base in (0, 1) else None)
    split = known.get("split")
    return ds if split is None else ds.select_split(str(split))


def _require_writable(root: Path, work: _Work) -> None:
    """Find out before anything is written."""
    for folder in sorted({root, *(root / path for path in work.folders())}):
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            raise DatasetError(
                f"{folder}: cannot be written to, so nothing was changed; change its "
                "permissions, or make a new tree with -o"
            )


class _Work:
    """All that a plan does to the files of a tree."""

    def __init__(
        self, ds: Dataset, plan: Plan, places: Places, known: Mapping[str, Any] | None = None
    ) -> None:
        self.ds = ds
        self.known = plan.data if known is None else known
        self.plan = plan
        self.places = places
        self.rows: list[dict[str, Any]] = plan.table.to_pylist()
        self.notes: list[str] = []
        self.edited: tuple[str, ...] = ()
        self.changes = list(self._changes())
        self._edits: list[Edited] | None = None

    def _changes(self) -> list[Change]:
        found = []
        seen: set[tuple[Any, ...]] = set()
        paths = self.ds.images["path"]
        for row in self.rows:
            after = json.loads(row["after"]) if row["after"] else {}
            origin = row["origin"] or {}
            # One line of a label file may be a row of each split that lists the image.
            key = (
                row["action"],
                paths[row["image_id"]].as_py(),
                *origin.values(),
                json.dumps(after, sort_keys=True),
                row["image_id"] if row["action"] in ABOUT_IMAGES else None,
                row["annotation_id"] if self.ds.format == "voc" and not origin else None,
            )
            if row["annotation_id"] is not None and self.ds.format == "voc":
                key = (*key, self._index_in_image(row))
            if row["annotation_id"] is not None and key in seen:
                continue
            seen.add(key)
            box = after.get("box")
            found.append(
                Change(
                    "drop_image" if row["action"] in ABOUT_IMAGES else row["action"],
                    row["image_id"],
                    row["annotation_id"],
                    after.get("category_id"),
                    None if box is None else tuple(float(v) for v in box),  # type: ignore[arg-type]
                    after.get("weight"),
                )
            )
        return found

    def _index_in_image(self, row: dict[str, Any]) -> int:
        return self.places.labels.rows_of(row["image_id"]).index(row["annotation_id"])

    def refuse_impossible(self) -> None:
        """Compute every edit, so that what cannot be done is told before anything is."""
        self._edits = list(edits(self.ds, self.changes))
        self.edited = tuple(e.path for e in self._edits if e.after is not None)

    def _pictures(self) -> list[tuple[str, str]]:
        """(path, action) of pictures that go; one that another row still shows stays."""
        gone = {
            row["image_id"]: row["action"] for row in self.rows if row["action"] in ABOUT_IMAGES
        }
        paths = self.ds.images["path"].to_pylist()
        kept = {path for at, path in enumerate(paths) if at not in gone}
        found: dict[str, str] = {}
        for image, action in gone.items():
            path = paths[image]
            if path is not None and path not in kept:
                found.setdefault(path, action)
        return list(found.items())

    def folders(self) -> list[str]:
        """Folders in which something changes."""
        paths = [e.path for e in self._edits or ()] + [path for path, _ in self._pictures()]
        return sorted({Path(path).parent.as_posix() for path in paths})

    def run(self, root: Path, *, durable: bool = True) -> None:
        """Change the tree below a folder, and read it back."""
        with locked(root) as folder:
            if unfinished(root):
                raise DatasetError(
                    f"{root}: an earlier change was interrupted; take it back first with "
                    f"`fastlabel undo`"
                )
            clear(folder)
            transaction = None
            try:
                transaction = Transaction(root, folder, durable=durable)
                self._collect(root, transaction)
                self.plan.write(transaction.part / "plan.parquet")
                transaction.commit({"plan": "plan.parquet", "data": dict(self.plan.data)})
            except BaseException as error:
                if transaction is not None:
                    transaction.discard()
                if isinstance(error, OSError) and error.errno in FULL:
                    raise disk_full(error, root) from error
                raise
            self._read_back(root, folder, transaction.name)

    def _read_back(self, root: Path, folder: Path, name: str) -> None:
        from .journal import roll_back

        try:
            after = reread(root, self.known)
            verify(self.ds, after, self.changes)
        except BaseException:
            roll_back(root, folder, name)
            raise
        note = convention_note(self.ds, after)
        if note is not None:
            self.notes.append(note)

    def _collect(self, root: Path, transaction: Transaction) -> None:
        pictures = self._pictures()
        aside = [path for path, action in pictures if action == "quarantine_image"]
        quarantine = (
            _free_name(root)
            if any(row["action"] == "quarantine_image" for row in self.rows)
            else None
        )
        if quarantine is not None and quarantine != QUARANTINE:
            self.notes.append(f"{QUARANTINE} is there from before; this plan's is {quarantine}")
        for edit in self._edits or ():
            path = _real(root, edit.path)
            if edit.after is None:
                transaction.remove(path)
            elif edit.before is None:
                transaction.create(path, edit.after)
            else:
                transaction.replace(path, edit.before, edit.after)
            if edit.cut and quarantine is not None:
                transaction.create(f"{quarantine}/{edit.path}", edit.cut)
        for path, _ in pictures:
            if not os.path.lexists(root / path):
                continue
            if path in aside and not (root / path).is_symlink():
                transaction.move(path, f"{quarantine}/{path}")
                continue
            if path in aside:  # a link would lead elsewhere from there
                transaction.create(f"{quarantine}/{path}", (root / path).read_bytes())
            transaction.remove(path)


def _free_name(root: Path) -> str:
    name, number = QUARANTINE, 1
    while os.path.lexists(root / name):
        number += 1
        name = f"{QUARANTINE}-{number}"
    return name


def _real(root: Path, path: str) -> str:
    """Where a label file really is, so that a link to it stays one."""
    real = os.path.realpath(root / path)
    top = os.path.realpath(root)
    if not real.startswith(top.rstrip("/") + "/"):
        raise DatasetError(f"{root / path}: leads outside the tree, so it is not changed")
    return os.path.relpath(real, top)
