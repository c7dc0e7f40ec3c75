"""Cutting tiles out of image files, natively and without holding a whole picture."""
