"""Measures whether one key's many requests delay another key's few."""
