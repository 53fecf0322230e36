"""vLLM's own API server, and what it lacks: checks of what clients send, and forms of errors."""
