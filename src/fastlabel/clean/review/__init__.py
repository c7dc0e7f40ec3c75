"""Review by people: findings out to a labelling tool, corrections back as a plan."""

from __future__ import annotations

from .calibration import Calibration, RuleFit, calibrate, read_round
from .export import TOOLS, ExportedReview, export_review
from .rounds import ReviewRound, read_review

__all__ = [
    "TOOLS",
    "Calibration",
    "ExportedReview",
    "ReviewRound",
    "RuleFit",
    "calibrate",
    "export_review",
    "read_review",
    "read_round",
]
