"""Limits of a gate that let a stated share of a training set's good images pass."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._scalars import as_choice, as_number, as_whole
from .._threads import cpus, in_threads
from ..check import check
from ..config import Config
from ..dataset import Dataset, DatasetError
from ..formats import read
from ..pixels import luma, resize_area
from ..scan import Limits
from ..scan.jobs import Jobs, jobs_of
from ..scan.sources import content_of
from .frame import UNITS, FrameGate, GateLimits

__all__ = ["MEASURES", "GateFit", "fit_gate", "sized"]

#: Limit -> the number of ``fl_gate_result`` that it is a limit of.
MEASURES = {
    "min_sharpness": "sharpness",
    "min_acutance": "acutance",
    "min_light": "light",
    "max_light": "light",
    "max_dark": "dark",
    "max_bright": "bright",
}
#: Below this many good images a quantile of them says little.
FEW = 50
#: Pictures of one job of a thread.
_PART = 16

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class GateFit:
    """Limits, and what they were fitted to.

    Attributes
    ----------
    limits : GateLimits
        What to give to :class:`fastlabel.FrameGate`.
    width, height : int
        Of the camera's frames.
    light : {"full", "limited"}
        Range of the camera's luma.
    share : float
        Share of the good images that was to pass, at least.
    good : int
        Images without a finding about their quality that could be measured.
    passed : int
        Those of them that pass.
    left_out : dict of str to int
        Other images, by reason.
    smaller : int
        Good images with fewer pixels than a frame; they were measured as they are.
    unreadable : tuple of str
        Names of images that could not be read.
    source : str
        Name of the data set's folder.
    quantiles : dict of str to tuple of float
        Of each measure over the good images: at 0, 2, 50, 98 and 100 per cent.
    """

    limits: GateLimits
    width: int
    height: int
    light: str
    share: float
    good: int
    passed: int
    left_out: dict[str, int]
    smaller: int
    unreadable: tuple[str, ...]
    source: str
    quantiles: dict[str, tuple[float, ...]]

    @property
    def few(self) -> bool:
        """Whether the images were too few for a quantile of them to say much."""
        return self.good < FEW

    def header(self, prefix: str = "gate") -> str:
        """Write the limits as a C header.

        Parameters
        ----------
        prefix : str
            What the names in it begin with: ``gate_options``, ``GATE_WIDTH``.

        Returns
        -------
        str
            The same text for the same fit, on any machine.

        Raises
        ------
        ValueError
            If the prefix is no name in C.
        """
        from .written import header

        return header(self, prefix)

    def json(self) -> str:
        """Write the limits as JSON, which :meth:`fastlabel.GateLimits.load` reads.

        Returns
        -------
        str
            The same text for the same fit, on any machine.
        """
        from .written import as_json

        return as_json(self)


def fit_gate(
    source: Dataset | str | os.PathLike[str],
    width: int,
    height: int,
    *,
    share: float = 0.98,
    light: str = "full",
    min_motion: float = 1.5,
    split: str | None = None,
    format: str = "auto",
    config: Config | None = None,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> GateFit:
    """Fit the limits of a frame gate to the good images of a training set.

    Good are the images that decode whole and have no finding of family FL4 about the picture
    itself. Each is shrunk to as many pixels as a frame of the camera has, its shape kept (area
    averaging; smaller ones stay as they are), and measured by the gate. An image is as extreme as
    the rarest of its measures: the images that are most extreme may fail, as many as ``share``
    allows, and the limits are the outermost values of the others. So what the gate rejects is what
    the model has hardly seen.

    Parameters
    ----------
    source : Dataset or path-like
        The training set, or where it is. It is opened read-only.
    width, height : int
        Of the camera's frames, in pixels.
    share : float
        Share of the good images that passes, at least; over 0, at most 1.
    light : {"full", "limited"}
        Range of the camera's luma: 0 to 255 (gray, JPEG), or 16 to 235 (video, as most cameras
        give NV12). The images' luma is brought to it.
    min_motion : float
        Least change of a cell of the grid in grey levels, for a frame not to be still. A set of
        single images cannot teach it: it is the share of a cell that a target covers, times its
        contrast. 0 calls no frame still.
    split : str, optional
        Only the images of this split.
    format : {"auto", "coco", "yolo", "voc", "images"}
        What to read the labels as.
    config : Config, optional
        Settings of the rules.
    workers : int
        Threads; 0 means one a CPU. The result does not depend on it.
    progress : callable, optional
        Called with (images done, images in all), for the audit and then for the fit.

    Returns
    -------
    GateFit
        The limits, and what they were fitted to.

    Raises
    ------
    DatasetError
        If no image of the set is good.
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> import fastlabel as fl
    >>> fit = fl.fit_gate("raccoon/", 320, 240, share=0.98)  # doctest: +SKIP
    >>> gate = fl.FrameGate(320, 240, fit.limits)  # doctest: +SKIP
    """
    share = as_number(share, "share", "a number over 0, at most 1")
    if not 0 < share <= 1:
        raise ValueError(f"share: got {share:g}, expected over 0 and at most 1")
    as_choice(light, "light", ("full", "limited"))
    workers = as_whole(workers, "workers")
    FrameGate(width, height, GateLimits(min_motion=min_motion))
    ds = source if isinstance(source, Dataset) else read(source, format)
    if split is not None:
        ds = ds.select_split(split)
    config = config or Config()
    report = check(ds, select=["FL4"], config=config, workers=workers, progress=progress)
    good, left_out, unreadable = _good(report)
    jobs = jobs_of(ds)
    values = _measured(jobs, good, (width, height), light, workers, Limits.of(config), progress)
    fine = values[:, -1] > 0
    if not fine.all():
        left_out["unreadable"] = left_out.get("unreadable", 0) + int((~fine).sum())
        unreadable += [str(jobs.names[int(at)]) for at in good[~fine]]
    values = values[fine]
    if not len(values):
        raise DatasetError(
            f"{ds.root}: no image is good enough to fit a gate to "
            f"({', '.join(f'{n:,} {why}' for why, n in left_out.items()) or 'it has none'}); "
            "see fastlabel check --select FL4"
        )
    limits = _limits(values[:, :-1], share)
    limits["min_motion"] = GateLimits(min_motion=min_motion).fixed()["min_motion"]
    ranks = [math.floor(q * (len(values) - 1) + 0.5) for q in (0.0, 0.02, 0.5, 0.98, 1.0)]
    known = _known(values)
    return GateFit(
        limits=GateLimits.of_fixed(limits),
        width=width,
        height=height,
        light=light,
        share=share,
        good=len(values),
        passed=int(_passes(values, limits).sum()),
        left_out=left_out,
        smaller=int((values[:, -1] == 2).sum()),
        unreadable=tuple(unreadable),
        source=Path(ds.root).resolve().name,
        quantiles={
            name: tuple(float(np.sort(known[name])[k]) / UNITS[limit] for k in ranks)
            for limit, name in MEASURES.items()
        },
    )


def _good(report: Any) -> tuple[Ints, dict[str, int], list[str]]:
    """Rows of the good images; counts of the others by reason; names of the unreadable."""
    import pyarrow.compute as pc

    stats = report.image_stats
    status = np.array(stats["status"].to_pylist(), object)
    fine = status == "ok"
    found = report.findings
    of_picture = found.filter(pc.is_null(found["annotation_id"]))
    bad_ids = np.unique(of_picture["image_id"].drop_null().to_numpy()).astype(np.int64)
    ids = stats["image_id"].to_numpy().astype(np.int64)
    poor = np.isin(ids, bad_ids) & fine
    names = stats["file_name"].to_pylist()
    left_out = {}
    if poor.any():
        left_out["with a quality finding"] = int(poor.sum())
    lost = np.flatnonzero(~fine)
    if len(lost):
        left_out["unreadable"] = len(lost)
    return np.flatnonzero(fine & ~poor), left_out, [str(names[k]) for k in lost.tolist()]


def _measured(
    jobs: Jobs,
    rows: Ints,
    size: tuple[int, int],
    light: str,
    workers: int,
    limits: Limits,
    progress: Callable[[int, int], None] | None,
) -> Ints:
    """(images, measures + 1); the last is 0 unread, 1 shrunk, 2 smaller than a frame."""
    names = list(dict.fromkeys(MEASURES.values()))
    out = np.zeros((len(rows), len(names) + 1), np.int64)
    done = 0

    def part(some: range) -> None:
        nonlocal done
        for k in some:
            picture = _picture(jobs, int(rows[k]), limits)
            if picture is None:
                continue
            small, smaller = sized(picture, size)
            if light == "limited":
                small = _LIMITED[small]
            found = FrameGate(small.shape[1], small.shape[0])(small).fixed
            out[k, :-1] = [found[name] for name in names]
            if not found["has_acutance"]:
                out[k, names.index("acutance")] = -1
            out[k, -1] = 1 + smaller
        done += len(some)
        if progress is not None:
            progress(done, len(rows))

    parts = [range(at, min(at + _PART, len(rows))) for at in range(0, len(rows), _PART)]
    in_threads([partial(part, some) for some in parts], min(workers or cpus(), max(len(parts), 1)))
    return out


#: Luma of the full range in that of video (ITU-R BT.601): 16 + 219 / 255 v, rounded.
_LIMITED = ((np.arange(256) * 438 + 255) // 510 + 16).astype(np.uint8)


def sized(picture: NDArray[np.uint8], size: tuple[int, int]) -> tuple[NDArray[np.uint8], bool]:
    """Bring a picture to as many pixels as a frame has.

    Parameters
    ----------
    picture : numpy.ndarray
        (H, W) uint8.
    size : tuple of int
        Width and height of a frame.

    Returns
    -------
    picture : numpy.ndarray
        Of the same shape but for rounding, shrunk by area averaging; as it was, with fewer pixels.
    smaller : bool
        Whether it has fewer pixels than a frame.
    """
    height, width = picture.shape
    scale = math.sqrt(size[0] * size[1] / (width * height))
    if scale >= 1:
        return picture, scale > 1
    wide, high = (max(1, math.floor(side * scale + 0.5)) for side in (width, height))
    return np.asarray(resize_area(picture, (wide, high)), np.uint8), False


def _picture(jobs: Jobs, at: int, limits: Limits) -> NDArray[np.uint8] | None:
    """The luma of an image; None where it cannot be had."""
    import cv2

    try:
        data = content_of(jobs.source, int(jobs.rows[at]))
        if not data or len(data) > limits.max_bytes:
            return None
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (OSError, MemoryError, cv2.error):
        return None
    return None if picture is None else luma(np.asarray(picture, np.uint8))


def _known(values: Ints) -> dict[str, Ints]:
    """Measure -> its numbers; images without an edge are as sharp as can be: not judged."""
    names = list(dict.fromkeys(MEASURES.values()))
    columns = {name: values[:, k] for k, name in enumerate(names)}
    acutance = columns["acutance"]
    most = int(acutance.max(initial=0))
    columns["acutance"] = np.where(acutance < 0, most, acutance)
    return columns


def _limits(values: Ints, share: float) -> dict[str, int]:
    """The outermost values of the least extreme images, at least ``share`` of all."""
    columns = _known(np.column_stack([values, np.zeros(len(values), np.int64)]))
    rarity = np.full(len(values), len(values), np.int64)
    for limit, name in MEASURES.items():
        # From the open end: how many images lie as far out as this one.
        outward = -columns[name] if limit.startswith("min") else columns[name]
        rarity = np.minimum(rarity, np.searchsorted(np.sort(-outward), -outward, side="right"))
    kept = np.argsort(-rarity, kind="stable")[: math.ceil(share * len(values) - 1e-9)]
    return {
        limit: int((columns[name][kept].min if limit[:3] == "min" else columns[name][kept].max)())
        for limit, name in MEASURES.items()
    }


def _passes(values: Ints, limits: dict[str, int]) -> NDArray[np.bool_]:
    """Which images pass the limits."""
    columns = _known(values)
    fine = np.ones(len(values), bool)
    for limit, name in MEASURES.items():
        column, least = columns[name], limit.startswith("min")
        fine &= column >= limits[limit] if least else column <= limits[limit]
    return fine
