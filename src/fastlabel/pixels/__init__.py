"""Pixels: statistics of 8-bit pictures, by the native engine."""

from .stats import content_hash, laplacian_variance

__all__ = ["content_hash", "laplacian_variance"]
