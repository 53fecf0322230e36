"""Ground truth: the engine's numbers against another implementation of the same model."""
