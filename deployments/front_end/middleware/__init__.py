"""ASGI middleware around vLLM's API server."""
