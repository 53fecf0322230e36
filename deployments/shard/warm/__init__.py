"""A process that has vLLM loaded, from which the engine's processes are forked."""
