"""Errors about the user's data; here, where no table is needed."""

from __future__ import annotations

__all__ = ["DatasetError"]


class DatasetError(Exception):
    """Input that cannot be read as a data set: the message says where, what and the remedy."""
