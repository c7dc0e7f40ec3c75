"""What scans of parts of a set say about the whole: a summary that merges, and is exact.

Counts are whole numbers and sums are exact, so the summaries of two parts, added, are bit for
bit the summary of both, in any order, in any tree and on any machine.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from .. import _core, schema
from ..tables import Category, GroupedStats, Histogram, Log, Regular
from .arrays import strings

__all__ = ["PARTIAL", "Partial", "Tree", "merged"]

#: A partial summary as a table: one row a statistic, its state as JSON.
PARTIAL = pa.schema(
    [
        pa.field("table", pa.string(), nullable=False),  # images or boxes
        pa.field("statistic", pa.string(), nullable=False),  # counts, moments, or a column
        pa.field("state", pa.string(), nullable=False),
    ]
)

_FORMATS = tuple(name for name in _core.FORMATS if name)

#: Bins of the histogram of each column; what lies outside and what is null is counted too.
_IMAGE_AXES = {
    "bytes": Log(64, 1, 2.0**32),
    "width": Log(64, 1, 65536),
    "height": Log(64, 1, 65536),
    "luma_mean": Regular(64, 0, 256),
    "luma_std": Regular(64, 0, 128),
    "dark_fraction": Regular(50, 0, 1),
    "bright_fraction": Regular(50, 0, 1),
    "entropy": Regular(64, 0, 8),
    "laplacian_variance": Log(64, 2.0**-8, 2.0**16),
    "noise_sigma": Regular(64, 0, 64),
    "sharpness": Log(64, 2.0**-8, 2.0**16),
    "acutance": Regular(64, 0, 8),
}
_BOX_AXES = {
    "pixels": Log(64, 1, 2.0**32),
    "luma_mean": Regular(64, 0, 256),
    "contrast": Regular(64, 0, 128),
    "laplacian_variance": Log(64, 2.0**-8, 2.0**16),
    "sharpness": Log(64, 2.0**-8, 2.0**16),
    "acutance": Regular(64, 0, 8),
}
_TABLES = {"images": _IMAGE_AXES, "boxes": _BOX_AXES}

_State = Histogram | GroupedStats


class Partial:
    """A summary of some rows of ``image_stats`` and ``box_stats`` that can be added to others.

    An empty one adds nothing. :meth:`of` makes one of tables; ``a + b`` and :func:`merged` give
    a new one, :meth:`merge` adds to this one.

    Attributes
    ----------
    counts : fastlabel.tables.Histogram
        Images by status and format.
    histograms : dict
        For ``"images"`` and ``"boxes"`` a :class:`~fastlabel.tables.Histogram` of each column.
    moments : dict
        For ``"images"`` and ``"boxes"`` a :class:`~fastlabel.tables.GroupedStats` of the same
        columns: exact count, extremes, sum, mean and variance.

    Examples
    --------
    >>> import cv2, numpy as np, fastlabel as fl
    >>> from fastlabel.engines import Partial
    >>> tones = [np.full((8, 8), tone, np.uint8) for tone in (10, 50)]
    >>> parts = [Partial.of(fl.scan([cv2.imencode(".jpg", t)[1].tobytes()])) for t in tones]
    >>> both = parts[0] + parts[1]
    >>> both.images, both.moments["images"].mean("luma_mean").item()
    (2, 30.0)
    """

    def __init__(self) -> None:
        self.counts = Histogram(
            Category(schema.STATUSES, name="status"), Category(_FORMATS, name="format")
        )
        self.histograms = {
            table: {name: Histogram(axis) for name, axis in axes.items()}
            for table, axes in _TABLES.items()
        }
        self.moments = {table: GroupedStats(values=list(axes)) for table, axes in _TABLES.items()}

    @classmethod
    def of(cls, image_stats: Any, box_stats: Any = None) -> Partial:
        """Sum up tables.

        Parameters
        ----------
        image_stats : pyarrow.Table or RecordBatch
            ``fastlabel.schema.IMAGE_STATS``.
        box_stats : pyarrow.Table or RecordBatch, optional
            ``fastlabel.schema.BOX_STATS``.
        """
        made = cls()
        made.counts.fill_from(image_stats, ["status", "format"])
        for name, rows in (("images", image_stats), ("boxes", box_stats)):
            if rows is None or rows.num_rows == 0:
                continue
            made.moments[name].fill_from(rows, list(_TABLES[name]))
            for column, histogram in made.histograms[name].items():
                histogram.fill_from(rows, [column])
        return made

    @property
    def images(self) -> int:
        """Images summed up."""
        return self.counts.total

    @property
    def boxes(self) -> int:
        """Boxes summed up, those that could not be measured too."""
        return self.histograms["boxes"]["pixels"].total

    def merge(self, other: Partial) -> Partial:
        """Add another one to this one; gives this one."""
        if not isinstance(other, Partial):
            raise TypeError(f"other: got {type(other).__name__}, expected a Partial")
        for mine, theirs in zip(self._states().values(), other._states().values(), strict=True):
            mine.merge(theirs)  # type: ignore[arg-type]
        return self

    def __add__(self, other: Partial) -> Partial:
        return Partial().merge(self).merge(other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Partial) and self._states() == other._states()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Partial({self.images:,} images, {self.boxes:,} boxes)"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: counts by status and format, and of each column what it holds.

        Returns
        -------
        dict
            ``images``, ``boxes``, ``statuses``, ``formats`` (only what is there), and for
            ``columns`` by table and column: known, unknown, min, max, mean, std, and the
            histogram as ``edges``, ``counts``, ``below`` and ``above``. Null where no number
            is known.
        """
        cells = self.counts.counts(flow=True)
        inner = cells[1:-2]
        return {
            "images": self.images,
            "boxes": self.boxes,
            "statuses": _present(schema.STATUSES, inner.sum(axis=1)),
            "formats": _present(_FORMATS, cells.sum(axis=0)[1:-2]),
            "columns": {
                table: {name: self._column(table, name) for name in axes}
                for table, axes in _TABLES.items()
            },
        }

    def _column(self, table: str, name: str) -> dict[str, Any]:
        moments, histogram = self.moments[table], self.histograms[table][name]
        count = int(moments.count(name))
        edges = histogram.edges[0]
        assert edges is not None
        flow = histogram.counts(flow=True)
        plain: dict[str, Any] = {"known": count, "unknown": int(moments.unknown(name))}
        for key, value in (
            ("min", moments.min(name)),
            ("max", moments.max(name)),
            ("mean", moments.mean(name)),
            ("std", moments.std(name)),
        ):
            plain[key] = float(value) if count else None
        plain["edges"], plain["counts"] = edges.tolist(), histogram.counts().tolist()
        plain["below"], plain["above"] = int(flow[0]), int(flow[-2])
        return plain

    def to_arrow(self) -> pa.RecordBatch:
        """As a batch of three text columns, for a file or another machine; exact.

        Equal summaries are equal batches.
        """
        keys, states = zip(*self._states().items(), strict=True)
        texts = [json.dumps(state.to_dict(), separators=(",", ":")) for state in states]
        columns = [strings([k[0] for k in keys]), strings([k[1] for k in keys]), strings(texts)]
        return pa.RecordBatch.from_arrays(columns, schema=PARTIAL)

    @classmethod
    def from_arrow(cls, rows: pa.RecordBatch | pa.Table) -> Partial:
        """Read what :meth:`to_arrow` wrote.

        Raises
        ------
        ValueError
            If it is not that, or of a version with other statistics.
        """
        made = cls()
        wanted = made._states()
        got = {(r["table"], r["statistic"]): r["state"] for r in rows.to_pylist()}
        if got.keys() != wanted.keys():
            raise ValueError("rows: got other statistics, expected those of this version")
        for key, state in wanted.items():
            read = type(state).from_dict(json.loads(got[key]))
            try:
                state.merge(read)  # type: ignore[arg-type]
            except ValueError as error:
                raise ValueError(f"rows: {' '.join(key)}: {error}") from error
        return made

    def to_bytes(self) -> bytes:
        """As compressed bytes: a cell of a table that an engine carries."""
        sink = pa.BufferOutputStream()
        batch = self.to_arrow()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return zlib.compress(sink.getvalue(), 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> Partial:
        """Read what :meth:`to_bytes` wrote."""
        try:
            with pa.ipc.open_stream(zlib.decompress(data)) as reader:
                return cls.from_arrow(reader.read_all())
        except (zlib.error, pa.ArrowInvalid, KeyError) as error:
            raise ValueError(f"data: is no partial summary ({error})") from error

    def _states(self) -> dict[tuple[str, str], _State]:
        states: dict[tuple[str, str], _State] = {("images", "counts"): self.counts}
        for table, axes in _TABLES.items():
            states[table, "moments"] = self.moments[table]
            for name in axes:
                states[table, name] = self.histograms[table][name]
        return states


def _present(names: Iterable[str], counts: Any) -> dict[str, int]:
    return {name: int(n) for name, n in zip(names, counts, strict=True) if n}


def merged(partials: Iterable[Partial]) -> Partial:
    """The sum of all, merged as a tree.

    Parameters
    ----------
    partials : iterable of Partial
        Any number; of none comes an empty one.

    Examples
    --------
    >>> from fastlabel.engines import Partial, merged
    >>> merged([]) == Partial()
    True
    """
    tree = Tree()
    for partial in partials:
        tree.add(Partial() + partial)
    return tree.total()


class Tree:
    """Partials merged as they arrive, equals with equals: each is added to log2(n) sums.

    What is added is taken over, and must not be used afterwards.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Partial]] = []  # (levels below it, sum)

    def add(self, partial: Partial) -> None:
        """Add one more."""
        level = 0
        while self._waiting and self._waiting[-1][0] == level:
            partial = self._waiting.pop()[1].merge(partial)
            level += 1
        self._waiting.append((level, partial))

    def total(self) -> Partial:
        """The sum of all that were added."""
        total = Partial()
        for _, partial in reversed(self._waiting):
            total.merge(partial)
        return total
