"""Copy-paste: shrunken real objects on many backgrounds, as a new data set with a ledger."""

from __future__ import annotations

from .write import PasteResult, paste

__all__ = ["PasteResult", "paste"]
