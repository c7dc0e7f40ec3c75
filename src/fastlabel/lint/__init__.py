"""The linter of augmentation settings: rules FL9.

>>> settings = {"degrees": 20.0, "mosaic": 0.0, "fliplr": 0.0, "hsv_h": 0.0, "scale": 0.0}
>>> found = lint_augment(settings, classes=["person"])
>>> found.findings["code"].to_pylist()
['FL901', 'FL907']
"""

from __future__ import annotations

from .run import AugmentLint, errors, lint_augment

__all__ = ["AugmentLint", "errors", "lint_augment"]
