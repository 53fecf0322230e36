"""Rolling upgrades: another application beside the one that serves, and then in its place."""
