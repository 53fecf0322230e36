"""Trains nano, and writes its checkpoint with scores, model card and expert load."""
