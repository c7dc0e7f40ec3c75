"""What :func:`fastlabel.match` gives."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..dataset import Dataset, DatasetError, as_numpy
from .features import GROUPS

if TYPE_CHECKING:
    from ..rules.scene import SceneFit

__all__ = ["DECISIONS", "MATCH", "Match", "weights_of"]

Floats = npt.NDArray[np.float64]

#: What becomes of an image, by its ratio.
DECISIONS = ("keep", "down-weight", "drop")

#: Of the deployment in the mixture that a weight is relative to: no weight is over 1 / ALPHA.
ALPHA = 0.1

#: One row an image of the set.
MATCH = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        ("file_name", pa.string()),
        ("split", pa.string()),
        # Density of its scene in the deployment over that in the set; null: not decoded.
        ("ratio", pa.float64()),
        ("weight", pa.float32()),  # for training: the relative ratio, at most 10
        ("decision", pa.string()),  # one of DECISIONS
        ("reasons", pa.string()),  # why it is not kept, or not decoded
        ("cover_rank", pa.int64()),  # its place in the coverage curve; null: it adds nothing
        *((f"evidence_{group}", pa.float32()) for group in GROUPS),
        pa.field("status", pa.string(), nullable=False),
        ("status_detail", pa.string()),
    ]
)


def weights_of(ratio: Floats) -> Floats:
    """Relative density ratios (Yamada et al. 2013): near the ratio, and bounded.

    Examples
    --------
    >>> weights_of(np.array([0.1, 1.0, 1e9])).round(3).tolist()
    [0.11, 1.0, 10.0]
    """
    return np.asarray(ratio / (ALPHA * ratio + (1 - ALPHA)))


@dataclass(frozen=True, eq=False)
class Match:
    """Weights and decisions for the images of a set, and how well they cover a deployment.

    Attributes
    ----------
    table : pyarrow.Table
        One row an image: ``ratio``, ``weight``, ``decision``, ``reasons``, ...
    curve : pyarrow.Table
        Row k: the share of the reference frames that the best k images cover, and what as many
        images by chance would. Frames that no image covers are never in it.
    reference : pyarrow.Table
        One row a reference frame: whether it is covered, and the image nearest to it.
    gaps : tuple of dict
        Conditions that the frames are in and hardly an image is, the largest first.
    summary : dict
        Counts and settings; plain JSON values.
    notes : tuple of str
        What a person should know besides.
    ds : Dataset or None
        The set, where it was given.
    reference_source : Dataset, ImageSource or None
        Where the frames are, where it is known; for pictures on the page.
    """

    table: pa.Table
    curve: pa.Table
    reference: pa.Table
    gaps: tuple[dict[str, Any], ...]
    summary: dict[str, Any]
    notes: tuple[str, ...] = ()
    ds: Dataset | None = None
    reference_source: Any = field(default=None, repr=False)

    def __repr__(self) -> str:
        parts = ", ".join(f"{n:,} {d}" for d, n in self.counts().items())
        covered = self.summary["covered"]
        return f"Match({parts}; {covered:.0%} of {self.summary['frames']:,} frames covered)"

    def _repr_html_(self) -> str:
        return f"<p><b>{html.escape(repr(self))}</b></p>"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The table as an Arrow C stream."""
        return self.table.__arrow_c_stream__(requested_schema)

    def counts(self) -> dict[str, int]:
        """Images of each decision."""
        return dict(self.summary["decisions"])

    @property
    def ratio(self) -> Floats:
        """(images,) the ratios; NaN where an image was not decoded."""
        return np.asarray(as_numpy(pc.fill_null(self.table["ratio"], float("nan"))), np.float64)

    @property
    def weights(self) -> Floats:
        """(images,) the weights; 0 where an image was not decoded."""
        return np.asarray(as_numpy(pc.fill_null(self.table["weight"], 0.0)), np.float64)

    def unread_images(self) -> list[tuple[str, str]]:
        """Images that were not decoded whole, and so not matched: name and reason."""
        return _unread(self.table)

    def unread_frames(self) -> list[tuple[str, str]]:
        """Reference frames that were not decoded whole, and so not used: name and reason."""
        return _unread(self.reference)

    def plan(self, ds: Dataset | None = None, *, drop: str = "exclude") -> Any:
        """Make a plan of the decisions, for :func:`fastlabel.apply`; nothing is changed here.

        Parameters
        ----------
        ds : Dataset, optional
            The set, where the match was made of a table.
        drop : {"exclude", "quarantine", "weigh"}
            What becomes of images that are to be dropped: left out of the new tree, moved aside
            in it, or only weighed down like the others.

        Returns
        -------
        fastlabel.Plan
            ``set_weight`` for each box of an image that is weighed down, in place of its present
            weight; one action for each image that goes.

        Raises
        ------
        DatasetError
            If the set has no labels, or is not the one that was matched.
        """
        from ..clean.plan import Plan

        if drop not in ("exclude", "quarantine", "weigh"):
            raise ValueError(f"drop: got {drop!r}, expected exclude, quarantine or weigh")
        ds = ds if ds is not None else self.ds
        if ds is None:
            raise ValueError("ds: got none, expected the set, as the match was made of a table")
        if len(ds) != self.table.num_rows:
            raise DatasetError(
                f"{ds.root}: has {len(ds):,} images, but {self.table.num_rows:,} were matched; "
                "match it again"
            )
        rows = list(self._actions(ds, drop))
        return Plan.from_actions(ds, rows, notes=self.notes)

    def _actions(self, ds: Dataset, drop: str) -> list[dict[str, Any]]:
        image_of = np.asarray(ds.column("annotations", "image_id"))
        order = np.argsort(image_of, kind="stable")
        starts = np.searchsorted(image_of[order], np.arange(len(ds) + 1))
        code = {"codes": ["FL801"]}
        out: list[dict[str, Any]] = []
        wanted = pc.is_in(self.table["decision"], pa.array(DECISIONS[1:]))
        columns = ["image_id", "weight", "ratio", "decision", "reasons"]
        for row in self.table.filter(wanted).select(columns).to_pylist():
            score = {"score": round(1 - min(row["ratio"], 1.0), 4), "reason": row["reasons"]}
            image = row["image_id"]
            if row["decision"] == "drop" and drop != "weigh":
                out.append({"action": f"{drop}_image", "image_id": image, **code, **score})
                continue
            weight = round(row["weight"], 4)
            for annotation in order[starts[image] : starts[image + 1]].tolist():
                out.append(
                    {"action": "set_weight", "annotation_id": annotation, "weight": weight}
                    | code
                    | score
                )
        return out

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write ``match.html``, ``match.json`` and the tables as Parquet.

        Parameters
        ----------
        folder : path-like
            Made when it is not there. The files appear whole and together.

        Returns
        -------
        list of pathlib.Path
        """
        import pyarrow.parquet as pq

        from .._output import write_whole
        from .page import match_page

        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        tables = {"match": self.table, "coverage": self.curve, "reference": self.reference}
        text = json.dumps(self.summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        page = match_page(self)

        def texts(content: str, part: Path) -> None:
            part.write_text(content, encoding="utf-8", newline="\n")

        files: dict[Path, Any] = {
            out / f"{name}.parquet": partial(pq.write_table, table, compression="zstd")
            for name, table in tables.items()
        }
        files[out / "match.json"] = partial(texts, text)
        files[out / "match.html"] = partial(texts, page)
        write_whole(files)
        return list(files)

    @property
    def fit(self) -> SceneFit:
        """What the rules FL801 and FL802 judge."""
        from ..rules.scene import SceneFit
        from .reasons import gap_words

        lost = self.reference.filter(pc.fill_null(pc.invert(self.reference["covered"]), False))
        return SceneFit(
            ratio=self.ratio,
            reasons=self.table["reasons"],
            frames=self.summary["frames"],
            covered=self.summary["covered"],
            uncovered=_farthest(lost),
            gaps=tuple(gap_words(gap) for gap in self.gaps),
        )


def _farthest(lost: pa.Table, most: int = 20) -> Sequence[str]:
    order = pc.sort_indices(lost, [("distance", "descending"), ("frame", "ascending")])
    names: list[str] = lost["file_name"].take(order[:most]).to_pylist()
    return [str(name) for name in names]


def _unread(table: pa.Table) -> list[tuple[str, str]]:
    some = table.filter(pc.not_equal(table["status"], "ok"))
    return [
        (str(row["file_name"]), str(row["status_detail"] or row["status"]))
        for row in some.select(["file_name", "status", "status_detail"]).to_pylist()
    ]
