"""``fl.diff``: two sets, or two versions of one, side by side."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._ranks import percentiles
from .describe import counts_of, known_values
from .divergence import distances, jensen_shannon
from .features import FEATURES, Feature, Side, load
from .matching import Floats, Ints, as_int64, equal_rows, match_boxes, match_texts

__all__ = ["CHANGES", "KINDS", "Diff", "diff"]

#: What can have changed, in the order it is shown.
KINDS = (
    "class-added", "class-removed", "class-renamed",
    "image-added", "image-removed", "image-renamed", "image-replaced", "image-resplit",
    "box-added", "box-removed", "box-moved", "box-relabelled",
)  # fmt: skip

#: One row a change; ids are row numbers of the one and of the other set.
CHANGES = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        ("image_a", pa.int64()),
        ("image_b", pa.int64()),
        ("annotation_a", pa.int64()),
        ("annotation_b", pa.int64()),
        ("before", pa.string()),  # path of the image, split, or name of the class
        ("after", pa.string()),
        ("iou", pa.float64()),  # of a box with itself after the change
        ("shift", pa.float64()),  # farthest that one of its four edges moved, px
    ]
)
#: A class is renamed if so much of its matched boxes went to the other, and the reverse.
RENAMED = 0.9
EXAMPLES = 3


@dataclass(frozen=True, eq=False)
class Diff:
    """What :func:`diff` found.

    Attributes
    ----------
    summary : dict
        Plain JSON values: counts of each kind of change with examples, how far boxes moved,
        and the divergence of each feature.
    changes : pyarrow.Table
        Every change (:data:`CHANGES`), by kind.
    """

    summary: dict[str, Any]
    changes: pa.Table

    @property
    def same(self) -> bool:
        """Whether nothing changed."""
        return bool(self.changes.num_rows == 0)

    def __repr__(self) -> str:
        counts = {k: n for k, n in self.summary["changes"].items() if n}
        said = ", ".join(f"{n:,} {k}" for k, n in counts.items())
        return f"Diff({said or 'no change'})"

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page: one file, offline, without scripts."""
        from .._output import write_whole
        from .page import diff_page

        text = diff_page(self)
        write_whole({Path(path): lambda part: part.write_text(text, encoding="utf-8")})

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write ``changes`` as Parquet."""
        import pyarrow.parquet as pq

        from .._output import write_whole

        write_whole({Path(path): lambda part: pq.write_table(self.changes, part)})


def diff(a: Any, b: Any, *, min_iou: float = 0.5) -> Diff:
    """Compare two data sets, or two versions of one, by their tables.

    Images are the same by their path; those left over by the hash of their bytes, where both
    sides were scanned (reports): they were renamed. A box that stands in both sets to the last
    bit is the same; of the others those of one image and class are matched from the highest
    IoU down (moved), then those of different classes (relabelled); the rest was added or
    removed. A class that took over nine tenths of another's boxes is that class, renamed.

    Parameters
    ----------
    a, b : Dataset, Report or path-like
        Data sets, or the folders of reports.
    min_iou : float
        Two boxes that overlap less are not the same box.

    Returns
    -------
    Diff

    Raises
    ------
    DatasetError
        For a path that is neither a data set nor a report's folder.
    ValueError
        For a ``min_iou`` that is not above 0 and at most 1.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel as fl
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.jpg").write_bytes(b"no picture")
    ...     fl.diff(folder, folder).same
    True
    """
    if not 0 < min_iou <= 1:
        raise ValueError(f"min_iou: got {min_iou!r}, expected a number above 0 and at most 1")
    left, right = load(a), load(b)
    found = _Changes(left, right)
    image_of_a = _images(found)
    moved = _boxes(found, image_of_a, min_iou)
    table = found.table()
    counts = {row["values"]: row["counts"] for row in pc.value_counts(table["kind"]).to_pylist()}
    summary = {
        "schema": 1,
        "a": _facts(left),
        "b": _facts(right),
        "same": table.num_rows == 0,
        "min_iou": float(min_iou),
        "hashes": left.image_stats is not None and right.image_stats is not None,
        "changes": {kind: counts.get(kind, 0) for kind in KINDS},
        "examples": _examples(table),
        "moved": moved,
        "features": [
            _divergence(f, left, right)
            for f in FEATURES
            if not f.pixels or (left.image_stats is not None and right.image_stats is not None)
        ],
    }
    return Diff(summary, table)


def _facts(side: Side) -> dict[str, Any]:
    ds = side.ds
    return {
        "name": side.name,
        "format": ds.format,
        "images": len(ds),
        "boxes": ds.annotations.num_rows,
        "classes": ds.categories.num_rows,
    }


class _Changes:
    """Changes as they are found, columns of one kind at a time."""

    def __init__(self, a: Side, b: Side) -> None:
        self.a, self.b = a, b
        self.tables: list[pa.Table] = []

    def add(self, kind: str, **columns: Any) -> None:
        n = max(len(values) for values in columns.values())
        if not n:
            return
        arrays = []
        for field in CHANGES:
            if field.name == "kind":
                arrays.append(pa.repeat(pa.scalar(kind), n))
            elif field.name in columns:
                values = columns[field.name]
                made = values if isinstance(values, pa.ChunkedArray) else pa.array(values)
                arrays.append(made.cast(field.type))
            else:
                arrays.append(pa.nulls(n, field.type))
        self.tables.append(pa.table(arrays, schema=CHANGES))

    def table(self) -> pa.Table:
        order = {kind: at for at, kind in enumerate(KINDS)}
        self.tables.sort(key=lambda t: order[t["kind"][0].as_py()])
        return pa.concat_tables([CHANGES.empty_table(), *self.tables]).combine_chunks()


def _paths(side: Side) -> pa.ChunkedArray:
    return pc.coalesce(side.ds.images["path"], side.ds.images["file_name"])


def _images(found: _Changes) -> Ints:
    """Row in b of each image of a, -1 where it is gone; tells what became of the others."""
    a, b = found.a, found.b
    left, right = _paths(a), _paths(b)
    rows_a, rows_b = match_texts(left, right)
    partner = np.full(len(a.ds), -1, np.int64)
    partner[rows_a] = rows_b
    gone, new = np.flatnonzero(partner < 0), _unused(len(b.ds), rows_b)
    if a.image_stats is not None and b.image_stats is not None:
        hash_a, hash_b = a.image_stats["content_hash"], b.image_stats["content_hash"]
        i, j = match_texts(hash_a.take(pa.array(gone)), hash_b.take(pa.array(new)))
        i, j = gone[i], new[j]
        partner[i] = j
        found.add(
            "image-renamed", image_a=i, image_b=j, before=left.take(pa.array(i)),
            after=right.take(pa.array(j)),
        )  # fmt: skip
        gone, new = np.flatnonzero(partner < 0), np.setdiff1d(new, j)
        other = pc.not_equal(hash_a.take(pa.array(rows_a)), hash_b.take(pa.array(rows_b)))
        changed = np.asarray(pc.fill_null(other, False).to_numpy(), np.bool_)
    else:  # without the bytes only another size tells
        (wa, ha), (wb, hb) = a.size, b.size
        changed = (wa[rows_a] != wb[rows_b]) | (ha[rows_a] != hb[rows_b])
        changed &= np.isfinite(wa[rows_a]) & np.isfinite(wb[rows_b])
    at, to = rows_a[changed], rows_b[changed]
    names = left.take(pa.array(at))
    found.add("image-replaced", image_a=at, image_b=to, before=names, after=names)
    found.add("image-removed", image_a=gone, before=left.take(pa.array(gone)))
    found.add("image-added", image_b=new, after=right.take(pa.array(new)))
    at = np.flatnonzero(partner >= 0)
    before = a.ds.images["split"].take(pa.array(at))
    after = b.ds.images["split"].take(pa.array(partner[at]))
    moved = pc.not_equal(pc.fill_null(before, "\0"), pc.fill_null(after, "\0"))
    at = at[np.asarray(moved.to_numpy(), np.bool_)]
    found.add(
        "image-resplit", image_a=at, image_b=partner[at],
        before=a.ds.images["split"].take(pa.array(at)),
        after=b.ds.images["split"].take(pa.array(partner[at])),
    )  # fmt: skip
    return partner


def _unused(n: int, used: Ints) -> Ints:
    free = np.ones(n, np.bool_)
    free[used] = False
    return np.flatnonzero(free)


def _names(side: Side) -> list[str]:
    rows = side.ds.categories.select(["name", "source_id"]).to_pylist()
    return [str(r["name"] if r["name"] is not None else r["source_id"]) for r in rows]


def _corners(side: Side) -> Floats:
    columns = [side.floats("annotations", c) for c in ("x1", "y1", "x2", "y2")]
    return np.stack(columns, axis=1) + 0.0  # minus zero is zero


def _boxes(found: _Changes, partner: Ints, min_iou: float) -> dict[str, Any] | None:
    """Match the boxes of images that are in both sets; gives how far moved ones moved."""
    a, b = found.a, found.b
    names_a, names_b = _names(a), _names(b)
    every = {name: at for at, name in enumerate(dict.fromkeys([*names_a, *names_b]))}
    n_classes = len(every) + 1
    class_a, class_b = (
        np.array([*(every[n] for n in names), n_classes - 1], np.int64)[
            as_int64(side.ds.annotations["category_id"])
        ]
        for side, names in ((a, names_a), (b, names_b))
    )
    boxes_a, boxes_b = _corners(a), _corners(b)
    image_a, image_b = a.image_of, np.full(len(b.ds), -1, np.int64)
    kept = np.flatnonzero(partner >= 0)
    image_b[partner[kept]] = kept
    image_b = image_b[b.image_of]  # counted in images of a
    left = np.flatnonzero(partner[image_a] >= 0)
    right = np.flatnonzero(image_b >= 0)

    def columns(boxes: Floats, image: Ints, classes: Ints, rows: Ints) -> list[Any]:
        return [image[rows], classes[rows], *(boxes[rows, at] for at in range(4))]

    i, j = equal_rows(
        columns(boxes_a, image_a, class_a, left), columns(boxes_b, image_b, class_b, right)
    )
    left, right = _less(left, i), _less(right, j)
    stay = np.bincount(class_a, minlength=n_classes) - np.bincount(
        class_a[left], minlength=n_classes
    )

    def pair(by_class: bool) -> tuple[Ints, Ints, Floats]:
        keys = [
            image[rows] * n_classes + (classes[rows] if by_class else 0)
            for image, classes, rows in ((image_a, class_a, left), (image_b, class_b, right))
        ]
        i, j, iou = match_boxes(boxes_a[left], keys[0], boxes_b[right], keys[1], min_iou)
        return left[i], right[j], iou

    moved_a, moved_b, moved_iou = pair(by_class=True)
    left, right = np.setdiff1d(left, moved_a), np.setdiff1d(right, moved_b)
    other_a, other_b, other_iou = pair(by_class=False)
    left, right = np.setdiff1d(left, other_a), np.setdiff1d(right, other_b)
    stay += np.bincount(class_a[moved_a], minlength=n_classes)
    renamed = _renamed(class_a[other_a], class_b[other_b], stay, n_classes)
    _classes(found, names_a, names_b, renamed, every)
    # A box whose class is only called something else is not relabelled; it may have moved.
    only_name = np.isin(class_a[other_a] * n_classes + class_b[other_b],
                        [old * n_classes + new for old, new in renamed.items()])  # fmt: skip
    shifted = only_name & (boxes_a[other_a] != boxes_b[other_b]).any(axis=1)
    moved_a = np.concatenate([moved_a, other_a[shifted]])
    moved_b = np.concatenate([moved_b, other_b[shifted]])
    moved_iou = np.concatenate([moved_iou, other_iou[shifted]])
    other_a, other_b = other_a[~only_name], other_b[~only_name]
    other_iou = other_iou[~only_name]
    shift = np.abs(boxes_a[moved_a] - boxes_b[moved_b]).max(axis=1, initial=0.0)
    labels = [pa.array([*names_a, None]), pa.array([*names_b, None])]
    of_a, of_b = (as_int64(s.ds.annotations["category_id"]) for s in (a, b))

    def name(side: int, rows: Ints) -> pa.Array:
        ids = (of_a, of_b)[side][rows]
        return labels[side].take(pa.array(ids, mask=ids < 0))

    def places(rows_a: Ints | None, rows_b: Ints | None) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if rows_a is not None:
            out |= {"image_a": image_a[rows_a], "annotation_a": rows_a, "before": name(0, rows_a)}
        if rows_b is not None:
            out |= {"image_b": b.image_of[rows_b], "annotation_b": rows_b, "after": name(1, rows_b)}
        return out

    found.add("box-moved", **places(moved_a, moved_b), iou=moved_iou, shift=shift)
    far = np.abs(boxes_a[other_a] - boxes_b[other_b]).max(axis=1, initial=0.0)
    found.add("box-relabelled", **places(other_a, other_b), iou=other_iou, shift=far)
    found.add("box-removed", **places(left, None))
    found.add("box-added", **places(None, right))
    if not len(shift):
        return None
    points = np.percentile(shift, [50, 95, 100])
    return {
        "boxes": len(shift),
        "median_shift": float(f"{points[0]:.6g}"),
        "p95_shift": float(f"{points[1]:.6g}"),
        "most_shift": float(f"{points[2]:.6g}"),
        "lowest_iou": float(f"{moved_iou.min():.6g}"),
    }


def _less(rows: Ints, taken: Ints) -> Ints:
    """Rows without those at some places."""
    keep = np.ones(len(rows), np.bool_)
    keep[taken] = False
    return rows[keep]


def _renamed(old: Ints, new: Ints, stay: Ints, n: int) -> dict[int, int]:
    """Classes that went over into another, by their common numbers."""
    if not len(old):
        return {}
    pairs, moved = np.unique(old * n + new, return_counts=True)
    source, target = pairs // n, pairs % n
    left = np.bincount(old, minlength=n) + stay  # all boxes of the class that were matched
    came = np.bincount(new, minlength=n)
    mostly = (moved >= RENAMED * left[source]) & (moved >= RENAMED * came[target])
    known = mostly & (source < n - 1) & (target < n - 1)
    out = dict(zip(source[known].tolist(), target[known].tolist(), strict=True))
    return out


def _classes(
    found: _Changes, a: list[str], b: list[str], renamed: dict[int, int], every: dict[str, int]
) -> None:
    names = list(every)
    pairs = [(names[o], names[n]) for o, n in renamed.items()]
    # A class that is in both sets was not renamed: its boxes were.
    pairs = [(o, n) for o, n in pairs if o not in b and n not in a]
    for old in [o for o in renamed if (names[o], names[renamed[o]]) not in pairs]:
        del renamed[old]
    found.add("class-renamed", before=[o for o, _ in pairs], after=[n for _, n in pairs])
    was, now = {o for o, _ in pairs}, {n for _, n in pairs}
    gone = [n for n in a if n not in b and n not in was]
    found.add("class-removed", before=pa.array(gone, pa.string()))
    new = [n for n in b if n not in a and n not in now]
    found.add("class-added", after=pa.array(new, pa.string()))


def _examples(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    out = {}
    for kind in KINDS:
        mine = table.filter(pc.equal(table["kind"], kind))
        if mine.num_rows and kind == "box-moved":  # the farthest first
            mine = mine.take(pc.select_k_unstable(mine, EXAMPLES, [("shift", "descending")]))
        rows = mine.slice(0, EXAMPLES).to_pylist()
        if rows:
            out[kind] = [
                {k: v for k, v in r.items() if v is not None and k != "kind"} for r in rows
            ]
    return out


def _divergence(feature: Feature, a: Side, b: Side) -> dict[str, Any]:
    """How far one feature of two sets is apart."""
    base: dict[str, Any] = {"name": feature.name, "of": feature.of, "unit": feature.unit}
    if feature.axis is None:
        left, right = counts_of(feature, a), counts_of(feature, b)
        names = sorted({*left, *right})
        counts = [[c.get(name, 0) for name in names] for c in (left, right)]
        order = sorted(range(len(names)), key=lambda k: -(counts[0][k] + counts[1][k]))[:50]
        return base | {
            "kind": "categories",
            "jensen_shannon": _rounded(jensen_shannon(*counts)),
            "ks": None,
            "wasserstein": None,
            "categories": [names[k] for k in order],
            "counts_a": [counts[0][k] for k in order],
            "counts_b": [counts[1][k] for k in order],
        }
    from ..tables import Histogram

    assert feature.axis.edges is not None
    values = [known_values(feature, side)[0] for side in (a, b)]
    histograms = [Histogram(feature.axis).fill(v).counts(flow=True)[:-1] for v in values]
    shown = [np.log2(v[v > 0]) if feature.log else v for v in values]
    ks, far = distances(*shown)
    medians = [
        float(f"{percentiles(v, None, [len(v)], [50])[0][0]:.6g}") if len(v) else None
        for v in values
    ]
    return base | {
        "kind": "log" if feature.log else "linear",
        "jensen_shannon": _rounded(jensen_shannon(*histograms)),
        "ks": _rounded(ks),
        "wasserstein": _rounded(far),
        "edges": [float(f"{e:.6g}") for e in feature.axis.edges],
        "counts_a": histograms[0].tolist(),
        "counts_b": histograms[1].tolist(),
        "median_a": medians[0],
        "median_b": medians[1],
    }


def _rounded(value: float) -> float | None:
    return None if value != value else float(f"{value:.6g}")
