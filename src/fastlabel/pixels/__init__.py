"""Pixels: statistics of 8-bit pictures, and pasting, by the native engine."""

from .compositing import composite
from .stats import (
    content_hash,
    entropy,
    hamming_distance,
    image_stats,
    laplacian_variance,
    luma,
    luma_histogram,
    luma_percentiles,
    noise_sigma,
    perceptual_hash,
    sharpness,
)

__all__ = [
    "composite",
    "content_hash",
    "entropy",
    "hamming_distance",
    "image_stats",
    "laplacian_variance",
    "luma",
    "luma_histogram",
    "luma_percentiles",
    "noise_sigma",
    "perceptual_hash",
    "sharpness",
]
