"""The checkpoint: its architecture, its files, and the nano model that stands in for it."""
