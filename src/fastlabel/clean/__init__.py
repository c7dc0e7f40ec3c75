"""The cleaning assistant: findings become a plan, a plan a new tree, and the way back."""

from __future__ import annotations

from .applying import Applied, apply
from .plan import Plan
from .undoing import Undone, undo

__all__ = ["Applied", "Plan", "Undone", "apply", "undo"]
