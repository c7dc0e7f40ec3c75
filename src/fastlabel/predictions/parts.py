"""What a run of a model has found so far, on the disk: a run that was ended goes on from there.

A folder of Arrow files, each with the results of some batches. Its name has a hash of its bytes,
so that a file that is cut or damaged is known and left out. A batch is known by the model, its
settings, and names, sizes and times of its pictures: of others nothing is used.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import _core
from ..dataset import DatasetError

__all__ = ["Outcome", "Parts"]

_FLUSH_SECONDS = 2.0
_FLUSH_BATCHES = 4096
_NAME = re.compile(r"part-(\d{8})-([0-9a-f]{32})\.arrow")

_PART = pa.schema(
    [
        pa.field("batch", pa.binary(16), nullable=False),
        ("status", pa.string()),
        ("detail", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("boxes", pa.list_(pa.float64())),
        ("scores", pa.list_(pa.float64())),
        ("labels", pa.list_(pa.int64())),
    ]
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture; a status of the scan, and its upright size."""

    status: str
    detail: str = ""
    width: int = 0
    height: int = 0
    boxes: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    labels: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


class Parts:
    """Results of batches, kept as they come; this run's alone until it is closed.

    Parameters
    ----------
    folder : pathlib.Path
        Made when missing.
    fresh : bool
        Use nothing of what is there.

    Raises
    ------
    DatasetError
        If another run has it, or nothing can be written.
    """

    def __init__(self, folder: Path, *, fresh: bool) -> None:
        self.folder = folder
        self.damaged = 0
        self._waiting: list[tuple[bytes, list[Outcome]]] = []
        self._flushed = time.monotonic()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise DatasetError(
                f"{folder}: cannot be written: {error.strerror or error}; what is found is kept "
                "there until all of it is"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise DatasetError(
                f"{folder}: another run is writing there; wait for its end, or choose another "
                "output"
            ) from error
        self.done: dict[bytes, list[Outcome]] = {}
        self._next = 0
        for path in sorted(folder.iterdir()):
            match = _NAME.fullmatch(path.name)
            if match:
                self._next = max(self._next, int(match[1]) + 1)
            if fresh and (match or path.name.startswith(".part-")):
                path.unlink()
            elif match:
                self._load(path, match[2])

    def _load(self, path: Path, checksum: str) -> None:
        try:
            data = path.read_bytes()
            if _core.content_hash(data).hex() != checksum:
                raise ValueError("damaged")
            table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
        except (OSError, ValueError, pa.ArrowException):
            self.damaged += 1
            return
        if not table.schema.equals(_PART):
            self.damaged += 1
            return
        batches: dict[bytes, list[Outcome]] = {}
        for row in table.to_pylist():
            batches.setdefault(row["batch"], []).append(
                Outcome(
                    row["status"],
                    row["detail"],
                    row["width"],
                    row["height"],
                    np.array(row["boxes"], np.float64).reshape(-1, 4),
                    np.array(row["scores"], np.float64),
                    np.array(row["labels"], np.int64),
                )
            )
        self.done.update(batches)

    def keep(self, batch: bytes, outcomes: list[Outcome]) -> None:
        """Keep the results of a batch: on the disk within two seconds."""
        self._waiting.append((batch, outcomes))
        late = time.monotonic() - self._flushed >= _FLUSH_SECONDS
        if late or len(self._waiting) >= _FLUSH_BATCHES:
            self.flush()

    def flush(self) -> None:
        """Write what is not yet written."""
        rows = [
            {
                "batch": batch,
                "status": one.status,
                "detail": one.detail,
                "width": one.width,
                "height": one.height,
                "boxes": one.boxes.ravel().tolist(),
                "scores": one.scores.tolist(),
                "labels": one.labels.tolist(),
            }
            for batch, outcomes in self._waiting
            for one in outcomes
        ]
        self._waiting = []
        self._flushed = time.monotonic()
        if not rows:
            return
        sink = pa.BufferOutputStream()
        table = pa.Table.from_pylist(rows, schema=_PART)
        with pa.ipc.new_file(sink, _PART) as writer:
            writer.write_table(table)
        data = sink.getvalue()
        beside = self.folder / f".part-{self._next:08d}"
        name = f"part-{self._next:08d}-{_core.content_hash(data).hex()}.arrow"
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(self.folder / name)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise DatasetError(
                f"{self.folder}: cannot be written: {error.strerror or error}; what was kept "
                "before is there: make room and run again to go on"
            ) from error
        self._next += 1

    def publish(self, files: Mapping[Path, bytes]) -> None:
        """Write files beside the folder: whole, synced, then renamed in the order given.

        Raises
        ------
        DatasetError
            If one cannot be written; then none of them is changed.
        """
        at = self.folder
        try:
            for at, data in files.items():
                # In the folder, so that a run that is killed here leaves nothing elsewhere.
                with (self.folder / at.name).open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            for at in files:
                (self.folder / at.name).replace(at)
        except OSError as error:
            raise DatasetError(f"{at}: cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Write what is left and let go."""
        if self._lock < 0:
            return
        try:
            self.flush()
        finally:
            os.close(self._lock)
            self._lock = -1

    def remove(self) -> None:
        """Remove the folder: its results stand elsewhere now."""
        self._waiting = []
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
