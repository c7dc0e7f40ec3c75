"""``fastlabel.paste``: bank, plan, drawing and labels, into a new data set with a ledger."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..._output import new_folder
from ..._scalars import as_choice, as_number, as_switch, as_whole
from ...dataset import Dataset, DatasetError
from ...deploy import Profile
from .options import ASSUMED, BLENDS, Options
from .plan import Plan, lacking, plan_pastes
from .sources import Sources, gather, set_column
from .stock import kind_of

__all__ = ["PasteResult", "paste"]

Source = str | os.PathLike[str] | Dataset
Progress = Callable[[int, int], None]

#: Pastes on a contact sheet.
SHEET_PASTES = 48


@dataclass(frozen=True, eq=False)
class PasteResult:
    """What a run of pasting made.

    Attributes
    ----------
    folder : pathlib.Path
        The new data set; ``ledger.parquet`` and ``paste.json`` lie in it.
    ledger : pyarrow.Table
        One row a planned paste: what went where, from where, how, and what became of it.
    summary : dict
        The content of ``paste.json``: settings, wanted and reached, bank, outcomes, audit.
    failures : tuple of (str, str)
        Files that could not be used, and why; the rest was finished without them.
    sheet : numpy.ndarray or None
        The contact sheet, (H, W, 3) uint8 BGR, when it was asked for.
    """

    folder: Path
    ledger: pa.Table
    summary: dict[str, Any]
    failures: tuple[tuple[str, str], ...]
    sheet: Any = None


def paste(
    src: Source,
    dst: str | os.PathLike[str],
    *,
    count: int | None = None,
    share: float | None = None,
    between: tuple[float, float] = (1.0, 3.0),
    distribution: Iterable[tuple[float, float, float]] | None = None,
    classes: Mapping[str, float] | Iterable[str] | None = None,
    deploy: str | os.PathLike[str] | Profile | None = None,
    splits: Sequence[str] | None = None,
    backgrounds: Iterable[Source] = (),
    format: str = "auto",
    to: str | None = None,
    blend: str = "feather",
    match: bool = True,
    max_hidden: float = 0.3,
    when_hidden: str = "refuse",
    max_on_boxes: float = 0.3,
    max_per_image: int = 10,
    placement: str | Mapping[str, float] = "learnt",
    flip: bool = False,
    own_image: bool = False,
    grabcut: bool = False,
    min_quality: float | None = None,
    quality: int = 95,
    link: bool = False,
    seed: int = 0,
    workers: int = 0,
    sheet: bool = False,
    audit: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PasteResult:
    """Paste shrunken objects of a data set onto its images and onto backgrounds.

    Makes a new data set; ``src`` and the backgrounds are only read. Images that nothing is pasted
    onto are copied byte for byte. The same arguments give the same bytes, for any number of
    workers. Nothing goes from one split into another.

    Parameters
    ----------
    src : str, os.PathLike or Dataset
        The labelled set.
    dst : str or os.PathLike
        Folder of the new set.
    count : int, optional
        How many objects to paste; or ``share``, or ``distribution``: exactly one of them.
    share : float, optional
        Paste until this share of all boxes of the splits pasted into is ``between`` two sizes.
    between : tuple of float
        Short side of a pasted box at the model's input, in smallest strides: from low to below
        high.
    distribution : iterable of (low, high, share), optional
        Several such bands at once.
    classes : mapping of str to float, or iterable of str, optional
        Classes to paste, by weight. By default all that the bank has, as often as they occur.
    deploy : str, os.PathLike or Profile, optional
        Where the model will run. Without it an input of 640 x 640 and a stride of 8 are assumed.
    splits : sequence of str, optional
        Splits to paste into, from the same split; the others are carried unchanged. By default
        ``train``, or everything where no split is declared.
    backgrounds : iterable of str, os.PathLike or Dataset
        Other sets, or folders of pictures, that hold none of the classes except where they say
        so themselves. Those that are pasted onto become part of the new set.
    format, to : str
        Format to read ``src`` as, and the one to write: by default that of ``src``.
    blend : {"feather", "alpha", "rectangle", "poisson", "multiband"}
        How an object meets the picture.
    match : bool
        Whether noise, sharpness and brightness are matched to the place.
    max_hidden : float
        Most of an existing box, 0 to 1, that the pastes together may hide.
    when_hidden : {"refuse", "ignore"}
        What happens where more would be hidden: another place is sought, or the box becomes an
        ignore region.
    max_on_boxes : float
        Most of a pasted object's own box that may lie on existing boxes.
    max_per_image : int
        Most objects pasted onto one image.
    placement : {"learnt", "uniform"} or mapping
        Rows of the frame by the perspective learnt from the boxes, all alike, or by
        ``log(height) = intercept + slope * row`` with a spread of ``sigma`` (rows and heights as
        shares of the frame).
    flip : bool
        Whether half of the objects are mirrored.
    own_image : bool
        Whether an object may go into the image that it comes from.
    grabcut : bool
        Cut objects that have only a box with OpenCV's GrabCut.
    min_quality : float, optional
        Least quality, 0 to 1, of an object; see ``fastlabel.prepare.paste.bank.build_bank``.
    quality : int
        Of the JPEGs written, 1 to 100. Pictures that are no JPEG are written as PNG.
    link : bool
        Hard links instead of copies of unchanged files, where the disk can: what is then done to
        the one is done to the other.
    seed : int
        Of all chance.
    workers : int
        Threads; 0 means one a CPU.
    sheet : bool
        Whether to make a contact sheet, written as ``paste-sheet.html``.
    audit : bool
        Whether to train a small classifier on the rims of pasted and real objects, whose AUC says
        how well they are told apart: 0.5 is invisible.
    overwrite : bool
        Whether a folder that is not empty is replaced, once the new one is whole.
    progress : callable, optional
        Called with (done, total), first for the images measured, then for those drawn.

    Returns
    -------
    PasteResult

    Raises
    ------
    ValueError, TypeError
        For an argument that means nothing.
    DatasetError
        For a set that cannot be used: no labels, an empty bank, no image to paste onto, a class
        or split that is not there, a folder that is not empty.
    ConfigError
        For a deployment that is not known.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel as fl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fl.make_sample(f"{folder}/set", seed=1)
    ...     made = fl.paste(f"{folder}/set", f"{folder}/new", count=5, deploy="edge-640")
    ...     new = fl.read(f"{folder}/new")
    >>> made.ledger.num_rows, new.annotations.num_rows > 5
    (5, True)
    """
    from ... import deploy as profiles

    profile = deploy
    if deploy is None:
        profile = ASSUMED
    elif not isinstance(deploy, Profile):
        profile = profiles.load(deploy)
    assert isinstance(profile, Profile)
    options = Options(
        count=count,
        share=share,
        between=between,
        distribution=None if distribution is None else tuple(distribution),
        classes=classes,  # type: ignore[arg-type]  # made a mapping there
        profile=profile,
        max_hidden=max_hidden,
        when_hidden=when_hidden,
        max_on_boxes=max_on_boxes,
        max_per_image=max_per_image,
        placement=placement,
        flip=flip,
        own_image=own_image,
    )
    as_choice(blend, "blend", BLENDS)
    if to is not None:
        as_choice(to, "to", ("coco", "yolo", "voc"))
    switches = {"match": match, "grabcut": grabcut, "link": link, "sheet": sheet, "audit": audit}
    for name, on in switches.items():
        as_switch(on, name)
    for name, value, least, most in (
        ("quality", quality, 1, 100),
        ("seed", seed, 0, 2**63 - 1),
        ("workers", workers, 0, 1024),
    ):
        if not least <= as_whole(value, name) <= most:
            raise ValueError(f"{name}: got {value}, expected {least} to {most}")
    if min_quality is not None and not 0 <= as_number(min_quality, "min_quality") <= 1:
        raise ValueError(f"min_quality: got {min_quality}, expected 0 to 1")
    if isinstance(backgrounds, (str, os.PathLike, Dataset)):
        backgrounds = (backgrounds,)
    run = _Run(options, blend, match, grabcut, min_quality, quality, link, seed, workers, progress)
    sources = gather(_read(src, format), splits, [_read(b, "auto") for b in backgrounds])
    kind = to or sources.own.format
    with new_folder(dst, sources=sources.roots, overwrite=overwrite) as staging:
        made = run.make(sources, staging, kind, sheet, audit)
    return PasteResult(Path(dst), *made)


def _read(source: Source, format: str) -> Dataset:
    from ...formats import read

    dataset = source if isinstance(source, Dataset) else read(source, format)
    return dataset.with_files()


@dataclass(frozen=True)
class _Run:
    """The settings of one run, and its steps."""

    options: Options
    blend: str
    match: bool
    grabcut: bool
    min_quality: float | None
    quality: int
    link: bool
    seed: int
    workers: int
    progress: Progress | None

    def make(
        self, sources: Sources, staging: Path, kind: str, want_sheet: bool, want_audit: bool
    ) -> tuple[pa.Table, dict[str, Any], tuple[tuple[str, str], ...], Any]:
        from .assemble import Assembly

        if sources.own.annotations.num_rows == 0:
            raise DatasetError(f"{sources.own.root}: has no boxes, so there is nothing to paste")
        bank = self._bank(sources)
        plan, table, failures = self._plan(sources, bank)
        picked = _spread(plan.table.num_rows, SHEET_PASTES) if want_sheet else frozenset()
        assembly = Assembly(sources, plan, staging, kind, self.link, picked)
        self._draw(assembly, bank)
        assembly.place_unchanged()
        ledger = assembly.ledger(bank, self.blend, self.match)
        summary = self._summary(sources, plan, table, kind)
        summary["bank_problems"] = list(bank.problems)
        told = {name for name, _ in assembly.failures}
        failures = [row for row in failures if row[0] not in told] + assembly.failures
        summary["pasted"] = assembly.pasted
        summary["bands"] = _labelled(plan, ledger)
        summary["failures"] = [list(row) for row in failures]
        summary["not_carried"] = assembly.write(ledger)
        if want_audit:
            summary["audit"] = self._audit(sources, ledger, bank)
        picture = assembly.sheet() if want_sheet else None
        assembly.finish(ledger, summary, picture)
        return ledger, summary, tuple(failures), picture

    def _bank(self, sources: Sources) -> Any:
        from .bank import build_bank

        more: dict[str, Any] = {} if self.min_quality is None else {"min_quality": self.min_quality}
        named = [split for split in sources.splits if split is not None]
        wanted = self.options.classes
        return build_bank(
            sources.own,
            categories=None if wanted is None else list(wanted),
            splits=named or None,
            grabcut=self.grabcut,
            seed=self.seed,
            workers=self.workers,
            progress=self.progress,
            **more,
        )

    def _plan(self, sources: Sources, bank: Any) -> tuple[Plan, pa.Table, list[tuple[str, str]]]:
        """A plan whose images can all be decoded: broken ones are named and planned around."""
        table = bank.table
        # The bank has met some of them already, and a plan need not come back to them.
        unread = pc.filter(table["image_id"], pc.starts_with(table["reason"], "image is "))
        broken = self._broken(sources, sorted(set(unread.to_pylist())))
        targets = [at for at in sources.targets if at not in broken]
        seen = set[int]()
        while True:
            plan = plan_pastes(
                sources.dataset,
                table,
                targets,
                self.options,
                self.seed,
                backgrounds=sources.backgrounds,
            )
            used = set(plan.table["image_id"].to_pylist())
            used.update(table["image_id"].take(plan.table["instance_id"]).to_pylist())
            bad = self._broken(sources, sorted(used - seen))
            seen |= used
            if not bad:
                break
            broken |= bad
            targets = [at for at in targets if at not in bad]
            if not targets:
                at = min(broken)
                raise DatasetError(
                    "none of the images to paste onto can be decoded, first "
                    f"{sources.name(at)}: {broken[at]}"
                )
            table = _without(table, bad)
        named = [(sources.name(at), f"not used: {why}") for at, why in sorted(broken.items())]
        return plan, table, named

    def _broken(self, sources: Sources, images: list[int]) -> dict[int, str]:
        """Which images are not decoded whole, and why."""
        from ...scan import scan

        files = [str(sources.file(at)) for at in images]
        if not files:
            return {}
        stats = scan(files, workers=self.workers).select(["status", "status_detail"]).to_pylist()
        return {
            at: str(row["status_detail"] or row["status"])
            for at, row in zip(images, stats, strict=True)
            if row["status"] != "ok"
        }

    def _draw(self, assembly: Any, bank: Any) -> None:
        from .drawing import draw_all

        tasks = assembly.tasks()
        results = draw_all(
            tasks,
            bank,
            blend=self.blend,
            match=self.match,
            quality=self.quality,
            workers=self.workers,
        )
        for finished, drawn in enumerate(results, 1):
            assembly.take(drawn)
            if self.progress is not None:
                self.progress(finished, len(tasks))

    def _audit(self, sources: Sources, ledger: pa.Table, bank: Any) -> dict[str, Any] | None:
        from .seams import audit_pairs, seam_pairs

        rows = ledger.filter(pc.equal(ledger["outcome"], "pasted"))
        order = np.random.default_rng(self.seed).permutation(rows.num_rows)
        picks = [
            (row["instance_id"], min(row["x2"] - row["x1"], row["y2"] - row["y1"]))
            for row in rows.take(order).to_pylist()
        ]
        pairs = seam_pairs(sources.own, bank, picks, self.seed)
        try:
            found = audit_pairs(pairs, self.blend, self.match, self.quality)
        except ValueError:
            return None
        return {
            "about": "the run's objects at their sizes, each in its own picture and pasted into "
            "another picture of the set, both shrunk as a whole by the same factor: what differs "
            "is the pasting. In pictures that are not shrunk, surroundings sharper than any real "
            "object of such a size has can tell a paste too, which no control can separate.",
            "auc": round(found.auc, 6),
            "interval": [round(end, 6) for end in found.ci],
            "real": found.n_real,
            "pasted": found.n_pasted,
            "skipped": found.skipped,
        }

    def _summary(self, sources: Sources, plan: Plan, table: pa.Table, kind: str) -> dict[str, Any]:
        from ... import __version__

        o, profile = self.options, self.options.profile
        reasons: dict[str, int] = {}
        for accepted, reason in zip(
            table["accepted"].to_pylist(), table["reason"].to_pylist(), strict=True
        ):
            word = "accepted" if accepted else kind_of(str(reason))
            reasons[word] = reasons.get(word, 0) + 1
        return {
            "fastlabel": __version__,
            "source": sources.own.root.resolve().name,
            "backgrounds": [root.resolve().name for root in sources.roots[1:]],
            "settings": {
                "input": [profile.input_width, profile.input_height],
                "stride": profile.strides[0],
                "deploy": None if profile is ASSUMED else profile.name,
                "splits": list(sources.splits),
                "classes": None if o.classes is None else dict(o.classes),
                "format": kind,
                "blend": self.blend,
                "match": self.match,
                "grabcut": self.grabcut,
                "min_quality": self.min_quality,
                "max_hidden": o.max_hidden,
                "when_hidden": o.when_hidden,
                "max_on_boxes": o.max_on_boxes,
                "max_per_image": o.max_per_image,
                "placement": o.placement if isinstance(o.placement, str) else dict(o.placement),
                "flip": o.flip,
                "own_image": o.own_image,
                "quality": self.quality,
                "seed": self.seed,
            },
            "boxes_before": plan.before,
            "boxes_after": plan.after,
            "bands": plan.bands,
            "planned": plan.table.num_rows,
            "outcomes": plan.outcomes,
            "left_out": sources.left_out,
            "bank": dict(sorted(reasons.items())),
            "placement": plan.priors,
        }


def _labelled(plan: Plan, ledger: pa.Table) -> list[dict[str, Any]]:
    """The bands of a plan by what became a label: not what was lost, or too faint to be seen."""
    rows = ledger.select(["size_at_input", "outcome", "too_faint"]).to_pylist()
    missing = [row for row in rows if row["outcome"] != "pasted" or row["too_faint"]]
    total = plan.after - len(missing)
    bands = []
    for band in plan.bands:
        mine = [row for row in missing if band["low"] <= row["size_at_input"] < band["high"]]
        faint = sum(bool(row["too_faint"]) for row in mine)
        boxes, made = band["boxes_after"] - len(mine), band["pasted"] - len(mine)
        lack = lacking(band["wanted_share"], band["wanted_count"], boxes, made, total)
        why = f"{faint:,} too faint to be seen, {len(mine) - faint:,} not drawn" if mine else None
        bands.append(
            {
                **band,
                "share_after": boxes / total if total else 0.0,
                "boxes_after": boxes,
                "faint": faint,
                "pasted": made,
                "reached": lack <= 0,
                "lacking": max(0, math.ceil(lack)),
                "why_not": "; ".join(filter(None, (band["why_not"], why))) or None,
            }
        )
    return bands


def _without(table: pa.Table, images: Iterable[int]) -> pa.Table:
    """A bank's table with the objects of some images refused."""
    gone = pc.is_in(table["image_id"], pa.array(sorted(images), table["image_id"].type))
    accepted = pc.and_(pc.fill_null(table["accepted"], False), pc.invert(gone))
    newly = pc.and_(gone, pc.fill_null(table["accepted"], False))
    reason = pc.if_else(newly, "image not decoded whole", table["reason"])
    return set_column(set_column(table, "accepted", accepted), "reason", reason)


def _spread(n: int, most: int) -> frozenset[int]:
    """At most so many of n rows, evenly apart."""
    if n <= most:
        return frozenset(range(n))
    return frozenset(at * n // most for at in range(most))
