"""A checkpoint cut so that a rank reads the base and its own experts, and nothing else."""
