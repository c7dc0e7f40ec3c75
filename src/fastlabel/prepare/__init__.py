"""Preparing a data set for a small model: tiles, pasted objects, ignore regions.

Everything here makes a new data set beside the old one, which is only read.
"""
