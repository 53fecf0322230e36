"""Whether a rank's engine goes on: what its processes do, and when they count as lost."""
