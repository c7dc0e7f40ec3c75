"""Cleaning labels: what to look at first, plans that can be undone, and review queues."""

from __future__ import annotations

from .applying import Applied, apply
from .plan import Plan
from .queue import review_queue
from .undoing import Undone, undo

__all__ = ["Applied", "Plan", "Undone", "apply", "review_queue", "undo"]
