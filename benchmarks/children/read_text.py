"""Readings of one set in a process of its own, the last of them timed: `PARSER WORKERS FOLDER`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import perf_counter

import fastlabel
from fastlabel import _core
from fastlabel.formats._label_table import names_blob
from fastlabel.formats._paths import walk

parser, workers, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
seconds = []
for _ in range(3 if parser == "native" else 1):
    start = perf_counter()
    dataset = fastlabel.read(folder, parser=parser, workers=workers)
    seconds.append(perf_counter() - start)
extension, reader = {
    "yolo": (".txt", _core.read_yolo),
    "voc": (".xml", _core.read_voc),
}[dataset.format]
files = walk(folder).files_of(extension)
start = perf_counter()
reader(os.fsencode(folder), names_blob(files), len(files), workers)
alone = perf_counter() - start
print(
    json.dumps(
        {
            "seconds": min(seconds),
            "native_seconds": alone,
            "files": len(files),
            "boxes": dataset.annotations.num_rows,
        }
    )
)
