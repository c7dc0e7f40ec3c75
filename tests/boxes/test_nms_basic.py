"""Non-maximum suppression by hand."""

from __future__ import annotations

import numpy as np
import pytest

import fastlabel as fl


def test_nms_by_hand_and_empty():
    b = [[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30]]
    assert fl.nms(b, [0.8, 0.9, 0.1], 0.5).tolist() == [1, 2]
    assert fl.nms(b, [0.8, 0.9, 0.1], 0.9).tolist() == [1, 0, 2]
    assert fl.nms(np.empty((0, 4)), [], 0.5).tolist() == []


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: fl.nms([[0, 0, 1, 1]], [np.nan], 0.5), "scores: entry 0"),
        (lambda: fl.nms([[0, 0, 1, 1]], [0.1, 0.2], 0.5), "scores"),
    ],
)
def test_bad_arguments_are_named(call, text):
    with pytest.raises(ValueError, match=text):
        call()
