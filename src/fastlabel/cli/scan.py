"""``fastlabel scan``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from ..dataset import DatasetError
from ._cache import cache_to_use, going_on, say_reused
from ._options import engine, kept_results, read_as
from ._outside import keep_out_of
from ._progress import images_bar


@click.command("scan", short_help="Measure every image and write the columns as a table.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write FILE.parquet, FILE.csv or FILE.arrow; without it CSV goes to stdout.",
)
@click.option("--boxes", is_flag=True, help="One row a box instead of one row an image.")
@read_as(images=True)
@click.option(
    "--workers",
    type=click.IntRange(0, 1024),
    default=0,
    metavar="N",
    help="Decoding threads; 0 means one a CPU.",
)
@engine
@kept_results
def command(
    data: Path,
    out: Path | None,
    boxes: bool,
    fmt: str,
    workers: int,
    engine: str,
    **options: Any,
) -> None:
    """Measure every image (or box) of DATA once: size, light, sharpness, noise, hashes."""
    from .. import config as settings
    from .._output import write_whole
    from ..formats import read
    from ..scan import Limits, engine_named, scan_tables

    if out is not None and out.suffix not in _WRITERS:
        raise DatasetError(f"{out}: unknown ending; use one of {', '.join(_WRITERS)}")
    engine_named(engine)  # before the labels are read
    config = settings.load()
    limits = Limits.of(config)
    cache = cache_to_use(config, options, (str(data),))
    ds = read(data, fmt)
    if out is not None:
        keep_out_of(out, ds.root)
    with images_bar("decoding") as progress, going_on(cache):
        images, measured = scan_tables(
            ds, workers=workers, limits=limits, progress=progress, cache=cache, engine=engine
        )
    say_reused(cache)
    table = measured if boxes else images
    if out is not None:
        write_whole({out: partial(_WRITERS[out.suffix], table)})
        click.echo(f"{out}: {table.num_rows:,} rows", err=True)
        return
    _csv(table, sys.stdout.buffer)


def _csv(table: Any, target: Any) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    # CSV has no lists: one column a level.
    for name in ("scale_sharpness", "scale_acutance"):
        if name not in table.column_names:
            continue
        flat = table[name].combine_chunks()
        for level in range(flat.type.list_size):
            values = pc.list_element(flat, level)
            table = table.append_column(f"{name}_{2 << level}", values)
        table = table.drop_columns([name])
    for at, column in enumerate(table.schema):
        if pa.types.is_fixed_size_binary(column.type):
            table = table.set_column(at, column.name, _digits(table[column.name]))
        elif pa.types.is_string(column.type):
            # A quote keeps a spreadsheet from running a file name: it is text then.
            texts = table[column.name]
            risky = pc.fill_null(pc.match_substring_regex(texts, r"^[=+\-@\t\r]"), False)
            safe = pc.if_else(risky, pc.binary_join_element_wise("'", texts, ""), texts)
            table = table.set_column(at, column, safe)
    csv.write_csv(table, target)


def _digits(column: Any) -> Any:
    """Bytes as hexadecimal digits: CSV is text."""
    import numpy as np
    import pyarrow as pa

    from ..scan.arrays import hexadecimal

    texts = [pa.array([], pa.string())]
    for chunk in column.chunks:
        width = chunk.type.byte_width
        data = np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * width :]
        null = np.asarray(chunk.is_null().to_numpy(zero_copy_only=False), np.bool_)
        texts.append(hexadecimal(data[: len(chunk) * width].reshape(-1, width), null))
    return pa.chunked_array(texts)


def _parquet(table: Any, target: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, target, compression="zstd")


def _arrow(table: Any, target: Path) -> None:
    from pyarrow import feather

    feather.write_feather(table, str(target), compression="uncompressed")


_WRITERS = {".parquet": _parquet, ".csv": _csv, ".arrow": _arrow}
