"""The cleaning assistant: findings become queues and plans, a plan a new tree, and the way back."""

from __future__ import annotations

from .applying import Applied, apply
from .plan import Plan
from .queue import review_queue
from .undoing import Undone, undo

__all__ = ["Applied", "Plan", "Undone", "apply", "review_queue", "undo"]
