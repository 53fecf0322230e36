"""What ranks of a quantised model compute, with one scale for all experts and without."""
