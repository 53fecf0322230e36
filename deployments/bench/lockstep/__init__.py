"""Measures what uneven ranks cost a gang that steps together, and what the choice of rank saves."""
