"""Machines: a Ray on this one, the catalogue, the fit planner and the renderers."""
