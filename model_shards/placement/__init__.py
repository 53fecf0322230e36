"""Which expert stands where, so that the ranks' loads are even."""
