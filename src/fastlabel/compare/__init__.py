"""What a set holds, and how two sets differ, from their tables alone.

Examples
--------
>>> [feature.name for feature in FEATURES][:3]
['class', 'split', 'label_state']
"""

from .changes import Diff, diff
from .describe import Stats, stats
from .features import FEATURES

__all__ = ["FEATURES", "Diff", "Stats", "diff", "stats"]
