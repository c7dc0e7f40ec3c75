"""``fl.scene_features``: the scan's columns and one more look, as a table of scenes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .._scalars import as_whole
from ..dataset import Dataset, as_numpy
from ..source import ImageSource
from .features import FEATURES, SCENE, column

if TYPE_CHECKING:
    from ..deploy import Profile
    from ..scan import Cache
    from ..scan.limits import Limits

__all__ = ["INPUT", "as_profile", "opened", "scene_features"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Longer side of the model's input where no deployment is named.
INPUT = 640


def scene_features(
    source: Dataset | ImageSource | str | os.PathLike[str] | Iterable[Any],
    *,
    image_stats: pa.Table | None = None,
    deploy: Profile | str | os.PathLike[str] | None = None,
    workers: int = 0,
    limits: Limits | None = None,
    cache: Cache | str | os.PathLike[str] | bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pa.Table:
    """Describe the scene of every picture: light, detail, noise, colour, viewpoint, boxes.

    Light, sharpness and noise are columns of the scan, the latter two brought to the model's
    input; colour, edge directions, horizon and the place of the detail come from one more look
    at the picture, decoded small. So pictures of any size compare.

    Parameters
    ----------
    source : Dataset, ImageSource, path-like, or iterable of paths or of bytes
        A path is read as :func:`fastlabel.read` does: a data set, or a folder of frames.
    image_stats : pyarrow.Table, optional
        Of a scan of the same pictures, to save another.
    deploy : Profile, str or path-like, optional
        The model's input; by default one of 640 pixels.
    workers : int
        Threads; 0 means one a CPU. The result does not depend on it.
    limits : fastlabel.scan.Limits, optional
        What is refused before it is decoded.
    cache : Cache, path-like or bool, optional
        As for :func:`fastlabel.scan`.
    progress : callable, optional
        Called with (images done, images in all), first by the scan, then by the second look.

    Returns
    -------
    pyarrow.Table
        ``fastlabel.match.features.SCENE``, one row an image. Features of a picture that is
        not decoded whole are null; ``status`` says why. ``box_row`` is the mean centre of the
        boxes from the top, ``box_height`` the geometric mean of their heights, both as shares of
        the frame; null without boxes.

    Examples
    --------
    >>> import cv2, numpy as np, fastlabel as fl
    >>> gray = np.full((48, 64), 40, np.uint8)
    >>> gray[:16] = 90
    >>> png = cv2.imencode(".png", gray)[1].tobytes()
    >>> fl.scene_features([png]).select(["luma_p05", "chroma", "horizon", "sky"]).to_pylist()
    [{'luma_p05': 40.0, 'chroma': 0.0, 'horizon': 0.33333, 'sky': 50.0}]
    """
    from ..scan import scan
    from ..scan.jobs import jobs_of
    from ..scan.limits import Limits as Ceilings
    from .picture import SEEN, look_at_all

    threads = as_whole(workers, "workers")
    profile = as_profile(deploy)
    pictures = opened(source)
    bounds = limits or Ceilings()
    jobs = jobs_of(pictures)
    if image_stats is None:
        image_stats = scan(
            pictures if isinstance(pictures, (Dataset, ImageSource)) else jobs.source,
            workers=threads,
            limits=bounds,
            progress=progress,
            cache=cache,
        )
    if image_stats.num_rows != len(jobs):
        raise ValueError(
            f"image_stats: got {image_stats.num_rows:,} rows, expected one for each of "
            f"{len(jobs):,} images"
        )
    # A picture that is damaged, or half there, shows no scene.
    shown = np.asarray(pc.equal(image_stats["status"], "ok"), np.bool_)
    sizes = np.nan_to_num(np.maximum(column(image_stats, "width"), column(image_stats, "height")))
    looked = look_at_all(jobs, shown, sizes.astype(np.int64), threads, bounds, progress)
    made = dict(zip(SEEN, looked.T, strict=True))
    made |= _scanned(image_stats, shown, profile)
    if isinstance(pictures, Dataset):
        made |= _boxes(pictures, image_stats)
    columns = {
        "image_id": pa.array(np.arange(len(jobs))),
        "file_name": jobs.names,
        "status": image_stats["status"],
        "status_detail": image_stats["status_detail"],
    }
    nothing = np.full(len(jobs), np.nan)
    for feature in FEATURES:
        values = made.get(feature.name, nothing)
        columns[feature.name] = pa.array(values, pa.float64(), from_pandas=True)
    return pa.table(columns).select(SCENE.names).cast(SCENE)


def as_profile(deploy: Any) -> Profile | None:
    """The deployment of a name, a file or itself."""
    from .. import deploy as deployments

    if isinstance(deploy, (str, os.PathLike)):
        return deployments.load(deploy)
    return None if deploy is None else _profile(deploy)


def _profile(value: Any) -> Profile:
    from ..deploy import Profile

    if not isinstance(value, Profile):
        raise TypeError(f"deploy: got {type(value).__name__}, expected a Profile or its name")
    return value


def opened(source: Any) -> Any:
    """A source read where it is a path, and as a list where it is another iterable."""
    if isinstance(source, (str, os.PathLike)):
        from ..formats import read

        return read(source)
    return source if isinstance(source, (Dataset, ImageSource)) else list(source)


def _scanned(stats: pa.Table, shown: Bools, profile: Profile | None) -> dict[str, Floats]:
    """The scan's own columns, sharpness and noise as the model's input has them."""
    names = ("luma_mean", "luma_std", "luma_p05", "luma_p95", "dark_fraction", "bright_fraction")
    out = {name: np.where(shown, column(stats, name), np.nan) for name in names}
    width, height = column(stats, "width"), column(stats, "height")
    if profile is None:
        factor = INPUT / np.maximum(width, height)
    else:
        turned = column(stats, "orientation") >= 5
        w, h = np.where(turned, height, width), np.where(turned, width, height)
        factor = np.maximum(*profile.scale(w, h))
    factor = np.clip(np.nan_to_num(factor, nan=1.0), 1 / 8, 1.0)
    out["acutance"] = np.where(shown, _at_level(stats, -np.log2(factor)), np.nan)
    # As white noise does when pixels are averaged.
    out["noise_sigma"] = np.where(shown, column(stats, "noise_sigma") * factor, np.nan)
    return out


def _at_level(stats: pa.Table, level: Floats) -> Floats:
    """Acutance between the two nearest sizes of the scan's pyramid; the finer where one is null."""
    scales = stats["scale_acutance"]
    count = scales.type.list_size
    flat = pc.fill_null(scales, pa.scalar([None] * count, scales.type)).combine_chunks()
    if isinstance(flat, pa.ChunkedArray):
        flat = flat.chunk(0) if flat.num_chunks else pa.array([], scales.type)
    rest = as_numpy(pc.fill_null(flat.flatten(), float("nan"))).reshape(-1, count)
    every = np.column_stack([column(stats, "acutance"), rest])
    for k in range(1, count + 1):
        every[:, k] = np.where(np.isnan(every[:, k]), every[:, k - 1], every[:, k])
    rows = np.arange(len(every))
    low = np.floor(level).astype(np.int64)
    high = np.minimum(low + 1, count)
    share = level - low
    return np.asarray(every[rows, low] * (1 - share) + every[rows, high] * share)


