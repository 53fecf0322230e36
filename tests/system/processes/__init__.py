"""What needs new processes that import vLLM: nodes without a device, ranks on CPUs."""
