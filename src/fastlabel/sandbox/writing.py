"""Writing the augmented set from the page: one at a time, with progress, and a way to stop."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from ..augment.files import AugmentResult, augment_set
from ..augment.recipe import Recipe
from ..config import ConfigError
from ..dataset import Dataset, DatasetError
from ..report.text import count, visible
from .guard import ApiError

__all__ = ["Writing"]

#: Files that could not be used and are named on the page.
NAMED = 5


class _Stopped(Exception):
    """The user wants no more of it."""


class Writing:
    """The one run of writing that a page may have.

    Parameters
    ----------
    ds : Dataset
    out : pathlib.Path or None
        Where the new set goes; None: nothing is written.
    overwrite : bool
        Whether a folder that is not empty is replaced, once the new one is whole.
    """

    def __init__(self, ds: Dataset, out: Path | None, overwrite: bool = False) -> None:
        self.ds, self.out, self.overwrite = ds, out, overwrite
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._state: dict[str, Any] = {"state": "idle", "done": 0, "total": 0, "message": ""}

    def state(self) -> dict[str, Any]:
        """How far it is: ``idle``, ``running``, ``done``, ``stopped`` or ``failed``."""
        with self._lock:
            return dict(self._state)

    def start(self, recipe: Recipe, seed: int, copies: int, originals: bool) -> None:
        """Begin in a thread of its own; it goes on when the page is closed.

        Raises
        ------
        ApiError
            If nothing may be written, or a run is not over yet.
        """
        if self.out is None:
            raise ApiError(403, "read-only", "start the sandbox with --out DIR to write a set")
        with self._lock:
            if self._state["state"] == "running":
                raise ApiError(409, "running", "a set is being written already")
            self._state = {"state": "running", "done": 0, "total": 0, "message": ""}
            self._stop.clear()
            self._thread = threading.Thread(
                target=self._run, args=(recipe, seed, copies, originals), name="write"
            )
            self._thread.start()

    def stop(self) -> None:
        """Ask it to end; what was written so far is removed."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and wait until nothing half done is left."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _run(self, recipe: Recipe, seed: int, copies: int, originals: bool) -> None:
        assert self.out is not None
        try:
            made = augment_set(
                self.ds,
                self.out,
                recipe,
                seed=seed,
                copies=copies,
                originals=originals,
                overwrite=self.overwrite,
                progress=self._progress,
            )
        except _Stopped:
            self._end("stopped", "Stopped. Nothing was left behind.")
        except (DatasetError, ConfigError, ValueError) as error:
            self._end("failed", visible(error))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            self._end("failed", visible(f"{where}{error.strerror or error}. Nothing was written."))
        except BaseException:
            self._end("failed", "The server failed; see the terminal. Nothing was written.")
            raise
        else:
            self._end("done", _said(made))

    def _progress(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        with self._lock:
            self._state.update(done=done, total=total)

    def _end(self, state: str, message: str) -> None:
        with self._lock:
            self._state.update(state=state, message=message)


def _said(made: AugmentResult) -> str:
    s = made.summary
    text = (
        f"{visible(made.folder)}: {count(s['images'] + s['augmented'], 'image')}, "
        f"{s['augmented']:,} of them augmented."
    )
    if made.failures:
        named = "; ".join(f"{visible(name)}: {visible(why)}" for name, why in made.failures[:NAMED])
        text += f" {count(len(made.failures), 'file')} could not be used: {named}"
        if len(made.failures) > NAMED:
            text += f" and {len(made.failures) - NAMED:,} more, see augment.json"
        text += "."
    return text
