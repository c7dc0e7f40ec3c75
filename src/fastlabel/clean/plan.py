"""A plan: every change as one row that a person can read, edit and strike out.

Nothing is changed by making a plan. Each row says what, where, why, what is there before
and after, whether it loses anything, and the hashes of the two files it was made for.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .. import schema
from ..dataset import Dataset, DatasetError
from .places import Places

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ABOUT_IMAGES", "Plan"]

#: Actions on a whole image.
ABOUT_IMAGES = frozenset(("exclude_image", "quarantine_image"))

#: Key of the Parquet file's metadata that holds :attr:`Plan.data`.
_KEY = b"fastlabel.plan"


@dataclass(frozen=True, eq=False)
class Plan:
    """Changes of one data set, and which data set that is.

    Attributes
    ----------
    table : pyarrow.Table
        One row a change, as ``fastlabel.schema.PLAN``.
    data : mapping
        The data set it was made for: ``root``, ``file`` (where one label file was read, not
        the folder), ``format``, ``voc_base``, ``split``. Plain JSON values.
    notes : tuple of str
        What was left out of it, and why.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> labels = {
    ...     "images": [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}],
    ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 30, 40]}],
    ...     "categories": [{"id": 3, "name": "raccoon"}, {"id": 4, "name": "fox"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     ds = fl.read(folder)
    ...     plan = Plan.from_actions(
    ...         ds, [{"action": "relabel", "annotation_id": 0, "category": "fox"}]
    ...     )
    >>> plan.table.select(["action", "label_file", "after", "safe"]).to_pylist()
    [{'action': 'relabel', 'label_file': 'labels.json',
      'after': '{"category_id": 1, "category": "fox"}', 'safe': False}]
    """

    table: pa.Table
    data: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        parts = ", ".join(f"{n:,} {action}" for action, n in self.counts().items())
        return f"Plan({parts or 'empty'})"

    def counts(self) -> dict[str, int]:
        """Rows of each action, in the order of ``schema.ACTIONS``."""
        found: dict[str, int] = {}
        for action in self.table["action"].to_pylist():
            found[action] = found.get(action, 0) + 1
        return {action: found[action] for action in schema.ACTIONS if action in found}

    @classmethod
    def from_actions(
        cls,
        ds: Dataset,
        rows: Iterable[Mapping[str, Any]],
        *,
        file: str | None = None,
        notes: Sequence[str] = (),
    ) -> Plan:
        """Make a plan of actions on the rows of a data set.

        Parameters
        ----------
        ds : Dataset
            As it was read from files; it is not changed.
        rows : iterable of mapping
            ``action``, one of ``schema.ACTIONS``; ``annotation_id``, or ``image_id`` for
            ``add_box`` and what is about a whole image; then what the action needs:
            ``category_id`` or ``category`` (the name) for ``relabel`` and ``add_box``,
            ``box`` (x1, y1, x2, y2 in pixels) for ``replace_box`` and ``add_box``,
            ``weight`` for ``set_weight``. ``codes``, ``reason`` and ``score`` if there are any.
        file : str, optional
            The label file, relative to ``ds.root``, where ``ds`` was read from this one
            file and its folder holds others.
        notes : sequence of str
            What a reader of the plan should know.

        Returns
        -------
        Plan

        Raises
        ------
        DatasetError
            If a row cannot be carried out; the message names it.
        """
        from .checks import check_rows

        given = list(rows)
        table = Places(ds).table(given)
        check_rows(ds, table)
        return cls(table, _data_of(ds, file), tuple(notes))

    def write(self, path: str | os.PathLike[str]) -> list[Path]:
        """Write the plan as Parquet, and beside it as Markdown for people.

        Returns
        -------
        list of pathlib.Path
            ``PATH`` and ``PATH`` with the ending ``.md``.
        """
        import pyarrow.parquet as pq

        from .._output import write_whole
        from .page import markdown

        where = Path(path)
        if where.suffix != ".parquet":
            raise DatasetError(f"{where}: a plan is a Parquet file; name it {where.stem}.parquet")
        where.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**self.data, "notes": list(self.notes)}, ensure_ascii=False)
        table = self.table.replace_schema_metadata({_KEY: text.encode()})
        page = where.with_suffix(".md")
        write_whole(
            {
                where: lambda part: pq.write_table(table, part, compression="zstd"),
                page: lambda part: part.write_text(markdown(self), encoding="utf-8", newline="\n"),
            }
        )
        return [where, page]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a plan that was written, and perhaps edited since.

        Raises
        ------
        DatasetError
            If it is no Parquet file or lacks a column.
        """
        import pyarrow.parquet as pq

        where = Path(path)
        if not where.is_file():
            raise DatasetError(f"{where}: no such plan; make one with `fastlabel clean`")
        try:
            table = pq.read_table(where)
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{where}: is no Parquet file: {error}") from error
        data = _metadata(where, table)
        notes = tuple(str(note) for note in data.pop("notes", ()))
        return cls(_as_plan(where, table), data, notes)


def _data_of(ds: Dataset, file: str | None) -> dict[str, Any]:
    base = None
    if ds.format == "voc":
        base = int(bool(ds.meta.get("inclusive", False)))
    return {
        "root": str(Path(ds.root).resolve()),
        "file": file,
        "format": ds.format,
        "voc_base": base,
        "split": ds.meta.get("selected_split"),
    }


def _metadata(where: Path, table: pa.Table) -> dict[str, Any]:
    text = (table.schema.metadata or {}).get(_KEY)
    if text is None:  # some editors keep the columns alone; then the caller names the data
        return {}
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DatasetError(f"{where}: its metadata {_KEY.decode()!r} is not JSON") from error
    if not isinstance(data, dict):
        raise DatasetError(f"{where}: its metadata {_KEY.decode()!r} is no object")
    return data


def _as_plan(where: Path, table: pa.Table) -> pa.Table:
    """The columns of a plan, whatever an editor made of their types."""
    import pyarrow.compute as pc

    columns = []
    for field in schema.PLAN:
        if field.name not in table.column_names:
            raise DatasetError(
                f"{where}: is no plan: it has no column {field.name!r}; make one with "
                "`fastlabel clean`"
            )
        values = table[field.name]
        if pa.types.is_floating(values.type) and not pa.types.is_floating(field.type):
            # An editor without nulls for whole numbers writes NaN.
            values = pc.if_else(pc.is_nan(values), None, values)
        try:
            columns.append(values.cast(field.type))
        except (pa.ArrowException, NotImplementedError) as error:
            raise DatasetError(
                f"{where}: the column {field.name!r} is {values.type}, expected {field.type}: "
                f"{error}"
            ) from error
    result = pa.Table.from_arrays(columns, names=schema.PLAN.names)
    for field in schema.PLAN:
        if not field.nullable and result[field.name].null_count:
            raise DatasetError(f"{where}: the column {field.name!r} has an empty cell; fill it")
    return result.cast(schema.PLAN).combine_chunks()
