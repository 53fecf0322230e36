"""Expert shards: one data-parallel rank each, with its vLLM engine."""
