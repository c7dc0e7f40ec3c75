"""Lists of a mix as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._output import new_folder
from ...dataset import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

    from . import Mix

__all__ = ["KINDS", "write"]

KINDS = ("txt", "jsonl", "parquet")


def write(made: Mix, folder: Path, to: Sequence[str], *, overwrite: bool) -> list[Path]:
    """Write :meth:`Mix.write`'s files."""
    kinds = [to] if isinstance(to, str) else list(dict.fromkeys(to))
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"to: got {kind!r}, expected {', '.join(KINDS)}")
    writers: dict[str, Callable[[Mix, Path], None]] = {
        "txt": _write_txt,
        "jsonl": _write_jsonl,
        "parquet": _write_parquet,
    }
    names: list[str] = []
    with new_folder(folder, sources=[made.ds.root], overwrite=overwrite) as staging:
        for kind in kinds:
            writers[kind](made, staging)
        text = json.dumps(summary(made), indent=2, ensure_ascii=False, allow_nan=False)
        Path(staging, "mix.json").write_text(text + "\n", encoding="utf-8")
        made.plot(Path(staging, "mix.png"))
        names = sorted(path.name for path in staging.iterdir())
    return [folder / name for name in names]


def summary(made: Mix) -> dict[str, Any]:
    """The schedule, what was reached and what was not, as plain JSON values."""
    rows = made.table().to_pylist()
    return {
        "settings": dict(made.settings),
        "groups": {
            name: int(np.count_nonzero(made.group == k))
            for k, name in enumerate(("easy", "medium", "hard", "negative"))
        },
        "left_out": dict(made.left_out),
        "notes": list(made.notes),
        "epochs": [{k: _short(v) for k, v in row.items()} for row in rows],
    }


def _short(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else value


def _paths(made: Mix) -> pa.Array:
    """Where each picture is, as lists have it: whole paths with forward slashes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    paths = made.ds.images["path"].combine_chunks()
    if made.ds.source is not None:
        raise DatasetError(
            f"{made.ds.root}: the pictures lie in an archive or elsewhere, so a list of files "
            "cannot name them; write jsonl or parquet"
        )
    root = made.ds.root.resolve().as_posix()
    whole = pc.binary_join_element_wise(root, paths, "/")
    broken = np.flatnonzero(
        np.asarray(pc.fill_null(pc.match_substring_regex(paths, r"[\r\n]"), False))
    )
    if len(broken):
        raise DatasetError(
            f"{made.ds.root}: the name {paths[int(broken[0])].as_py()!r} has a line end in it, "
            "which a list cannot hold; rename the file, or write jsonl or parquet"
        )
    return whole if isinstance(whole, pa.Array) else whole.combine_chunks()


def _write_txt(made: Mix, folder: Path) -> None:
    import pyarrow as pa

    paths = _paths(made)
    digits = max(3, len(str(len(made) - 1)))
    for e in range(len(made)):
        lines = paths.take(pa.array(made.epoch(e))).to_pylist()
        text = "\n".join(lines) + "\n" if lines else ""
        Path(folder, f"epoch-{e:0{digits}d}.txt").write_bytes(text.encode("utf-8"))


def _rows(made: Mix) -> Iterator[tuple[int, Any]]:
    for e in range(len(made)):
        yield e, made.epoch(e)


def _write_jsonl(made: Mix, folder: Path) -> None:
    import pyarrow as pa

    from .schedule import GROUPS

    names = made.ds.images["file_name"].combine_chunks()
    with Path(folder, "mix.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for e, images in _rows(made):
            ids, first, repeats = np.unique(images, return_index=True, return_counts=True)
            order = np.argsort(first, kind="stable")
            ids, repeats = ids[order], repeats[order]
            chance = made.probabilities(e)[ids]
            for image, name, times, p in zip(
                ids.tolist(),
                names.take(pa.array(ids)).to_pylist(),
                repeats.tolist(),
                chance.tolist(),
                strict=True,
            ):
                row = {
                    "epoch": e,
                    "image_id": image,
                    "file_name": name,
                    "level": GROUPS[made.group[image]],
                    "repeat": times,
                    "probability": round(p, 12),
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_parquet(made: Mix, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from .schedule import GROUPS

    names = made.ds.images["file_name"].combine_chunks()
    fields = pa.schema(
        [
            pa.field("epoch", pa.int32(), nullable=False),
            pa.field("position", pa.int32(), nullable=False),  # from 0, in the order to be seen
            pa.field("image_id", pa.int64(), nullable=False),
            ("file_name", pa.string()),
            ("level", pa.dictionary(pa.int8(), pa.string())),
            ("probability", pa.float64()),  # of the image, in one draw with return
        ]
    )
    with pq.ParquetWriter(Path(folder, "mix.parquet"), fields, compression="zstd") as writer:
        for e, images in _rows(made):
            level = pa.DictionaryArray.from_arrays(
                pa.array(made.group[images].astype(np.int8)), pa.array(GROUPS)
            )
            columns = [
                pa.array(np.full(len(images), e, np.int32)),
                pa.array(np.arange(len(images), dtype=np.int32)),
                pa.array(images),
                names.take(pa.array(images)),
                level,
                pa.array(made.probabilities(e)[images]),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=fields))
