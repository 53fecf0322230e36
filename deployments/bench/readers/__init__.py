"""Memory that is held for clients that don't read their streams."""
