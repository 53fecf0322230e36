"""Limits the engine requests of one HTTP request: each of its prompts times its answers (`n`).

Read from vLLM 0.32.
"""

import os

from configs.request_limits import RequestLimits


def install(limits: RequestLimits) -> None:
    """Make vLLM, in this process, refuse requests with more answers or prompts than `limits`."""
    os.environ["VLLM_MAX_N_SEQUENCES"] = str(limits.answers)
    os.environ["VLLM_MAX_COMPLETION_PROMPTS"] = str(limits.prompts)
