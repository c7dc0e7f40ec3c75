"""Augmented copies of a data set's images as a new data set, with a ledger."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import _core, schema
from .._output import new_folder
from .._scalars import as_switch, as_whole
from .._threads import cpus, each_in_threads
from ..dataset import Dataset, DatasetError, as_numpy
from .labels import Given, NewRows, Source
from .mapping import Size
from .recipe import Augmented, Recipe
from .stages import PasteObjects

if TYPE_CHECKING:
    from ..formats._write import WriteReport

__all__ = ["BOXES", "LEDGER", "AugmentResult", "augment_set", "chosen_splits"]

Progress = Callable[[int, int], None]

#: Names in the new folder.
LEDGER_FILE, BOXES_FILE, RECIPE_FILE = "ledger.parquet", "ledger-boxes.parquet", "recipe.toml"
SUMMARY_FILE, SHEET_FILE = "augment.json", "augment-sheet.html"

#: One row a stage that a copy got.
LEDGER = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),  # the copy, in the new set
        pa.field("source_file", pa.string(), nullable=False),
        pa.field("copy", pa.int32(), nullable=False),  # its epoch, from 0
        pa.field("stage", pa.int32(), nullable=False),  # of the recipe
        pa.field("op", pa.string(), nullable=False),
        ("skipped", pa.string()),  # why it was not done after all
        ("tightness_lost", pa.float64()),  # of the box that lost most: 1 - its area / around
        ("ignored", pa.int32()),  # boxes that became regions to ignore
        ("gone", pa.int32()),  # boxes of which nothing is seen
        ("hidden", pa.float64()),  # share of the box that is hidden most
        ("values", pa.string()),  # JSON: what was drawn, and noted besides
    ]
)

#: One row a box of a copy.
BOXES = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("source_annotation_id", pa.int64(), nullable=False),
        pa.field("x1", pa.float64(), nullable=False),
        pa.field("y1", pa.float64(), nullable=False),
        pa.field("x2", pa.float64(), nullable=False),
        pa.field("y2", pa.float64(), nullable=False),
        pa.field("ignore", pa.bool_(), nullable=False),
        # 1 where the outline is known or nothing was lost; else what the box has of the area
        # that a box around its moved corners would have
        pa.field("tightness", pa.float64(), nullable=False),
    ]
)

_NOTED = ("skipped", "tightness_lost", "ignored", "gone", "hidden")


@dataclass(frozen=True, eq=False)
class AugmentResult:
    """What was made.

    Attributes
    ----------
    folder : pathlib.Path
        The new data set; the two ledgers, ``recipe.toml`` and ``augment.json`` lie in it.
    ledger, boxes : pyarrow.Table
        One row a stage that a copy got (``LEDGER``), and one a box of a copy (``BOXES``).
    summary : dict
        The content of ``augment.json``.
    failures : tuple of (str, str)
        Files that could not be used, and why; the rest was finished without them.
    report : WriteReport
        The label files, and what the format could not carry.
    """

    folder: Path
    ledger: pa.Table
    boxes: pa.Table
    summary: dict[str, Any]
    failures: tuple[tuple[str, str], ...]
    report: WriteReport


def augment_set(
    src: str | os.PathLike[str] | Dataset,
    dst: str | os.PathLike[str],
    recipe: Recipe | None = None,
    *,
    copies: int = 1,
    originals: bool = True,
    splits: Sequence[str] | None = None,
    format: str = "auto",
    to: str | None = None,
    quality: int = 95,
    link: bool = False,
    seed: int = 0,
    workers: int = 0,
    sheet: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> AugmentResult:
    """Write a data set with augmented copies of its images.

    ``src`` is only read. The same arguments give the same bytes, for any number of workers. An
    image's copies are drawn by its name, the copy's number and the seed alone.

    Parameters
    ----------
    src : str, os.PathLike or Dataset
        The labelled set.
    dst : str or os.PathLike
        Folder of the new set.
    recipe : Recipe, optional
        By default :meth:`Recipe.default`.
    copies : int
        Augmented copies of each image. One that no stage of the recipe has touched is not
        written where the original is there.
    originals : bool
        Whether the images themselves stand in the new set too, byte for byte.
    splits : sequence of str, optional
        Splits whose images are augmented; the others are carried unchanged. By default
        ``train``, or everything where no split is declared. What a model is measured with is
        never augmented unasked.
    format, to : str
        Formats to read as and to write; ``to`` is the one read by default.
    quality : int
        Of the JPEGs written, 1 to 100. Copies of pictures that are no JPEG are PNG.
    link : bool
        Hard links instead of copies of unchanged files, where the disk can.
    seed : int
        Of all chance.
    workers : int
        Threads; 0 means one a CPU.
    sheet : bool
        Whether to write ``augment-sheet.html``: each operation of the recipe at three strengths.
    overwrite : bool
        Whether a folder that is not empty is replaced, once the new one is whole.
    progress : callable, optional
        Called with (done, total) images.

    Returns
    -------
    AugmentResult

    Raises
    ------
    ValueError, TypeError
        For an argument that means nothing.
    DatasetError
        For a set that cannot be used, a split that it does not have, or a folder that is not
        empty, lies in the set or is the set.
    OSError
        If a file cannot be written; nothing is left of the new folder then.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel as fl
    >>> from fastlabel.augment import Recipe, augment_set
    >>> recipe = Recipe.from_dict({"stages": [{"op": "flip"}, {"op": "rotate", "degrees": 5}]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fl.make_sample(f"{folder}/set", seed=1)
    ...     made = augment_set(f"{folder}/set", f"{folder}/new", recipe)
    ...     before, after = fl.read(f"{folder}/set"), fl.read(f"{folder}/new")
    >>> len(after) > len(before), made.ledger["op"].unique().to_pylist()
    (True, ['flip', 'rotate'])
    """
    from ..formats import read

    recipe = Recipe.default() if recipe is None else recipe
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe: got {type(recipe).__name__}, expected a Recipe")
    for name, value, least, most in (
        ("copies", copies, 1, 1000),
        ("quality", quality, 1, 100),
        ("seed", seed, 0, 2**63 - 1),
        ("workers", workers, 0, 1024),
    ):
        if not least <= as_whole(value, name) <= most:
            raise ValueError(f"{name}: got {value}, expected {least} to {most}")
    for name, on in (("originals", originals), ("link", link), ("sheet", sheet)):
        as_switch(on, name)
    dataset = (src if isinstance(src, Dataset) else read(src, format)).with_files()
    kind = to or dataset.format
    if kind == "images":
        raise DatasetError(f"{dataset.root}: has no labels; name the format to write with --to")
    chosen = chosen_splits(dataset, splits)
    with new_folder(dst, sources=[dataset.root], overwrite=overwrite) as staging:
        run = _Run(dataset, recipe, copies, originals, chosen, kind, quality, link, seed, staging)
        run.make(workers or cpus(), progress)
        return run.finish(Path(dst), sheet)


def chosen_splits(dataset: Dataset, wanted: Sequence[str] | None = None) -> set[str | None]:
    """The splits that are augmented: those wanted, else train, else all where none is declared."""
    have = {split for split in dataset.images["split"].to_pylist() if split is not None}
    if wanted is None:
        return {"train"} if "train" in have else {None} if have else {None, *have}
    for split in wanted:
        if split not in have:
            listed = ", ".join(sorted(have)) or "none are declared"
            raise DatasetError(f"no split named {split!r}; this set has: {listed}")
    return set(wanted)


@dataclass
class _Made:
    """What one job made of one copy."""

    given: Given
    augmented: Augmented
    written: bool


class _Run:
    """A new set that is being made in a folder."""

    def __init__(
        self,
        dataset: Dataset,
        recipe: Recipe,
        copies: int,
        originals: bool,
        chosen: set[str | None],
        kind: str,
        quality: int,
        link: bool,
        seed: int,
        folder: Path,
    ) -> None:
        self.dataset, self.recipe, self.folder, self.kind = dataset, recipe, folder, kind
        self.copies, self.originals, self.quality = copies, originals, quality
        self.link, self.seed = link, seed
        self.source = Source(dataset)
        # Nothing goes from one split into another.
        named = [split for split in chosen if split is not None]
        self.objects = PasteObjects.needed(
            (stage.op for stage in recipe.stages), dataset, sorted(named) or None
        )
        columns = dataset.images.select(["path", "file_name", "split", "label_state"]).to_pydict()
        self.paths: list[str | None] = columns["path"]
        self.names = [
            str(path if path is not None else name)
            for path, name in zip(columns["path"], columns["file_name"], strict=True)
        ]
        states = ("labelled", "labelled_empty")
        self.to_do = [
            at
            for at, (split, state) in enumerate(
                zip(columns["split"], columns["label_state"], strict=True)
            )
            if split in chosen and state in states and self.paths[at] is not None
        ]
        if not self.to_do:
            have = sorted({str(split) for split in columns["split"]})
            raise DatasetError(
                f"{dataset.root}: has no labelled image in the split to augment, "
                f"{', '.join(sorted(map(str, chosen)))}; name one with --split: {', '.join(have)}"
            )
        todo = set(self.to_do)
        self.carried = [at for at in range(len(dataset)) if originals or at not in todo]
        # Rows of the new images: an index of the source, and the number of the copy or None.
        self.rows: list[tuple[int, int | None]] = [(at, None) for at in self.carried]
        self.rows += [(at, copy) for at in self.to_do for copy in range(copies)]
        self.places = self._places()
        self.failures: list[tuple[str, str]] = []
        self.made: dict[int, Size] = {}  # rows that stand in the folder; 0 x 0: unchanged
        self.new = NewRows()
        self.ledger: list[dict[str, Any]] = []
        self.unchanged = self.skipped = 0

    def _places(self) -> list[str]:
        from ..formats import layout

        taken = self.dataset.images.take(pa.array([at for at, _ in self.rows], pa.int64()))
        names = [
            self.names[at] if copy is None else _copy_name(self.names[at], copy)
            for at, copy in self.rows
        ]
        text = pa.array(names, pa.string())
        for name in ("path", "file_name"):
            at = taken.schema.get_field_index(name)
            taken = taken.set_column(at, name, text)
        places = layout(taken, self.kind)
        for place in sorted({place.rpartition("/")[0] for place in places}):
            (self.folder / place).mkdir(parents=True, exist_ok=True)
        return places

    # ---- pictures --------------------------------------------------------------

    def make(self, workers: int, progress: Progress | None) -> None:
        """Carry what stays as it is, and make the copies; results are taken in order."""
        total = len(self.rows)
        for row in range(len(self.carried)):
            self._carry(row)
            if progress is not None:
                progress(row + 1, total)
        done = len(self.carried)
        sizes = self._sizes()

        def take(found: tuple[int, list[_Made | str]]) -> None:
            nonlocal done
            first, results = found
            self._take(first, results)
            done += len(results)
            if progress is not None:
                progress(done, total)

        each_in_threads(self._jobs(sizes), workers, take)

    def _jobs(
        self, sizes: list[Size | str]
    ) -> Iterator[Callable[[], tuple[int, list[_Made | str]]]]:
        for n, (at, size) in enumerate(zip(self.to_do, sizes, strict=True)):
            yield partial(self._job, at, len(self.carried) + n * self.copies, size)

    def _job(self, at: int, first: int, size: Size | str) -> tuple[int, list[_Made | str]]:
        return first, self._copies(at, first, size)

    def _sizes(self) -> list[Size | str]:
        """Of each image to augment its upright size, or why it cannot be."""
        root = os.fsencode(self.dataset.root) + b"/"
        files = [root + os.fsencode(str(self.paths[at])) for at in self.to_do]
        _, widths, heights, turns = _core.sniff_headers(files, 0)
        said = self.dataset.images.select(["width", "height"])
        declared = np.stack([as_numpy(said[k].fill_null(0)) for k in ("width", "height")], axis=1)
        sizes: list[Size | str] = []
        for n, at in enumerate(self.to_do):
            stored = int(widths[n]), int(heights[n])
            upright = stored[::-1] if 5 <= turns[n] <= 8 else stored
            if min(stored) < 1:
                missing = not Path(os.fsdecode(files[n])).exists()
                sizes.append("no such file" if missing else "no size in the file's header")
            elif tuple(declared[at].tolist()) == stored != upright:
                sizes.append(
                    "its labels were drawn on the stored picture, which EXIF turns: turn the "
                    "pixels once and set the tag to 1"
                )
            else:
                sizes.append(upright)
        return sizes

    def _copies(self, at: int, first: int, size: Size | str) -> list[_Made | str]:
        from ..cut import read_tile

        if isinstance(size, str):
            return [size] * self.copies
        try:
            picture = read_tile(self.dataset.root / str(self.paths[at]), (0, 0, *size))
        except DatasetError as error:
            why = str(error).removeprefix(f"{self.dataset.root / str(self.paths[at])}: ")
            return [why] * self.copies
        except ValueError as error:  # more pixels than are decoded
            return [str(error)] * self.copies
        given = self.source.of_image(at, size)
        return [self._copy(picture, given, at, first + k, k) for k in range(self.copies)]

    def _copy(
        self, picture: NDArray[np.uint8], given: Given, at: int, row: int, copy: int
    ) -> _Made:
        made = self.recipe(
            picture,
            given.boxes,
            given.polygons,
            given.obb,
            given.ignore,
            seed=self.seed,
            image_key=self.names[at],
            epoch=copy,
            context={"paste": self.objects, "image": at, "name": self.names[at]},
        )
        changed = any("skipped" not in entry for entry in made.ledger)
        if changed or not self.originals:
            _save(self.folder / self.places[row], made.image, self.quality)
        return _Made(given, made, changed or not self.originals)

    def _take(self, first: int, results: list[_Made | str]) -> None:
        at = self.rows[first][0]
        if isinstance(results[0], str):
            self.failures.append((self.names[at], f"not augmented: {results[0]}"))
            return
        for copy, made in enumerate(results):
            assert isinstance(made, _Made)
            row = first + copy
            self.skipped += sum("skipped" in entry for entry in made.augmented.ledger)
            if not made.written:
                self.unchanged += 1
                continue
            height, width = made.augmented.image.shape[:2]
            self.made[row] = width, height
            made.augmented.image = np.empty((0, 0), np.uint8)
            self.new.add(row, made.given, made.augmented, (width, height))
            for entry in made.augmented.ledger:
                self.ledger.append(self._ledger_row(row, at, copy, entry))

    def _ledger_row(self, row: int, at: int, copy: int, entry: dict[str, Any]) -> dict[str, Any]:
        named = {name: entry.get(name) for name in _NOTED}
        more = {k: v for k, v in entry.items() if k not in (*_NOTED, "stage", "op")}
        return {
            "file": self.places[row],
            "source_file": self.names[at],
            "copy": copy,
            "stage": entry["stage"],
            "op": entry["op"],
            "values": json.dumps(more, default=str, sort_keys=True),
            **named,
        }

    def _carry(self, row: int) -> None:
        """An image of the source as it is."""
        at = self.rows[row][0]
        path = self.paths[at]
        if path is None:
            self.failures.append((self.names[at], "left out: its name leads outside the set"))
            return
        try:
            _same(self.dataset.root / path, self.folder / self.places[row], self.link)
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            self.failures.append((self.names[at], f"left out: {error.strerror or error}"))
            return
        self.made[row] = 0, 0

    # ---- labels ----------------------------------------------------------------

    def finish(self, target: Path, sheet: bool) -> AugmentResult:
        """Labels, ledgers and summary."""
        import pyarrow.parquet as pq

        from ..formats import write

        new = self._dataset()
        report = write(new, self.folder, self.kind)
        ledger = pa.Table.from_pylist(self.ledger, schema=LEDGER)
        boxes = self._boxes()
        pq.write_table(ledger, self.folder / LEDGER_FILE, compression="zstd")
        pq.write_table(boxes, self.folder / BOXES_FILE, compression="zstd")
        (self.folder / RECIPE_FILE).write_text(self.recipe.to_toml(), encoding="utf-8")
        failures = list(dict.fromkeys(self.failures))
        summary = self._summary(ledger, boxes, report, failures)
        text = json.dumps(summary, indent=1, ensure_ascii=False, sort_keys=True)
        (self.folder / SUMMARY_FILE).write_text(text + "\n", encoding="utf-8")
        if sheet:
            from .sheet import operations_page

            page = operations_page(self.dataset, self.recipe, images=self.to_do, seed=self.seed)
            (self.folder / SHEET_FILE).write_text(page, encoding="utf-8")
        return AugmentResult(target, ledger, boxes, summary, tuple(failures), report)

    def _dataset(self) -> Dataset:
        """The new set as tables: what is carried, then the copies."""
        rows = sorted(self.made)
        number = {row: k for k, row in enumerate(rows)}
        sources = [self.rows[row][0] for row in rows]
        images = self.dataset.images.take(pa.array(sources, pa.int64())).to_pydict()
        copied = [k for k, row in enumerate(rows) if self.rows[row][1] is not None]
        images["image_id"] = list(range(len(rows)))
        images["path"] = [self.places[row] for row in rows]
        labelled = set(self.new.image)
        for k in copied:
            row = rows[k]
            images["source_id"][k] = None
            images["file_name"][k] = self.places[row].rpartition("/")[2]
            images["width"][k], images["height"][k] = self.made[row]
            images["size_source"][k] = "decoded"
            images["label_state"][k] = "labelled" if row in labelled else "labelled_empty"
            at, copy = self.rows[row]
            images["attributes"][k] = json.dumps(
                {"augmented": self.names[at], "copy": copy}, ensure_ascii=False
            )
        carried = {at: number[row] for row, at in enumerate(self.carried) if row in number}
        image_of = self.dataset.column("annotations", "image_id")
        where = np.array([carried.get(at, -1) for at in range(len(self.dataset))], np.int64)
        kept = np.flatnonzero(where[image_of] >= 0)
        old = self.dataset.annotations.take(pa.array(kept))
        for name, values in (
            ("annotation_id", np.arange(len(kept))),
            ("image_id", where[image_of[kept]]),
        ):
            old = old.set_column(old.schema.get_field_index(name), name, pa.array(values))
        self.new.image = [number[row] for row in self.new.image]
        both = pa.concat_tables(
            [old.cast(schema.ANNOTATIONS), self.new.table(self.dataset, len(kept))]
        )
        return replace(
            self.dataset,
            images=pa.table(images, schema=schema.IMAGES),
            annotations=both,
            problems=schema.PROBLEMS.empty_table(),
            root=self.folder,
            format=self.kind if self.kind == self.dataset.format else self.dataset.format,
        )

    def _boxes(self) -> pa.Table:
        rows = sorted(self.made)
        files = [self.places[rows[k]] for k in self.new.image]
        boxes = np.array(self.new.box, np.float64).reshape(-1, 4)
        columns: dict[str, Any] = {
            "file": pa.array(files, pa.string()),
            "source_annotation_id": pa.array(self.new.row, pa.int64()),
        }
        for k, name in enumerate(("x1", "y1", "x2", "y2")):
            columns[name] = pa.array(np.ascontiguousarray(boxes[:, k]))
        columns["ignore"] = pa.array(self.new.ignored, pa.bool_())
        columns["tightness"] = pa.array(self.new.tightness, pa.float64())
        return pa.table(columns, schema=BOXES)

    def _summary(
        self, ledger: pa.Table, boxes: pa.Table, report: WriteReport, failures: Any
    ) -> dict[str, Any]:
        import pyarrow.compute as pc

        from .. import __version__

        done = ledger.filter(ledger["skipped"].is_null())
        ops: dict[str, int] = {}
        for op in done["op"].to_pylist():
            ops[op] = ops.get(op, 0) + 1
        targets = boxes.filter(pc.invert(boxes["ignore"]))
        lost = 1 - as_numpy(targets["tightness"])
        return {
            "fastlabel": __version__,
            "source": self.dataset.root.resolve().name,
            "seed": self.seed,
            "copies": self.copies,
            "images": sum(self.rows[row][1] is None for row in self.made),
            "augmented": sum(self.rows[row][1] is not None for row in self.made),
            "unchanged": self.unchanged,
            "boxes": targets.num_rows,
            "ignored": boxes.num_rows - targets.num_rows,
            "gone": sum(v or 0 for v in ledger["gone"].to_pylist()),
            "skipped": self.skipped,
            "operations": dict(sorted(ops.items())),
            "tightness_lost": {
                "mean": round(float(lost.mean()), 4) if len(lost) else 0.0,
                "most": round(float(lost.max()), 4) if len(lost) else 0.0,
                "boxes": int((lost > 0).sum()),
            },
            "not_carried": [*report.lines(), *(f"{k}: {v:,}" for k, v in self.new.lost.items())],
            "failures": [list(row) for row in failures],
        }


def _copy_name(name: str, copy: int) -> str:
    """STEM_aug1.jpg; JPEG stays JPEG, all else becomes PNG."""
    path = PurePosixPath(name)
    suffix = path.suffix if path.suffix.lower() in (".jpg", ".jpeg", ".png") else ".png"
    return f"{path.stem}_aug{copy + 1}{suffix}"


def _save(path: Path, picture: NDArray[np.uint8], quality: int) -> None:
    import cv2

    png = path.suffix.lower() == ".png"
    options = [] if png else [cv2.IMWRITE_JPEG_QUALITY, quality]
    done, data = cv2.imencode(".png" if png else ".jpg", picture, options)
    if not done:
        raise DatasetError(f"{path.name}: the picture could not be encoded")
    path.write_bytes(data.tobytes())


def _same(old: Path, new: Path, link: bool) -> None:
    if link and not old.is_symlink():
        try:
            os.link(old, new)
            return
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
    shutil.copyfile(old, new)
