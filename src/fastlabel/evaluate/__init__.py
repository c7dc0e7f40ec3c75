"""How good predictions are against labels, and findings against planted errors."""

from .coco import Evaluation, evaluate
from .findings import FindingScores, evaluate_findings

__all__ = ["Evaluation", "FindingScores", "evaluate", "evaluate_findings"]
