"""No kernel without a row: the suite measures all that is public and works on arrays."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module

import pytest

import fastlabel.boxes
import fastlabel.pixels
from fastlabel.bench import TOPICS

#: What a row measures under another name, and what is no kernel.
ELSEWHERE = {
    "obb_convert": "the corners of obb_iou's rows",
    "hamming_distance": "one XOR",
    "luma_percentiles": "of the histogram of luma_histogram",
    "noise_sigma": "a column of image_stats",
    "sharpness": "a column of image_stats",
}
SOURCE = {
    topic: inspect.getsource(import_module(f"fastlabel.bench.rows_{topic}")) for topic in TOPICS
}
NAMED = {
    getattr(node, "attr", getattr(node, "id", getattr(node, "name", None)))
    for text in SOURCE.values()
    for node in ast.walk(ast.parse(text))
    if isinstance(node, (ast.Attribute, ast.Name))
}


@pytest.mark.parametrize("module", [fastlabel.boxes, fastlabel.pixels])
def test_every_kernel_has_a_row(module):
    kernels = {name for name in module.__all__ if not isinstance(getattr(module, name), type)}
    assert kernels - NAMED <= set(ELSEWHERE)
