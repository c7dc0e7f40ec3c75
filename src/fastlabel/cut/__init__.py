"""Cutting tiles out of image files, natively and without holding a whole picture.

Windows are (x1, y1, x2, y2) in whole pixels, half-open, in the picture as EXIF turns it: the
frame that labels are in. They may run past the picture's edges; what lies outside is filled.
"""

from __future__ import annotations

from .jobs import CutJob, CutOutcome, CutResult
from .tiles import aligned_windows, cut_tiles
from .window import read_tile

__all__ = ["CutJob", "CutOutcome", "CutResult", "aligned_windows", "cut_tiles", "read_tile"]
