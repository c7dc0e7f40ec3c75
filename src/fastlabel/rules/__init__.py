"""The rules: each looks at columns of the tables and gives findings. None opens a file.

>>> [r.name for r in choose("FL20", ignore="FL204,FL205,FL206")]
['out-of-bounds', 'degenerate', 'swapped-corners', 'size-outlier', 'non-finite']
"""

from __future__ import annotations

# Importing a family registers its rules.
from . import (  # noqa: F401
    appearance,
    augmentation,
    balance,
    duplicates,
    files,
    geometry,
    neighbours,
    overlap,
    predicted,
    quality,
    scene,
    shape,
    size,
    structure,
)
from .compiled import RuleError
from .context import Context
from .loading import load_modules, without_user_rules
from .registry import RULES, Hits, Rule, choose, explain, resolve, table_of
from .running import run
from .user import UserRule, collect

__all__ = [
    "RULES",
    "Context",
    "Hits",
    "Rule",
    "RuleError",
    "UserRule",
    "choose",
    "collect",
    "explain",
    "load_modules",
    "resolve",
    "run",
    "table_of",
    "without_user_rules",
]