def _boxes(ds: Dataset, stats: pa.Table) -> dict[str, Floats]:
    """Mean row and size of the boxes of each image; crowds and regions to ignore are none."""
    n = len(ds)
    height = column(ds.images, "height")
    turned = column(stats, "orientation") >= 5
    decoded = np.where(turned, column(stats, "width"), column(stats, "height"))
    height = np.where(height >= 1, height, decoded)
    image = ds.column("annotations", "image_id")
    top, bottom = column(ds.annotations, "y1"), column(ds.annotations, "y2")
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        tall = (bottom - top) / height[image]
        middle = (top / 2 + bottom / 2) / height[image]
        good = np.isfinite(tall) & (tall > 0) & np.isfinite(middle)
        for name in ("crowd", "ignore"):
            good &= ~np.asarray(pc.fill_null(ds.annotations[name], False), np.bool_)
        image, tall, middle = image[good], tall[good], middle[good]
        boxes = np.bincount(image, minlength=n)
        rows = np.bincount(image, np.clip(middle, 0, 1), minlength=n) / boxes
        sizes = np.exp(np.bincount(image, np.log(tall), minlength=n) / boxes)
    means = {"box_row": rows, "box_height": sizes}
    return {name: np.asarray(np.round(values, 6), np.float64) for name, values in means.items()}
