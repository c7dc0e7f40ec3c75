"""The cleaning assistant: findings become a plan, a plan a new tree, and the way back."""

from __future__ import annotations

from .plan import Plan
from .queue import review_queue

__all__ = ["Plan", "review_queue"]
