"""All statistics of the scan beside OpenCV's decode and one of them; file headers beside Pillow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from fastlabel import _core, scan

SCAN = pytest.mark.benchmark(group="scan of 200 photos, 1 worker")
HEADERS = pytest.mark.benchmark(group="format, size and orientation of 200 photos, 1 worker")
ORIENTATION = 0x0112


def laplacians_by_opencv(paths):
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    return [float(cv2.Laplacian(cv2.imread(str(p), flags), cv2.CV_64F).var()) for p in paths]


def headers_by_pillow(paths):
    rows = []
    for path in paths:
        with Image.open(path) as image:
            orientation = image.getexif().get(ORIENTATION, 1)
            rows.append((image.format.lower(), *image.size, orientation))
    return rows


@SCAN
def test_scan_fastlabel(benchmark, photos):
    table = benchmark(scan, photos, workers=1)
    ours = table["laplacian_variance"].to_numpy()
    np.testing.assert_allclose(ours, laplacians_by_opencv(photos), rtol=1e-9)


@SCAN
def test_scan_opencv(benchmark, photos):
    benchmark(laplacians_by_opencv, photos)


@HEADERS
def test_sniff_headers_fastlabel(benchmark, photos):
    names = [str(path) for path in photos]
    columns = benchmark(_core.sniff_headers, names, 1)
    assert list(zip(*columns, strict=True)) == headers_by_pillow(photos)


@HEADERS
def test_sniff_headers_pillow(benchmark, photos):
    benchmark(headers_by_pillow, photos)
