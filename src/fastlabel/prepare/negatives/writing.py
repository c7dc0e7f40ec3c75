"""The new set: pictures, labels, ledger and page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...dataset import Dataset
from ...formats import layout, write
from ..pictures import Placed, place_pictures
from .candidates import Candidate

if TYPE_CHECKING:
    from ...formats._write import WriteReport
    from ...scan.limits import Limits

__all__ = ["LEDGER", "Writer", "sizes_of"]

#: Names in the new folder.
LEDGER, PAGE = "negatives.parquet", "negatives.html"
#: Pictures on the page.
SHOWN = 60

#: One row a negative that was added.
ADDED = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),  # in the new set
        ("split", pa.string()),
        pa.field("kind", pa.string(), nullable=False),  # frame, tile, false-alarm or crop
        ("source", pa.string()),  # the root it comes from
        ("source_path", pa.string()),  # below that
        ("x1", pa.int64()),  # the window of a crop, in the upright picture
        ("y1", pa.int64()),
        ("x2", pa.int64()),
        ("y2", pa.int64()),
        ("score", pa.float64()),  # of the surest false alarm; null: not known
        ("said", pa.string()),  # the class that the model said
        ("content_hash", pa.string()),  # of the source's file
    ]
)


@dataclass
class Writer:
    """What the new set is made of.

    Attributes
    ----------
    own : Dataset
        The set.
    others : list of Dataset
        Where the negatives come from.
    stats : list of pyarrow.Table
        Of the images of each of them, as a scan measured them.
    split : str or None
        Where they go.
    limits, workers
        Of the decoding.
    failures : list of (str, str)
        Filled with the files that could not be used.
    """

    own: Dataset
    others: list[Dataset]
    stats: list[pa.Table]
    split: str | None
    limits: Limits
    workers: int
    failures: list[tuple[str, str]]

    def write(
        self,
        chosen: list[Candidate],
        staging: Path,
        to: str,
        quality: int,
        link: bool,
        progress: Callable[[int, int], None] | None,
    ) -> tuple[pa.Table, WriteReport, Placed, Dataset]:
        """Write everything below a folder; the ledger, the labels, the pictures and the set."""
        import pyarrow.parquet as pq

        both = _with_rows(self.own, self._rows(chosen))
        places = layout(both.images, to)
        n = len(self.own)
        pictures = place_pictures(self.own, places[:n], staging, link=link, progress=progress)
        kept, paths = self._place(chosen, places[n:], staging, quality, link)
        # Made again, without what could not be cut; the places of the others stay.
        both = _with_rows(self.own, self._rows(kept))
        at = both.images.schema.get_field_index("path")
        placed = pa.array([*places[:n], *paths], pa.string())
        new = replace(both, images=both.images.set_column(at, "path", placed))
        report = write(new, staging, to)
        ledger = self._ledger(kept, paths)
        pq.write_table(ledger, staging / LEDGER, compression="zstd")
        (staging / PAGE).write_text(_page(ledger, staging), encoding="utf-8", newline="\n")
        return ledger, report, pictures, new

    def _place(
        self, chosen: list[Candidate], places: list[str], staging: Path, quality: int, link: bool
    ) -> tuple[list[Candidate], list[str]]:
        """Copy whole pictures and cut windows; those that were, and where they are."""
        from ...cut import CutJob, cut_tiles

        good = np.ones(len(chosen), bool)
        for at, ds in enumerate(self.others):
            whole = [k for k, c in enumerate(chosen) if c.source == at and c.window is None]
            rows = pa.array([chosen[k].image for k in whole], pa.int64())
            part = replace(ds, images=ds.images.take(rows))
            place_pictures(part, [places[k] for k in whole], staging, link=link)
            for k in whole:
                if not (staging / places[k]).is_file():
                    self.failures.append((self._name(chosen[k]), "the file is gone"))
                    good[k] = False
        jobs, cut_at = [], []
        for k, (candidate, place) in enumerate(zip(chosen, places, strict=True)):
            if candidate.window is None:
                continue
            ds = self.others[candidate.source]
            file = ds.root / str(ds.images["path"][candidate.image].as_py())
            (staging / place).parent.mkdir(parents=True, exist_ok=True)
            jobs.append(CutJob(file, np.array([candidate.window]), [staging / place]))
            cut_at.append(k)
        result = cut_tiles(jobs, quality=quality, workers=self.workers, limits=self.limits)
        for k, outcome in zip(cut_at, result.jobs, strict=True):
            if outcome.status != "ok" or "failed" in outcome.modes:
                good[k] = False
                (staging / places[k]).unlink(missing_ok=True)
                why = outcome.detail or outcome.status
                self.failures.append((self._name(chosen[k]), str(why)))
        kept = np.flatnonzero(good).tolist()
        return [chosen[k] for k in kept], [places[k] for k in kept]

    def _name(self, candidate: Candidate) -> str:
        ds = self.others[candidate.source]
        return str(ds.images["file_name"][candidate.image].as_py())

    def _rows(self, chosen: list[Candidate]) -> pa.Table:
        """The new rows of ``images``; ids are given later."""
        rows = []
        for c in chosen:
            ds = self.others[c.source]
            row = ds.images.select(["file_name", "path"]).slice(c.image, 1).to_pylist()[0]
            width, height = sizes_of(self.stats[c.source].slice(c.image, 1))[0].tolist()
            stats = self.stats[c.source].slice(c.image, 1)
            turned = (stats["orientation"][0].as_py() or 1) >= 5
            path = str(row["path"])
            if c.window is not None:
                x1, y1, x2, y2 = c.window
                width, height = x2 - x1, y2 - y1
                stem = Path(path).stem
                path = f"{stem}_{x1}_{y1}_{x2}_{y2}.jpg"
                turned = False
            rows.append(
                {
                    "file_name": Path(path).name,
                    "path": path,
                    "split": self.split,
                    "width": width,
                    "height": height,
                    "size_source": "exif" if turned else "decoded",
                    "label_state": "labelled_empty",
                }
            )
        return pa.Table.from_pylist(rows, schema=_IMAGE_PART)

    def _ledger(self, chosen: list[Candidate], paths: list[str]) -> pa.Table:
        rows = []
        for c, path in zip(chosen, paths, strict=True):
            ds = self.others[c.source]
            x1, y1, x2, y2 = c.window or (None, None, None, None)
            rows.append(
                {
                    "path": path,
                    "split": self.split,
                    "kind": c.kind,
                    "source": str(ds.root),
                    "source_path": ds.images["path"][c.image].as_py(),
                    "x1": x1,
                    "y1": y1,
                    "x2": x2,
                    "y2": y2,
                    "score": c.score,
                    "said": c.said,
                    "content_hash": self.stats[c.source]["content_hash"][c.image].as_py(),
                }
            )
        table = pa.Table.from_pylist(rows, schema=ADDED)
        about = {"split": self.split, "roots": [str(ds.root) for ds in self.others]}
        return table.replace_schema_metadata({b"fastlabel.negatives": json.dumps(about)})


_IMAGE_PART = pa.schema(
    [
        ("file_name", pa.string()),
        ("path", pa.string()),
        ("split", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("size_source", pa.string()),
        ("label_state", pa.string()),
    ]
)


def sizes_of(stats: pa.Table) -> npt.NDArray[np.int64]:
    """(images, 2) width and height of the upright pictures; 0 where unknown."""
    width, height, turn = (
        np.asarray(pc.fill_null(stats[name].cast(pa.int64()), 0))
        for name in ("width", "height", "orientation")
    )
    turned = turn >= 5
    return np.stack([np.where(turned, height, width), np.where(turned, width, height)], axis=1)


def _with_rows(own: Dataset, rows: pa.Table) -> Dataset:
    """The set with more images behind its own."""
    n, more = len(own), rows.num_rows
    columns = []
    for part in own.images.schema:
        if part.name == "image_id":
            columns.append(pa.array(np.arange(n, n + more)))
        elif part.name in rows.column_names:
            columns.append(rows[part.name].combine_chunks())
        else:
            columns.append(pa.nulls(more, part.type))
    table = pa.Table.from_arrays(columns, names=own.images.schema.names).cast(own.images.schema)
    return replace(own, images=pa.concat_tables([own.images, table]))


def _page(ledger: pa.Table, folder: Path) -> str:
    """Some of what was added, to make sure that it is empty."""
    from ...report.gallery import cards, gallery_page
    from ...report.text import count, number

    n = ledger.num_rows
    at = np.arange(n) if n <= SHOWN else np.linspace(0, n - 1, SHOWN).round().astype(np.int64)
    items = [
        (
            partial((folder / row["path"]).read_bytes),
            row["path"],
            [
                row["kind"],
                ""
                if row["score"] is None
                else f"said to be {row['said']}, score {number(row['score'])}",
            ],
        )
        for row in ledger.take(pa.array(at)).to_pylist()
    ]
    shown = "" if len(items) == n else f", {len(items)} of them here"
    lead = (
        f'<p class="lead">{count(n, "picture")} added as empty{shown}. An object in one of them is '
        "a label that is missing: the model would be taught not to see it.</p>"
    )
    return gallery_page("Negatives", lead + cards(items))
