"""fastlabel: finds the "ink drops" in a labelled vision data set.

``import fastlabel`` loads NumPy and the native engine's thin wrappers on first use only;
everything else (Arrow, OpenCV, charts) comes when a function needs it.

Examples
--------
>>> import fastlabel as fl
>>> fl.box_iou([[0, 0, 10, 10]], [[5, 0, 15, 10]]).round(3).tolist()
[[0.333]]
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Public name -> module that defines it. Loaded on first use.
_LAZY = {
    "CocoMatches": "boxes",
    "OptimalMatches": "boxes",
    "TileBoxes": "boxes",
    "batched_nms": "boxes",
    "box_area": "boxes",
    "box_convert": "boxes",
    "box_ioa": "boxes",
    "box_ios": "boxes",
    "box_iou": "boxes",
    "box_pairs": "boxes",
    "box_pairs_between": "boxes",
    "clip_boxes_to_image": "boxes",
    "clip_boxes_to_tiles": "boxes",
    "complete_box_iou": "boxes",
    "distance_box_iou": "boxes",
    "generalized_box_iou": "boxes",
    "match_coco": "boxes",
    "match_optimal": "boxes",
    "nms": "boxes",
    "non_max_merge": "boxes",
    "obb_convert": "boxes",
    "obb_iou": "boxes",
    "obb_nms": "boxes",
    "ragged_best": "boxes",
    "ragged_counts": "boxes",
    "ragged_iou": "boxes",
    "soft_nms": "boxes",
    "tile_windows": "boxes",
    "weighted_boxes_fusion": "boxes",
    "LetterboxTransform": "pixels",
    "composite": "pixels",
    "content_hash": "pixels",
    "entropy": "pixels",
    "hamming_clusters": "pixels",
    "hamming_distance": "pixels",
    "hamming_pairs": "pixels",
    "image_stats": "pixels",
    "laplacian_variance": "pixels",
    "letterbox": "pixels",
    "luma": "pixels",
    "luma_histogram": "pixels",
    "luma_percentiles": "pixels",
    "noise_sigma": "pixels",
    "perceptual_hash": "pixels",
    "resize_area": "pixels",
    "sharpness": "pixels",
    "GroupedStats": "tables",
    "Histogram": "tables",
    "QuantileSketch": "tables",
    "grouped_histogram": "tables",
    "grouped_stats": "tables",
    "histogram": "tables",
    "Dataset": "dataset",
    "DatasetError": "_errors",
    "read": "formats",
    "Preprocess": "recipe",
    "Predictions": "predictions",
    "predict": "predictions",
    "read_predictions": "predictions",
    "Cache": "scan",
    "CacheWarning": "scan",
    "scan": "scan",
    "scan_batches": "scan",
    "rule": "rules.user",
    "LabelQuality": "label_quality",
    "label_quality": "label_quality",
    "Report": "check",
    "check": "check",
    "review_queue": "clean.queue",
    "make_sample": "sample",
    "get_cmake_dir": "_embed",
    "get_include": "_embed",
    "get_library_dir": "_embed",
    "open_source": "scan.sources",
    "Diff": "compare",
    "Stats": "compare",
    "diff": "compare",
    "stats": "compare",
    "FrameGate": "gate",
    "GateFit": "gate",
    "GateLimits": "gate",
    "GateResult": "gate",
    "GateVerdict": "gate",
    "fit_gate": "gate",
    "DedupResult": "dedup",
    "SplitResult": "dedup",
    "dedup": "dedup",
    "split": "dedup",
    "read_tile": "cut",
    "TileResult": "prepare.tile",
    "tile": "prepare.tile",
    "tile_boxes_back": "prepare.tile",
    "PasteResult": "prepare.paste",
    "paste": "prepare.paste",
    "Evaluation": "evaluate",
    "FindingScores": "evaluate",
    "evaluate": "evaluate",
    "evaluate_findings": "evaluate",
    "Corrupted": "prepare.corrupt",
    "Difficulty": "difficulty",
    "Mix": "prepare.mix",
    "difficulty": "difficulty",
    "mix": "prepare.mix",
    "corrupt": "prepare.corrupt",
    "IgnoreRules": "prepare.ignore",
    "mark_ignored": "prepare.ignore",
    "mask_regions": "prepare.mask",
    "ignore_mask": "prepare.training",
    "ignored_anchors": "prepare.training",
    "image_targets": "prepare.training",
    "Applied": "clean",
    "Plan": "clean",
    "Undone": "clean",
    "apply": "clean",
    "plan": "clean.findings",
    "undo": "clean",
    "Calibration": "clean.review",
    "ReviewRound": "clean.review",
    "calibrate": "clean.review",
    "export_review": "clean.review",
    "read_review": "clean.review",
    "TileDetections": "merge",
    "merge_tiles": "merge",
    "Match": "match",
    "match": "match",
    "scene_features": "match",
    "NegativesAdded": "prepare.negatives",
    "add_negatives": "prepare.negatives",
    "AugmentLint": "lint",
    "lint_augment": "lint",
}

#: Packages that are public under their own name.
_PACKAGES = ("augment",)

__all__ = ["__version__", *sorted(_LAZY)]

if TYPE_CHECKING:
    from . import augment
    from ._embed import get_cmake_dir, get_include, get_library_dir
    from ._errors import DatasetError
    from .boxes import (
        CocoMatches,
        OptimalMatches,
        TileBoxes,
        batched_nms,
        box_area,
        box_convert,
        box_ioa,
        box_ios,
        box_iou,
        box_pairs,
        box_pairs_between,
        clip_boxes_to_image,
        clip_boxes_to_tiles,
        complete_box_iou,
        distance_box_iou,
        generalized_box_iou,
        match_coco,
        match_optimal,
        nms,
        non_max_merge,
        obb_convert,
        obb_iou,
        obb_nms,
        ragged_best,
        ragged_counts,
        ragged_iou,
        soft_nms,
        tile_windows,
        weighted_boxes_fusion,
    )
    from .check import Report, check
    from .clean import Applied, Plan, Undone, apply, undo
    from .clean.findings import plan
    from .clean.queue import review_queue
    from .clean.review import Calibration, ReviewRound, calibrate, export_review, read_review
    from .compare import Diff, Stats, diff, stats
    from .cut import read_tile
    from .dataset import Dataset
    from .dedup import DedupResult, SplitResult, dedup, split
    from .difficulty import Difficulty, difficulty
    from .evaluate import Evaluation, FindingScores, evaluate, evaluate_findings
    from .formats import read
    from .gate import FrameGate, GateFit, GateLimits, GateResult, GateVerdict, fit_gate
    from .label_quality import LabelQuality, label_quality
    from .lint import AugmentLint, lint_augment
    from .match import Match, match, scene_features
    from .merge import TileDetections, merge_tiles
    from .pixels import (
        LetterboxTransform,
        composite,
        content_hash,
        entropy,
        hamming_clusters,
        hamming_distance,
        hamming_pairs,
        image_stats,
        laplacian_variance,
        letterbox,
        luma,
        luma_histogram,
        luma_percentiles,
        noise_sigma,
        perceptual_hash,
        resize_area,
        sharpness,
    )
    from .predictions import Predictions, predict, read_predictions
    from .prepare.corrupt import Corrupted, corrupt
    from .prepare.ignore import IgnoreRules, mark_ignored
    from .prepare.mask import mask_regions
    from .prepare.mix import Mix, mix
    from .prepare.negatives import NegativesAdded, add_negatives
    from .prepare.paste import PasteResult, paste
    from .prepare.tile import TileResult, tile, tile_boxes_back
    from .prepare.training import ignore_mask, ignored_anchors, image_targets
    from .recipe import Preprocess
    from .rules.user import rule
    from .sample import make_sample
    from .scan import Cache, CacheWarning, scan, scan_batches
    from .scan.sources import open_source
    from .tables import (
        GroupedStats,
        Histogram,
        QuantileSketch,
        grouped_histogram,
        grouped_stats,
        histogram,
    )


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if name not in _LAZY:
        raise AttributeError(f"module 'fastlabel' has no attribute {name!r}")
    try:
        value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == __name__:
            raise
        # On a small device NumPy alone is installed, and there is no more to be had.
        raise ModuleNotFoundError(
            f"fastlabel.{name} needs {error.name}, which is not installed; kernels, "
            "preprocessing, tiles and merging need NumPy alone",
            name=error.name,
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PACKAGES, *_LAZY})


class _Package(ModuleType):
    """Keeps ``fastlabel.scan`` and ``fastlabel.check`` functions.

    Importing a submodule binds it in its package, over the function of the same name.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _LAZY and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
