"""Kernels over one 1080p luma plane."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import fastlabel as fl

pytestmark = pytest.mark.benchmark(group="laplacian variance, 1920 x 1080")


@pytest.fixture(scope="module")
def luma():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1080, 1920), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def by_opencv(luma):
    return float(cv2.Laplacian(luma, cv2.CV_64F).var())


def test_laplacian_variance_fastlabel(benchmark, luma):
    assert benchmark(fl.laplacian_variance, luma) == pytest.approx(by_opencv(luma), rel=1e-12)


def test_laplacian_variance_opencv(benchmark, luma):
    assert benchmark(by_opencv, luma) > 0
