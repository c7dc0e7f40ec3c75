"""Pixels: statistics of 8-bit pictures, pasting and preprocessing, by the native engine."""

from .compositing import composite
from .near import hamming_clusters, hamming_pairs
from .preprocess import LetterboxTransform, letterbox, resize_area
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
    "LetterboxTransform",
    "composite",
    "content_hash",
    "entropy",
    "hamming_clusters",
    "hamming_distance",
    "hamming_pairs",
    "image_stats",
    "laplacian_variance",
    "letterbox",
    "luma",
    "luma_histogram",
    "luma_percentiles",
    "noise_sigma",
    "perceptual_hash",
    "resize_area",
    "sharpness",
]
