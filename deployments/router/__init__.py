"""The router: vLLM's API server over an engine-core client that reaches every gang."""
