"""A part: results of some images in one Arrow file whose name says what is in it.

``<tool>-<limits>-<number>-<checksum>.arrow``: the tool that measured and the limits it had, both
as hashes; a number that grows; the content hash of the whole file. So there is no manifest that
could disagree with the parts, and a part that is cut, or has one bit turned, is known by its name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import pyarrow as pa

from ... import _core, schema
from ..limits import Limits

__all__ = ["PART", "SCAN_VERSION", "STATS", "Part", "listed", "load", "save", "tool_key"]

#: Goes up with every change of what the scan measures: a cache of before is then left aside.
SCAN_VERSION = 2

#: What of IMAGE_STATS depends on the file's content alone.
STATS = tuple(f for f in schema.IMAGE_STATS if f.name not in ("image_id", "file_name"))


def box_struct(rings: bool) -> pa.StructType:
    """What of a scan's box statistics depends on the content and the box."""
    keys = ("annotation_id", "image_id")
    return pa.struct([f for f in schema.box_stats(rings) if f.name not in keys])


def _part_schema(rings: bool) -> pa.Schema:
    """One row an image. The keys are content hashes: of the name, of the stamp and of the boxes."""
    return pa.schema(
        [
            pa.field("name", pa.binary(16), nullable=False),
            pa.field("stamp", pa.binary(16), nullable=False),
            # false: changed so shortly before the look at it that a later change may not show
            pa.field("settled", pa.bool_(), nullable=False),
            pa.field("labels", pa.binary(16), nullable=False),
            *STATS,
            pa.field(
                "boxes",
                pa.list_(pa.field("item", box_struct(rings), nullable=False)),
                nullable=False,
            ),
        ]
    )


#: Columns of a part, and of one of scans with rings.
PART, PART_WITH_RINGS = _part_schema(False), _part_schema(True)


_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{8})-(\d{10})-([0-9a-f]{32})\.arrow")
_TEMPORARY = ".part-"


@dataclass(frozen=True)
class Part:
    """One part as its name describes it."""

    path: Path
    tool: str
    limits: str
    number: int
    checksum: str
    bytes: int


def tool_key() -> str:
    """What all results depend on beside the data: another key, and nothing is used again."""
    facts = {
        "scan": SCAN_VERSION,
        "tool": _version("fastlabel"),
        "jpeg": _core.jpeg_codec(),
        "opencv": _version("opencv-python-headless") or _version("opencv-python"),
        "part": str(PART),
    }
    return _key(facts)[:16]


def limits_key(limits: Limits) -> str:
    """Which limits the results were measured under."""
    return _key(asdict(limits))[:8]


def _key(facts: dict[str, object]) -> str:
    return _core.content_hash(json.dumps(facts, sort_keys=True).encode()).hex()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def empty() -> pa.Table:
    """No rows."""
    none = [pa.array([], f.type) for f in PART]
    return pa.Table.from_arrays(none, schema=PART)


def listed(folder: Path) -> list[Part]:
    """The parts of a folder, oldest first; what was begun and not finished is removed."""
    parts = []
    for entry in os.scandir(folder):
        if entry.name.startswith(_TEMPORARY):
            Path(entry.path).unlink(missing_ok=True)
            continue
        found = _NAME.fullmatch(entry.name)
        if found is not None:
            tool, limits, number, checksum = found.groups()
            size = entry.stat().st_size
            parts.append(Part(Path(entry.path), tool, limits, int(number), checksum, size))
    return sorted(parts, key=lambda part: part.number)


def save(folder: Path, tool: str, limits: str, number: int, rows: Iterable[pa.RecordBatch]) -> Part:
    """Write one part beside, sync it, give it its name, sync the folder.

    Raises
    ------
    OSError
        If it cannot be written; then nothing is left of it.
    """
    batches = list(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batches[0].schema if batches else PART) as writer:
        for batch in batches:
            writer.write_batch(batch)
    data = sink.getvalue()
    checksum = _core.content_hash(data).hex()
    beside = folder / f"{_TEMPORARY}{os.getpid()}-{number}"
    path = folder / f"{tool}-{limits}-{number:010d}-{checksum}.arrow"
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return Part(path, tool, limits, number, checksum, len(data))


def sync_folder(folder: Path) -> None:
    """Bring names that were given or taken in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load(part: Part, *, verify: bool) -> pa.Table | None:
    """The rows of a part; None: the file is not what its name says, or is no part at all."""
    try:
        # Read, not mapped: a file that is cut meanwhile would otherwise end the process.
        data = part.path.read_bytes()
        if verify and _core.content_hash(data).hex() != part.checksum:
            return None
        rows = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    except (OSError, pa.ArrowException):
        return None
    return rows if rows.schema in (PART, PART_WITH_RINGS) else None
