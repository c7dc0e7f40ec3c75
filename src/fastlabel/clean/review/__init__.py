"""Review by people: findings out to a labelling tool, corrections back as a plan."""

from __future__ import annotations

from .export import TOOLS, ExportedReview, export_review
from .rounds import ReviewRound, read_review

__all__ = ["TOOLS", "ExportedReview", "ReviewRound", "export_review", "read_review"]
