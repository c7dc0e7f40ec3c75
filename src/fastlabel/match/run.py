"""``fl.match``: weights, decisions and reasons for each image, and what no image covers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .._scalars import as_choice, as_number, as_whole
from ..dataset import Dataset, DatasetError
from .coverage import Coverage, cover, gaps
from .described import GRAY, described_frames, is_description
from .features import FEATURES, GROUPS, SCENE, Feature, chosen_groups, column, values_of
from .projection import projected
from .ratio import LEARNERS, Fit, fit_ratio
from .reasons import reasons_of
from .result import DECISIONS, MATCH, Match, weights_of
from .scene import as_profile, opened, scene_features

if TYPE_CHECKING:
    from ..deploy import Profile
    from ..scan import Cache
    from ..scan.limits import Limits

__all__ = ["match"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: What a reference is, for messages.
_NEEDED = "a match needs some hundred frames of the deployment, or a TOML file that describes it"
#: Share of gray images from which on colour tells gray frames from others.
SOME_GRAY = 0.01


def match(
    source: Dataset | pa.Table | str | os.PathLike[str],
    reference: Any,
    *,
    groups: Iterable[str] | None = None,
    learner: str = "histogram",
    keep: float = 0.5,
    drop: float = 0.1,
    embeddings: Any = None,
    reference_embeddings: Any = None,
    deploy: Profile | str | os.PathLike[str] | None = None,
    image_stats: pa.Table | None = None,
    workers: int = 0,
    limits: Limits | None = None,
    cache: Cache | str | os.PathLike[str] | bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Match:
    """Weigh the images of a set by how much more frequent their scene is in the deployment.

    Nothing is changed or deleted: the result has weights, and makes a plan
    (:meth:`Match.plan`).

    Parameters
    ----------
    source : Dataset, path-like or pyarrow.Table
        The set; or its scenes, as :func:`fastlabel.scene_features` gives them.
    reference : path-like, Dataset, ImageSource, iterable of paths or bytes, mapping, or Table
        Some hundred frames of the deployment, without labels or with; or what they are like: a
        TOML file or a mapping, as :func:`fastlabel.match.described.described_frames` has it; or
        their scenes as a table.
    groups : iterable of str, optional
        Which features count: some of ``light``, ``detail``, ``noise``, ``colour``,
        ``viewpoint``, ``boxes`` (where both sides have labels) and ``embedding``. All by default.
    learner : {"histogram", "sklearn"}
        The ratio by smoothed histograms, or by a logistic regression of scikit-learn (the extra
        ``match``).
    keep, drop : float
        Images with a ratio from ``keep`` on are kept, below ``drop`` dropped, between the two
        weighed down.
    embeddings, reference_embeddings : array_like, optional
        (images, D) and (frames, D): vectors of a model of your own, as one more group.
    deploy, image_stats, workers, limits, cache, progress
        As for :func:`fastlabel.scene_features`; ``image_stats`` is that of the set.

    Returns
    -------
    Match

    Raises
    ------
    DatasetError
        If the set has no image, or the reference no frame, that can be decoded.
    fastlabel.config.ConfigError
        For a description that cannot be understood.
    ValueError, TypeError
        For arguments out of range, and embeddings that are not one row an image.
    ImportError
        If the learner's library is not installed.

    Examples
    --------
    >>> import cv2, numpy as np, pyarrow as pa, fastlabel as fl
    >>> def frames(luma, n):
    ...     rng = np.random.default_rng(luma)
    ...     pictures = (rng.normal(luma, 9, (n, 48, 64)).clip(0, 255)).astype(np.uint8)
    ...     return [cv2.imencode(".png", p)[1].tobytes() for p in pictures]
    >>> scenes = fl.scene_features(frames(150, 30) + frames(30, 10))
    >>> found = fl.match(scenes, frames(30, 20))
    >>> found.counts()
    {'keep': 10, 'down-weight': 0, 'drop': 30}
    >>> found.table["reasons"][0].as_py()
    'brighter (luma 149, frames 29.2 to 29.7)'
    """
    wanted = chosen_groups(groups)
    as_choice(learner, "learner", LEARNERS)
    if learner == "sklearn":
        from .learner import require

        require()
    limit_keep, limit_drop = _limits(keep, drop)
    threads = as_whole(workers, "workers")
    profile = as_profile(deploy)
    if (embeddings is None) != (reference_embeddings is None):
        raise ValueError(
            "embeddings, reference_embeddings: got one of the two, expected both or none"
        )

    def scenes(of: Any, stats: pa.Table | None = None) -> pa.Table:
        return scene_features(
            of,
            image_stats=stats,
            deploy=profile,
            workers=threads,
            limits=limits,
            cache=cache,
            progress=progress,
        )

    # The reference first: frames that are none must not cost a scan of the set.
    reference = _opened_reference(reference)
    frames = _reference(reference, scenes)
    ds = None if isinstance(source, pa.Table) else _data_set(source)
    images = _checked(source, "source") if ds is None else scenes(ds, image_stats)
    problem = _Problem(images, frames, wanted)
    if embeddings is not None and "embedding" in wanted:
        problem.add_embeddings(embeddings, reference_embeddings)
    shown = None if isinstance(reference, pa.Table) or is_description(reference) else reference
    return replace(problem.solved(learner, limit_keep, limit_drop, ds), reference_source=shown)


def _limits(keep: Any, drop: Any) -> tuple[float, float]:
    high = as_number(keep, "keep", "a number above 0")
    low = as_number(drop, "drop", "a number from 0 on")
    if not 0 < high <= 1:
        raise ValueError(f"keep: got {keep!r}, expected above 0, at most 1")
    if not 0 <= low <= high:
        raise ValueError(f"drop: got {drop!r}, expected 0 to keep, which is {high:g}")
    return high, low


def _data_set(source: Any) -> Dataset:
    if isinstance(source, Dataset):
        return source
    from ..formats import read

    return read(source)


def _checked(table: pa.Table, name: str) -> pa.Table:
    missing = [n for n in SCENE.names if n not in table.column_names]
    if missing:
        raise ValueError(
            f"{name}: the table has no column {missing[0]!r}, expected that of scene_features"
        )
    return table.select(SCENE.names).cast(SCENE)


def _opened_reference(reference: Any) -> Any:
    """The reference, read where it is a path, and in a list where it is an iterable."""
    if isinstance(reference, pa.Table) or is_description(reference):
        return reference
    try:
        return opened(reference)
    except DatasetError as error:
        raise DatasetError(f"reference: {error}; {_NEEDED}") from error


def _reference(reference: Any, scenes: Callable[[Any], pa.Table]) -> pa.Table:
    """Scenes of the reference frames, at least one of them known."""
    if isinstance(reference, pa.Table):
        frames = _checked(reference, "reference")
    elif is_description(reference):
        return described_frames(reference)
    else:
        frames = scenes(reference)
    if not frames.num_rows:
        raise DatasetError(f"{_named(reference)}: has no frame to compare with; {_NEEDED}")
    if not bool(pc.any(pc.equal(frames["status"], "ok")).as_py()):
        first = frames.slice(0, 1).to_pylist()[0]
        raise DatasetError(
            f"{_named(reference)}: none of its {frames.num_rows:,} frames can be decoded; the "
            f"first, {first['file_name']}: {first['status_detail'] or first['status']}"
        )
    return frames


def _named(reference: Any) -> str:
    if isinstance(reference, Dataset):
        return str(reference.root)
    return str(reference) if isinstance(reference, (str, os.PathLike)) else "reference"


class _Problem:
    """Both sides as numbers that are compared."""

    def __init__(self, images: pa.Table, frames: pa.Table, groups: tuple[str, ...]) -> None:
        self.images, self.frames = images, frames
        self.notes: list[str] = []
        self.seen_images = _ok(images)
        self.seen_frames = _ok(frames)
        if not self.seen_images.any():
            raise DatasetError(
                f"none of the {images.num_rows:,} images of the set can be decoded, so there is "
                "nothing to match; see `fastlabel check`"
            )
        n = int(self.seen_frames.sum())
        if n < 20:
            few = "frame is" if n == 1 else "frames are"
            self.notes.append(
                f"{n} {few} little to go by: hardly a ratio gets below {1 / (n + 1):.2g}; some "
                "hundred frames say more"
            )
        self.groups = self._without_colour(groups)
        self.features = self._known()
        if not self.features:
            raise DatasetError(
                f"reference: nothing is known of it in {', '.join(self.groups)}; choose other "
                "groups, or describe more"
            )
        mine, theirs = self.images.filter(self._mask(True)), self.frames.filter(self._mask(False))
        self.values = values_of(mine, self.features), values_of(theirs, self.features)
        self.units = np.array([f.unit for f in self.features])

    def _mask(self, images: bool) -> pa.Array:
        return pa.array(self.seen_images if images else self.seen_frames)

    def _known(self) -> list[Feature]:
        """Features of the chosen groups that are known of some images and some frames."""
        found = []
        for feature in FEATURES:
            sides = (column(self.images, feature.name), column(self.frames, feature.name))
            if feature.group in self.groups and all(np.isfinite(side).any() for side in sides):
                found.append(feature)
        return found

    def _without_colour(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        """Leave colour out where all frames are gray and hardly an image is.

        It would tell all images from the frames alike, and so order none of them; they can be
        trained on in gray.
        """
        chroma = column(self.frames, "chroma")[self.seen_frames]
        ours = column(self.images, "chroma")[self.seen_images]
        known = np.isfinite(chroma)
        if "colour" not in groups or not known.any() or not (chroma[known] <= GRAY).all():
            return groups
        gray = float((ours <= GRAY).mean())
        if gray >= SOME_GRAY:
            return groups
        self.notes.append(
            "all frames are gray or infrared and hardly an image is: colour was left out of the "
            "comparison; train on these images in gray"
        )
        return tuple(g for g in groups if g != "colour") or groups

    def add_embeddings(self, ours: Any, theirs: Any) -> None:
        """Add the users' own vectors, in few dimensions, as a group."""
        a, b, units = projected(
            ours, theirs, self.images.num_rows, self.frames.num_rows, self.seen_frames
        )
        a, b = a[self.seen_images], b[self.seen_frames]
        self.values = np.hstack([self.values[0], a]), np.hstack([self.values[1], b])
        self.units = np.concatenate([self.units, units])
        self.features += [
            Feature(f"embedding_{k}", "embedding", float(unit), "embedding")
            for k, unit in enumerate(units)
        ]

    def solved(self, learner: str, keep: float, drop: float, ds: Dataset | None) -> Match:
        present = [g for g in GROUPS if any(f.group == g for f in self.features)]
        groups = np.array([present.index(f.group) for f in self.features], np.int64)
        fit = fit_ratio(*self.values, self.units, groups, learner)
        ratio = np.exp(np.clip(fit.log_ratio, -50, 50))
        covered = cover(*self.values, self.units, groups, ratio)
        table = self._table(fit, ratio, present, keep, drop, covered, ds)
        missing = self._gaps()
        summary = {
            "images": self.images.num_rows,
            "unread_images": int((~self.seen_images).sum()),
            "frames": int(self.seen_frames.sum()),
            "unread_frames": int((~self.seen_frames).sum()),
            "groups": present,
            "learner": learner,
            "keep": keep,
            "drop": drop,
            "auc": round(fit.auc, 6),
            "scale": round(fit.scale, 6),
            "decisions": {d: int((table["decision"].to_numpy() == d).sum()) for d in DECISIONS},
            "effective_images": _effective(weights_of(ratio)),
            "covered": round(covered.share, 6),
            "tolerance": round(covered.tolerance, 6),
            "images_to_cover": len(covered.picks),
            "gaps": missing,
            "notes": self.notes,
        }
        return Match(
            table,
            self._curve(covered, table),
            self._reference(covered, fit, table),
            tuple(missing),
            summary,
            tuple(self.notes),
            ds,
        )

    def _gaps(self) -> list[dict[str, Any]]:
        looked = [f for f in FEATURES if f.steps]
        sides = []
        for table, mask in ((self.images, self.seen_images), (self.frames, self.seen_frames)):
            sides.append(np.column_stack([column(table, f.name)[mask] for f in looked]))
        # What is left out of the comparison (colour of gray frames) is lacking all the same.
        return gaps(sides[0], sides[1], looked)

    def _table(
        self,
        fit: Fit,
        ratio: Floats,
        groups: list[str],
        keep: float,
        drop: float,
        covered: Coverage,
        ds: Dataset | None,
    ) -> pa.Table:
        n, rows = self.images.num_rows, np.flatnonzero(self.seen_images)
        which = np.where(ratio >= keep, 0, np.where(ratio >= drop, 1, 2))
        said = reasons_of(
            self.features, fit, groups, which, self.images, self.frames, rows, self.seen_frames
        )
        rank = np.full(len(ratio), -1, np.int64)
        rank[covered.picks] = np.arange(1, len(covered.picks) + 1)

        def spread(values: Any, kind: pa.DataType) -> pa.Array:
            at = np.full(n, -1, np.int64)
            at[rows] = np.arange(len(rows))
            return pa.array(values, kind).take(pa.array(at, mask=at < 0))

        unread = pc.if_else(
            pc.equal(self.images["status"], "ok"),
            pa.scalar(None, pa.string()),
            pc.binary_join_element_wise(
                "not decoded whole: ",
                pc.coalesce(self.images["status_detail"], self.images["status"]),
                "",
            ),
        )
        columns: dict[str, Any] = {
            "image_id": self.images["image_id"],
            "file_name": self.images["file_name"],
            "split": pa.nulls(n, pa.string()) if ds is None else ds.images["split"],
            "ratio": spread(ratio, pa.float64()),
            "weight": spread(weights_of(ratio), pa.float32()),
            "decision": spread(np.array(DECISIONS)[which].tolist(), pa.string()),
            "reasons": pc.coalesce(spread(said, pa.string()), unread),
            "cover_rank": spread(pa.array(rank, mask=rank < 0), pa.int64()),
        }
        for group in GROUPS:
            at = groups.index(group) if group in groups else None
            evidence = pa.nulls(n, pa.float32())
            if at is not None:
                evidence = spread(fit.parts[:, at].astype(np.float32), pa.float32())
            columns[f"evidence_{group}"] = evidence
        columns["status"] = self.images["status"]
        columns["status_detail"] = self.images["status_detail"]
        return pa.table(columns).select(MATCH.names).cast(MATCH).combine_chunks()

    def _curve(self, covered: Coverage, table: pa.Table) -> pa.Table:
        image = np.flatnonzero(self.seen_images)[covered.picks]
        return pa.table(
            {
                "k": pa.array(np.arange(1, len(image) + 1)),
                "image_id": table["image_id"].take(pa.array(image)),
                "file_name": table["file_name"].take(pa.array(image)),
                "covered": pa.array(covered.covered),
                "by_chance": pa.array(covered.by_chance),
            }
        ).combine_chunks()

    def _reference(self, covered: Coverage, fit: Fit, table: pa.Table) -> pa.Table:
        """One row a frame; null what was not compared."""
        rows = np.flatnonzero(self.seen_frames)
        n = self.frames.num_rows
        compared = rows[covered.frames]
        image = np.flatnonzero(self.seen_images)[covered.nearest]
        distance = np.full(n, np.nan)
        distance[compared] = covered.distance
        nearest = np.full(n, -1, np.int64)
        nearest[compared] = np.asarray(table["image_id"])[image]
        ratio = np.full(n, np.nan)
        ratio[rows] = np.exp(np.clip(fit.reference, -50, 50))
        return pa.table(
            {
                "frame": pa.array(np.arange(n)),
                "file_name": self.frames["file_name"],
                "status": self.frames["status"],
                "status_detail": self.frames["status_detail"],
                "ratio": pa.array(ratio, from_pandas=True),
                "nearest_image": pa.array(nearest, mask=nearest < 0),
                "distance": pa.array(distance, from_pandas=True),
                "covered": pa.array(distance <= covered.tolerance, mask=np.isnan(distance)),
            }
        ).combine_chunks()


def _ok(table: pa.Table) -> Bools:
    return np.asarray(pc.equal(table["status"], "ok"), np.bool_)


def _effective(weight: Floats) -> float:
    """Kish's effective sample size: how many equally weighted images say as much."""
    return round(float(weight.sum() ** 2 / (weight**2).sum()), 3)
