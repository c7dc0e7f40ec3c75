"""The new data set: which file goes where, its labels, and the ledger of every paste."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ... import schema
from ...dataset import Dataset, as_numpy
from ...formats import layout, write
from .drawing import Crop, Drawn, Task, crop_window, encoded_suffix
from .plan import HIDDEN, Plan
from .sheet import Picture, contact_sheet, sheet_page
from .sources import Sources, set_column

__all__ = ["LEDGER_FILE", "SETTINGS_FILE", "SHEET_FILE", "Assembly"]

LEDGER_FILE, SETTINGS_FILE, SHEET_FILE = "ledger.parquet", "paste.json", "paste-sheet.html"

#: A paste that changes its box by less than this many grey levels cannot be seen.
FAINT = 6.0

#: One row a planned paste, as written.
FULL_LEDGER = pa.schema(
    [
        pa.field("paste_id", pa.int32(), nullable=False),
        pa.field("outcome", pa.string(), nullable=False),  # "pasted", or why not
        ("annotation_id", pa.int64()),  # row of the new set's annotations; null: not pasted
        ("file", pa.string()),  # the target, in the new set
        ("target_file", pa.string()),  # the target, in the set it comes from
        ("background", pa.bool_()),  # whether it comes from another set
        ("category", pa.string()),
        ("x1", pa.float64()),
        ("y1", pa.float64()),
        ("x2", pa.float64()),
        ("y2", pa.float64()),
        ("source_file", pa.string()),  # where the object was cut out
        ("source_annotation_id", pa.int64()),
        ("instance_id", pa.int32()),
        ("outline", pa.string()),
        ("scale", pa.float64()),  # pixels of the paste to pixels of the source
        ("size_at_input", pa.float64()),  # short side, in smallest strides
        ("flip", pa.bool_()),
        ("blend", pa.string()),
        ("match", pa.bool_()),
        ("seed", pa.int64()),
        ("hidden", HIDDEN),  # annotation_id of the source set; share by boxes
        ("places_compared", pa.int32()),  # free places among which the one most alike was taken
        ("ground_difference", pa.float64()),  # grey levels, of the ground there and at the source
        ("gain", pa.float64()),  # what matching did: see Matched
        ("offset", pa.list_(pa.float64())),
        ("blur", pa.float64()),
        ("colour_blur", pa.float64()),
        ("noise", pa.float64()),
        ("difference", pa.float64()),  # grey levels that the paste changed its box by
        ("too_faint", pa.bool_()),  # less than FAINT: the box is an ignore region
    ]
)


class Assembly:
    """A data set that is being put together in a folder."""

    def __init__(
        self,
        sources: Sources,
        plan: Plan,
        folder: Path,
        kind: str,
        link: bool,
        on_sheet: frozenset[int],
    ) -> None:
        self.sources, self.plan, self.folder, self.kind = sources, plan, folder, kind
        self.link, self.on_sheet = link, on_sheet
        self.failures: list[tuple[str, str]] = []
        self.pasted = 0
        self.rows = plan.table.to_pylist()
        self.outcome = ["pasted"] * len(self.rows)
        self.changed: set[int] = set()
        self.gone: set[int] = set()
        self.hidden: dict[int, float] = {}  # annotation_id -> share of its pixels
        self.difference: dict[int, float] = {}  # paste_id -> grey levels
        self.crops: dict[int, Crop] = {}
        self.by_image: dict[int, list[dict[str, Any]]] = {}
        for row in self.rows:
            self.by_image.setdefault(row["image_id"], []).append(row)
        # Of the backgrounds, those that are pasted onto; of the set, everything.
        own, used = len(sources.own), set(self.by_image)
        self.images = [at for at in range(len(sources.dataset)) if at < own or at in used]
        self.places = self._places()

    def _places(self) -> dict[int, str]:
        table = self.sources.dataset.images.take(pa.array(self.images, pa.int64()))
        for name in ("path", "file_name"):
            values = table[name].to_pylist()
            for at, image in enumerate(self.images):
                if image in self.by_image and values[at] is not None:
                    path = PurePosixPath(values[at])
                    if path.name:
                        values[at] = str(path.with_suffix(encoded_suffix(path.suffix)))
            table = set_column(table, name, values)
        return dict(zip(self.images, layout(table, self.kind), strict=True))

    # ---- pictures --------------------------------------------------------------

    def tasks(self) -> list[Task]:
        """What is to be drawn, in the order of the images."""
        ds = self.sources.dataset
        boxes = ds.boxes()
        image_of = as_numpy(ds.annotations["image_id"])
        order = np.argsort(image_of, kind="stable")
        starts = np.searchsorted(image_of[order], np.arange(len(ds) + 1))
        self._annotations = {
            at: order[starts[at] : starts[at + 1]].tolist() for at in sorted(self.by_image)
        }
        sizes = ds.images.select(["width", "height"]).to_pylist()
        options = self.plan.options
        limits = float(options.max_hidden), float(options.max_on_boxes), float(options.gap)
        exempt = np.zeros(ds.annotations.num_rows, bool)
        exempt[self.plan.ignored] = True
        for name in ("crowd", "ignore"):
            exempt |= np.asarray(pc.fill_null(ds.annotations[name], False), bool)
        made = []
        for at, mine in self._annotations.items():
            file = self.sources.file(at)
            assert file is not None  # targets lie inside their roots
            made.append(
                Task(
                    at,
                    file,
                    self.folder / self.places[at],
                    (sizes[at]["width"], sizes[at]["height"]),
                    self.by_image[at],
                    [tuple(box) for box in boxes[mine].tolist()],
                    self.on_sheet,
                    exempt[mine].tolist(),
                    limits,
                )
            )
        return made

    def take(self, drawn: Drawn) -> None:
        """Note what became of one image."""
        at = drawn.image_id
        if drawn.failed is not None:
            self.failures.append((self.sources.name(at), f"not pasted onto: {drawn.failed}"))
            for row in self.by_image[at]:
                self.outcome[row["paste_id"]] = drawn.lost.get(
                    row["paste_id"], f"target: {drawn.failed}"
                )
        else:
            self.changed.add(at)
            self.pasted += len(self.by_image[at]) - len(drawn.lost)
            for paste, why in drawn.lost.items():
                self.outcome[paste] = f"object: {why}"
        for paste, why in drawn.lost.items():
            self.failures.append((self.sources.name(at), f"paste {paste} left out: {why}"))
        for box, share in drawn.hidden.items():
            self.hidden[self._annotations[at][box]] = share
        for paste, settled in drawn.drawn.items():
            hidden = [
                {"annotation_id": self._annotations[at][part["box"]], "share": part["share"]}
                for part in settled["hidden"]
            ]
            self.rows[paste].update(settled | {"hidden": hidden})
        self.difference |= drawn.difference
        for crop in drawn.crops:
            self.crops[crop[0]] = crop

    def place_unchanged(self) -> None:
        """Copy, or link, every image that nothing was pasted onto."""
        taken = set(self.places.values())
        for at in self.images:
            if at in self.changed:
                continue
            if at >= len(self.sources.own):  # a background that failed is left out
                self.gone.add(at)
                continue
            file = self.sources.file(at)
            if file is None:
                self._left_out(at, "its name leads outside the data set")
                continue
            if file.suffix.lower() != Path(self.places[at]).suffix.lower():
                # It was to be drawn, and so encoded, and could not be.
                name = str(PurePosixPath(self.places[at]).with_suffix(file.suffix))
                if name not in taken:
                    self.places[at] = name
            target = self.folder / self.places[at]
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._copy(file, target)
            except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
                target.unlink(missing_ok=True)
                self._left_out(at, error.strerror or str(error))

    def _copy(self, file: Path, target: Path) -> None:
        if self.link and not file.is_symlink():
            try:
                os.link(file, target)
                return
            except OSError as error:
                known = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES)
                if error.errno not in known:
                    raise
        shutil.copyfile(file, target)

    def _left_out(self, at: int, why: str) -> None:
        self.gone.add(at)
        self.failures.append((self.sources.name(at), f"left out with its labels: {why}"))

    # ---- labels ----------------------------------------------------------------

    def write(self, ledger: pa.Table) -> list[str]:
        """Write the labels; what the format could not carry, in words."""
        return list(write(self.dataset(ledger), self.folder, self.kind).lines())

    def dataset(self, ledger: pa.Table) -> Dataset:
        """The new set as tables: kept images, kept boxes, pasted boxes."""
        ds = self.sources.dataset
        keep = np.zeros(len(ds), bool)
        kept = [at for at in self.images if at not in self.gone]
        keep[kept] = True
        new_image = np.cumsum(keep) - 1
        images = ds.images.filter(pa.array(keep))
        states = images["label_state"].to_pylist()
        sized = images["size_source"].to_pylist()
        for row, at in enumerate(kept):
            if at in self.changed:
                states[row], sized[row] = "labelled", "decoded"
        paths = [self.places[at] for at in kept]
        for name, values in (
            ("image_id", pa.array(np.arange(len(kept)))),
            ("path", paths),
            ("label_state", states),
            ("size_source", sized),
        ):
            images = set_column(images, name, values)
        image_of = as_numpy(ds.annotations["image_id"])
        keep_box = keep[image_of]
        boxes = self._marked(ds.annotations).filter(pa.array(keep_box))
        boxes = set_column(boxes, "image_id", pa.array(new_image[image_of[keep_box]]))
        both = pa.concat_tables([boxes, self._pasted_boxes(ledger, new_image)])
        both = set_column(both, "annotation_id", pa.array(np.arange(both.num_rows)))
        return replace(
            ds,
            images=images,
            annotations=both,
            problems=ds.problems.slice(0, 0),
            root=self.folder,
            format=self.kind,
        )

    def ignored(self) -> npt.NDArray[np.int64]:
        """Boxes of which more is hidden than allowed, by the plan or by the pixels drawn."""
        image_of = as_numpy(self.sources.dataset.annotations["image_id"])
        limit = self.limit + 1e-9
        planned = [at for at in self.plan.ignored.tolist() if image_of[at] in self.changed]
        measured = [at for at, share in self.hidden.items() if share > limit]
        return np.array(sorted({*planned, *measured}), np.int64)

    @property
    def limit(self) -> float:
        """Most of a box that may be hidden."""
        return self.plan.options.max_hidden

    def _marked(self, boxes: pa.Table) -> pa.Table:
        """The boxes of the sources; those that are covered say so, those hidden are ignored."""
        if not self.hidden and not len(self.plan.ignored):
            return boxes
        ignore = np.asarray(pc.fill_null(boxes["ignore"], False).to_numpy(zero_copy_only=False))
        unknown = np.asarray(boxes["ignore"].is_null().to_numpy(zero_copy_only=False), bool).copy()
        ignore = ignore.astype(bool).copy()
        hidden = self.ignored()
        ignore[hidden], unknown[hidden] = True, False
        attributes = boxes["attributes"].to_pylist()
        for at, share in self.hidden.items():
            attributes[at] = _with_entry(attributes[at], "hidden", round(share, 6))
        boxes = set_column(boxes, "ignore", pa.array(ignore, mask=unknown))
        return set_column(boxes, "attributes", attributes)

    def _pasted_boxes(self, ledger: pa.Table, new_image: npt.NDArray[np.int64]) -> pa.Table:
        rows = [row for row, out in zip(self.rows, self.outcome, strict=True) if out == "pasted"]
        names = self.sources.dataset.categories["name"].to_pylist()
        made = [
            {
                "annotation_id": 0,
                "image_id": int(new_image[row["image_id"]]),
                "category_id": row["category_id"],
                "area": (row["x2"] - row["x1"]) * (row["y2"] - row["y1"]),
                "attributes": json.dumps({"pasted": row["paste_id"]}),
                "ignore": True if self._faint(row["paste_id"]) else None,
                "source_category": names[row["category_id"]],
                **{side: row[side] for side in ("x1", "y1", "x2", "y2")},
            }
            for row in rows
        ]
        return pa.Table.from_pylist(made, schema=schema.ANNOTATIONS)

    def _faint(self, paste: int) -> bool:
        return self.difference.get(paste, FAINT) < FAINT

    # ---- ledger ----------------------------------------------------------------

    def ledger(self, bank: Any, blend: str, match: bool) -> pa.Table:
        """Every planned paste, and what became of it."""
        ds, sources = self.sources.dataset, self.sources
        picked = bank.table.take(pa.array([r["instance_id"] for r in self.rows], pa.int64()))
        objects = picked.select(["image_id", "annotation_id", "outline"]).to_pylist()
        names = ds.categories["name"].to_pylist()
        keep = np.ones(len(ds), bool)
        keep[[at for at in range(len(ds)) if at not in self.places or at in self.gone]] = False
        kept_boxes = int(np.count_nonzero(keep[as_numpy(ds.annotations["image_id"])]))
        made = []
        for row, source, outcome in zip(self.rows, objects, self.outcome, strict=True):
            at, done = row["image_id"], outcome == "pasted"
            made.append(
                {
                    **row,
                    "outcome": outcome,
                    "annotation_id": kept_boxes if done else None,
                    "file": None if at in self.gone else self.places[at],
                    "target_file": sources.name(at),
                    "background": at >= len(sources.own),
                    "category": names[row["category_id"]],
                    "source_file": sources.name(source["image_id"]),
                    "source_annotation_id": source["annotation_id"],
                    "outline": source["outline"],
                    "blend": blend,
                    "match": match,
                    "difference": self.difference.get(row["paste_id"]) if done else None,
                    "too_faint": self._faint(row["paste_id"]) if done else None,
                }
            )
            kept_boxes += done
        return pa.Table.from_pylist(made, schema=FULL_LEDGER)

    def sheet(self) -> Picture | None:
        """The contact sheet of the pastes that were picked."""
        crops = []
        for paste, before, after in (self.crops[at] for at in sorted(self.crops)):
            row = self.rows[paste]
            size = self.sources.dataset.images.select(["width", "height"]).slice(row["image_id"], 1)
            shape = size.to_pylist()[0]
            x, y, *_ = crop_window(row, (shape["width"], shape["height"]))
            box = (row["x1"] - x, row["y1"] - y, row["x2"] - x, row["y2"] - y)
            crops.append((before, after, box))
        return contact_sheet(crops) if crops else None

    def finish(self, ledger: pa.Table, summary: dict[str, Any], sheet: Picture | None) -> None:
        """Write the ledger, the settings and the sheet."""
        import pyarrow.parquet as pq

        pq.write_table(ledger, self.folder / LEDGER_FILE)
        summary["ignored_boxes"] = len(self.ignored())
        summary["covered_boxes"] = len(self.hidden)
        summary["too_faint"] = sum(map(bool, ledger["too_faint"].to_pylist()))
        text = json.dumps(summary, indent=2, ensure_ascii=True, allow_nan=False)
        (self.folder / SETTINGS_FILE).write_text(text + "\n", encoding="utf-8")
        if sheet is not None:
            page = sheet_page(sheet, _about(summary))
            (self.folder / SHEET_FILE).write_text(page, encoding="utf-8")


def _about(summary: dict[str, Any]) -> Sequence[str]:
    settings = summary["settings"]
    return [
        f"{summary['pasted']:,} objects of {summary['source']}, blend {settings['blend']}, "
        f"seed {settings['seed']}."
    ]


def _with_entry(text: str | None, key: str, value: Any) -> str:
    try:
        known = json.loads(text) if text else {}
    except ValueError:
        known = {"attributes": text}
    if not isinstance(known, dict):
        known = {"attributes": known}
    return json.dumps({**known, key: value})
