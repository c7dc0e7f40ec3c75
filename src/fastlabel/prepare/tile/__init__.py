"""Tiles: large pictures cut into a data set of small ones, and a table that maps them back."""

from .back import tile_boxes_back
from .plan import LeftOut, TooManyTiles
from .run import TileResult, tile

__all__ = ["LeftOut", "TileResult", "TooManyTiles", "tile", "tile_boxes_back"]
