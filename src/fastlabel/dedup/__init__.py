"""The same picture more than once: groups of copies, and splits that no copy straddles."""

from .assign import SplitResult, split
from .run import DedupResult, dedup

__all__ = ["DedupResult", "SplitResult", "dedup", "split"]
