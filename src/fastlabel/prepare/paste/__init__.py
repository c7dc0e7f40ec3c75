"""Pasting shrunken real objects onto other pictures."""
