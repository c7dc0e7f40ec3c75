"""The ``write`` fixture for the format tests; see ``format_sets``."""

from __future__ import annotations

from format_sets import write

__all__ = ["write"]
