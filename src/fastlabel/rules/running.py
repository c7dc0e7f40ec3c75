"""Running the rules: part by part, and what they found as one table, worst first."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import schema
from .._memory import give_back
from .._threads import cpus, in_threads
from .context import PART, Context, Ints, ints, whole
from .fitted import Fit, adjusted, fits_of
from .phrases import join, json_texts
from .registry import RULES, Hits, Params, Rule, choose, resolve

__all__ = ["run"]

_RANK = {severity: rank for rank, severity in enumerate(schema.SEVERITIES)}

#: Threads when none are asked for: beyond these memory is the limit.
MOST_WORKERS = 4

#: Rows of one chunk of the finished table: no column of texts comes near 2 GiB.
CHUNK = 1 << 20


def run(
    context: Context,
    select: Sequence[str] | str | None = None,
    ignore: Sequence[str] | str | None = None,
    rules: Mapping[str, Rule] = RULES,
    timings: dict[str, float] | None = None,
    workers: int = 0,
) -> pa.Table:
    """Judge a data set.

    Parameters
    ----------
    context : Context
        The data set, its measurements and settings.
    select, ignore : sequence of str or str, optional
        As for :func:`choose`; where ``None``, the configuration's own.
    rules : mapping of str to Rule
        All there are, as :func:`table_of` gives them; the built-in ones by default.
    timings : dict, optional
        Filled with the CPU seconds that each rule took of its thread, by its code.
    workers : int
        Threads; 0 means one a CPU, at most 4.

    Returns
    -------
    pyarrow.Table
        As :data:`fastlabel.schema.FINDINGS`, worst first: by severity, findings about
        the whole set before those about one image, code, ``score`` from high to low, then
        image and annotation. The same input gives the same table. How many rows a rule
        could not judge goes into ``context.unjudged``.

    Raises
    ------
    ConfigError
        If the choice of rules, or the settings of one, cannot be understood.
    """
    settings = resolve(context.config, rules)
    chosen = choose(
        context.config.select if select is None else select,
        context.config.ignore if ignore is None else ignore,
        rules,
    )
    fits = fits_of(context.config, rules)
    seconds: dict[str, float] = {} if timings is None else timings

    large = context.ds.annotations.num_rows > PART

    def judge(judged: Sequence[Rule], part: Context) -> list[_Judged]:
        out = [_judge(r, part, *settings[r.code], fits.get(r.code)) for r in judged]
        if large and part is context:
            give_back()
        return out

    in_parts = [r for r in chosen if r.by_part]
    # Rules of the user may hold the interpreter, or keep something: one after the other.
    own = [partial(judge, [r], context) for r in chosen if not r.by_part and r.code not in RULES]
    alone = [partial(judge, [r], context) for r in chosen if not r.by_part and r.code in RULES]
    parts = context.parts(whole_images=True) if in_parts else iter(())
    jobs = chain(alone, (partial(judge, in_parts, part) for part in parts))
    done = in_threads(jobs, workers or (min(cpus(), MOST_WORKERS) if large else 1))
    place = {r.code: at for at, r in enumerate(chosen)}
    whole_set = [*done[: len(alone)], *(job() for job in own)]
    whole_set.sort(key=lambda judged: place[judged[0].code])
    tables: list[pa.Table] = []
    for judged in chain.from_iterable([*whole_set, *done[len(alone) :]]):
        tables += judged.tables
        if judged.unjudged:
            context.unjudged[judged.code] = judged.unjudged
        seconds[judged.code] = seconds.get(judged.code, 0.0) + judged.seconds
    context.forget()
    findings = _in_order(tables)
    if large or len(context.ds) > PART:
        give_back()
    return findings


@dataclass
class _Judged:
    """What one rule found in the set, or in one part of it."""

    code: str
    tables: list[pa.Table]
    unjudged: int
    seconds: float


def _judge(
    r: Rule, part: Context, severity: str | None, params: Params, fit: Fit | None
) -> _Judged:
    tables, unjudged, began = [], 0, time.thread_time()
    # Bad boxes overflow and divide by zero; what comes of it compares as false.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for hits in r.check(part, params):
            unjudged = hits.unjudged or unjudged
            if len(hits.message):
                tables.append(adjusted(_table(part, r, hits, severity), fit))
    return _Judged(r.code, tables, unjudged, time.thread_time() - began)


def _table(part: Context, r: Rule, hits: Hits, severity: Any) -> pa.Table:
    """Findings of what one rule found in the set, or in one part of it.

    Parameters
    ----------
    part : Context
        The set, or the part of it that the hits count the rows of.
    r : Rule
        The rule.
    hits : Hits
        What it found.
    severity : str, optional
        As configured; else the hits' own or the rule's.
    """
    ctx, n = part.whole, len(hits.message)
    if severity is None:
        severity = r.severity if hits.severity is None else hits.severity
    image, annotation = hits.image, hits.annotation
    if annotation is not None:
        annotation = part.rows_in_whole(annotation)
    if hits.problem is not None:
        at = pa.array(hits.problem)
        image = ints(ctx.ds.problems["image_id"].take(at)) if image is None else image
        if annotation is None:
            annotation = ints(ctx.ds.problems["annotation_id"].take(at))
    elif annotation is not None and image is None:
        image = ctx.image_of[annotation]
    columns = {
        "code": _column(r.code, n, pa.string()),
        "severity": _column(severity, n, pa.string()),
        "image_id": _ids(image, n),
        "annotation_id": _ids(annotation, n),
        "score": _column(np.clip(hits.score, 0.0, 1.0) + np.zeros(n), n, pa.float64()),
        "message": _column(hits.message, n, pa.string()),
        "value": _column(hits.value, n, pa.float64()),
        "threshold": _column(hits.threshold, n, pa.float64()),
        "suggestion": _column(hits.suggestion, n, pa.string()),
        "evidence": _evidence(ctx, hits, image, annotation, n),
    }
    return pa.table(columns, schema=schema.FINDINGS)


def _in_order(tables: list[pa.Table]) -> pa.Table:
    """All findings, worst first; empties the list, so that no text is held twice for long."""
    if not tables:
        return schema.FINDINGS.empty_table()
    table = pa.concat_tables(tables)
    tables.clear()
    order = _order(table)
    columns = {name: table[name] for name in table.column_names}
    del table
    if len(order) <= CHUNK:
        parts = {name: columns.pop(name).combine_chunks().take(order) for name in list(columns)}
        return pa.table(parts, schema=schema.FINDINGS)
    out = {}
    for name in list(columns):
        column = columns.pop(name)
        column = column.combine_chunks() if column.nbytes < 2**30 else column
        out[name] = pa.chunked_array(
            [whole(column.take(order[at : at + CHUNK])) for at in range(0, len(order), CHUNK)]
        )
    return pa.table(out, schema=schema.FINDINGS)


def _order(table: pa.Table) -> pa.Array:
    ranks = pa.array(list(_RANK), pa.string())
    rank = ints(pc.index_in(table["severity"], ranks))
    images = ints(table["image_id"])
    names = pa.array(sorted(pc.unique(table["code"]).to_pylist()), pa.string())
    codes = ints(pc.index_in(table["code"], names))
    keys = (
        ints(table["annotation_id"]),
        images,
        -np.asarray(table["score"].to_numpy()),
        (rank * 2 + (images >= 0)) * len(names) + codes,
    )
    return pa.array(np.lexsort(keys))


def _column(values: Any, n: int, kind: pa.DataType) -> pa.Array:
    """One column of findings from a scalar, an array (NaN is null), a list or a column."""
    if values is None:
        return pa.nulls(n, kind)
    if isinstance(values, str | int | float):
        return pa.repeat(pa.scalar(values, kind), n)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return whole(values)
    if isinstance(values, np.ndarray) and pa.types.is_floating(kind):
        return pa.array(values.astype(np.float64), kind, from_pandas=True)
    return pa.array(values, kind)


def _ids(rows: Ints | None, n: int) -> pa.Array:
    """Ids as a column, null where negative."""
    if rows is None:
        return pa.nulls(n, pa.int64())
    at = np.asarray(rows, np.int64)
    return pa.array(at, mask=at < 0)


def _evidence(
    ctx: Context, hits: Hits, image: Ints | None, annotation: Ints | None, n: int
) -> pa.Array:
    """Write where each finding is and what belongs to it, as one JSON object each."""
    file, line, pointer = _places(ctx, hits, image, annotation)
    parts = []
    if file is not None:
        parts.append(join('"file": ', json_texts(file)))
    if line is not None and line.null_count < n:
        parts.append(join('"line": ', line.cast(pa.string())))
    if pointer is not None and pointer.null_count < n:
        parts.append(join('"pointer": ', json_texts(pointer)))
    if isinstance(hits.extra, pa.Array):
        parts.append(hits.extra)
    elif hits.extra is not None:
        extras = [json.dumps(extra)[1:-1] if extra else None for extra in hits.extra]
        parts.append(pa.array(extras, pa.string()))
    if not parts:
        return pa.repeat(pa.scalar("{}"), n)
    joined = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
    return join("{", joined, "}")


def _places(
    ctx: Context, hits: Hits, image: Ints | None, annotation: Ints | None
) -> tuple[pa.Array | None, pa.Array | None, pa.Array | None]:
    """File, line and pointer of each finding."""
    if hits.problem is not None:
        rows = ctx.ds.problems.take(pa.array(hits.problem))
        return whole(rows["file"]), whole(rows["line"]), whole(rows["pointer"])
    if annotation is not None:
        at = pa.array(annotation)
        origin = ctx.ds.annotations["origin"]
        file, line, pointer = (
            whole(pc.struct_field(origin, name).take(at)) for name in ("file", "line", "pointer")
        )
        if file.null_count:
            file = pc.coalesce(file, ctx.paths(ctx.image_of[annotation]))
        return file, line, pointer
    if image is not None:
        return ctx.paths(image), None, None
    return None, None, None
