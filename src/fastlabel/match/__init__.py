"""Scene matching: which images look like the deployment, and what of it none of them shows."""

from __future__ import annotations

from .result import Match
from .run import match
from .scene import scene_features

__all__ = ["Match", "match", "scene_features"]
