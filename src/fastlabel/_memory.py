"""Memory that one stage has freed, given back to the system before the next one asks for more."""

from __future__ import annotations

import ctypes
from contextlib import suppress

__all__ = ["give_back"]


def give_back() -> None:
    """Let the allocators return what they hold in reserve, where they can.

    Columns of some megabytes come from the C heap, which keeps what is freed between others.
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError, TypeError):  # the C library is not glibc
        ctypes.CDLL(None).malloc_trim(0)
