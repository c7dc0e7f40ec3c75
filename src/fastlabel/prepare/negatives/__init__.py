"""Negatives: frames with nothing in them, as labelled rows of a data set."""

from __future__ import annotations

from .run import NegativesAdded, add_negatives

__all__ = ["NegativesAdded", "add_negatives"]
