"""Axis-aligned boxes: conversion, the IoU family, overlapping pairs, suppression.

Names and conventions are torchvision's; the work is done by the native engine. Boxes are
(N, 4) arrays, ``xyxy`` unless said otherwise, in continuous pixels: a box from 0 to 10 is
ten pixels wide. float32 stays float32; every other real dtype is taken as float64.
"""

from .iou import box_area, box_convert, box_iou
from .pairs import box_pairs
from .suppress import nms

__all__ = ["box_area", "box_convert", "box_iou", "box_pairs", "nms"]
