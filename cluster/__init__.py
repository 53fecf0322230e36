"""The machines: a Ray on this one, the catalogue, the planner and the renderers."""
