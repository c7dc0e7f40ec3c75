"""One reading of a COCO file in a process of its own: `READER FILE`.

READER is `1` or `2` (fl.read with so many workers), `hotcoco`, `orjson`, `json` or `bytes`. Memory
is the peak of the process (VmHWM) over what it held before, when it had read a small file already.
`fl.read` maps no file, so all of that is memory of its own; pages of libraries count, too.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from fastlabel.bench.coco_labels import write


def memory_mb(what: str) -> float:
    with open("/proc/self/status", encoding="ascii") as lines:  # noqa: PTH123
        (line,) = [line for line in lines if line.startswith(what)]
    return int(line.split()[1]) / 1024


def reader(name: str):
    if name == "hotcoco":
        import hotcoco

        return lambda path: hotcoco.COCO(str(path))
    if name == "orjson":
        import orjson

        return lambda path: orjson.loads(path.read_bytes())
    if name == "json":
        return lambda path: json.loads(path.read_bytes())
    if name == "bytes":
        return lambda path: path.read_bytes()
    import fastlabel

    return lambda path: fastlabel.read(path, "coco", workers=int(name))


def tables_mb(dataset) -> float:
    """What the tables hold: each buffer once, and none of nulls alone, never fetched zeros."""
    buffers = {}

    def add(array) -> None:
        if array.null_count == len(array):
            return
        if array.type.num_fields and hasattr(array, "field"):
            for child in range(array.type.num_fields):
                add(array.field(child))
            return
        buffers.update({b.address: b.size for b in array.buffers() if b is not None})

    for table in (dataset.images, dataset.annotations, dataset.categories, dataset.problems):
        for column in table.columns:
            for chunk in column.chunks:
                add(chunk)
    return sum(buffers.values()) / 2**20


name, path = sys.argv[1], Path(sys.argv[2])
run = reader(name)
with tempfile.TemporaryDirectory() as folder:
    small = Path(folder, "small.json")
    # With a row in each section: all that is loaded at its first use is there afterwards.
    write(small, 1, 1)
    run(small)
before = memory_mb("VmRSS:")
start = perf_counter()
result = run(path)
seconds = perf_counter() - start
# The kernel brings VmHWM up to date only now and then.
peak = max(memory_mb("VmHWM:"), memory_mb("VmRSS:"))
found = {"seconds": seconds, "peak_mb": round(peak - before, 1)}
if name in ("1", "2"):
    found["tables_mb"] = round(tables_mb(result), 1)
    found["boxes"] = result.annotations.num_rows
print("\n" + json.dumps(found))
