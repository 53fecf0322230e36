"""A scenario played on real gangs, beside its simulation."""
