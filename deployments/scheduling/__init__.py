"""Which request goes to which rank, and when: pure policies, without Ray, vLLM or torch."""
