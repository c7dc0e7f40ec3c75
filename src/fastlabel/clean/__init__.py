"""Cleaning labels: what to look at first, plans that can be undone, and review queues."""
