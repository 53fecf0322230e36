"""The fit planner: how a model lies on machines, and what it will do there. Pure."""
