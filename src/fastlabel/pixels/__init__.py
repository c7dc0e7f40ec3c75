"""Pixels: statistics of 8-bit pictures, by the native engine."""

from .preprocess import LetterboxTransform, letterbox, resize_area
from .stats import content_hash, laplacian_variance

__all__ = [
    "LetterboxTransform",
    "content_hash",
    "laplacian_variance",
    "letterbox",
    "resize_area",
]
