"""Axis-aligned boxes: conversion, the IoU family, overlapping pairs, suppression.

Names and conventions are torchvision's; the work is done by the native engine. Boxes are
(N, 4) arrays, ``xyxy`` unless said otherwise, in continuous pixels: a box from 0 to 10 is
ten pixels wide. float32 stays float32; every other real dtype is taken as float64.
"""

from .convert import box_area, box_convert, clip_boxes_to_image
from .iou import box_ioa, box_ios, box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from .matching import CocoMatches, OptimalMatches, match_coco, match_optimal
from .oriented import obb_convert, obb_iou, obb_nms
from .pairs import box_pairs, box_pairs_between
from .ragged import ragged_best, ragged_counts, ragged_iou
from .suppress import batched_nms, nms, non_max_merge, soft_nms, weighted_boxes_fusion
from .tiles import TileBoxes, clip_boxes_to_tiles, tile_windows

__all__ = [
    "CocoMatches",
    "OptimalMatches",
    "TileBoxes",
    "batched_nms",
    "box_area",
    "box_convert",
    "box_ioa",
    "box_ios",
    "box_iou",
    "box_pairs",
    "box_pairs_between",
    "clip_boxes_to_image",
    "clip_boxes_to_tiles",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "match_coco",
    "match_optimal",
    "nms",
    "non_max_merge",
    "obb_convert",
    "obb_iou",
    "obb_nms",
    "ragged_best",
    "ragged_counts",
    "ragged_iou",
    "soft_nms",
    "tile_windows",
    "weighted_boxes_fusion",
]
