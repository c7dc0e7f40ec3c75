"""Merging what a model found in the tiles of a frame.

The cut is made by :func:`fastlabel.tile_windows`; what a model says of each window becomes one
set of boxes here.
"""

from .tiles import TileDetections, merge_tiles

__all__ = ["TileDetections", "merge_tiles"]
