"""Measures what clients notice of a rolling upgrade."""
