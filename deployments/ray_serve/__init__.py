"""Ray Serve as small4 uses it: its REST API, its log, its deployments and handles."""
