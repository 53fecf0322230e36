"""The fit planner: how a model lies on machines, and how fast it is there. Pure functions."""
