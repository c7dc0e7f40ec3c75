"""Axis-aligned boxes: conversion, the IoU family, overlapping pairs, suppression.

Names and conventions are torchvision's; the work is done by the native engine. Boxes are
(N, 4) arrays, ``xyxy`` unless said otherwise, in continuous pixels: a box from 0 to 10 is
ten pixels wide. float32 stays float32; every other real dtype is taken as float64.
"""

from .convert import box_area, box_convert, clip_boxes_to_image
from .iou import (
    box_ioa,
    box_ios,
    box_iou,
    complete_box_iou,
    distance_box_iou,
    generalized_box_iou,
)
from .pairs import box_pairs, box_pairs_between
from .ragged import ragged_best, ragged_counts, ragged_iou
from .suppress import nms

__all__ = [
    "box_area",
    "box_convert",
    "box_ioa",
    "box_ios",
    "box_iou",
    "box_pairs",
    "box_pairs_between",
    "clip_boxes_to_image",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "nms",
    "ragged_best",
    "ragged_counts",
    "ragged_iou",
]
