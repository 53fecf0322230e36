"""How many requests one may become: vLLM makes one of each answer to each of its prompts.

Read from vLLM 0.32.
"""

import os

from configs.request_limits import RequestLimits


def install(limits: RequestLimits) -> None:
    """Makes vLLM refuse more from now on, in this process."""
    os.environ["VLLM_MAX_N_SEQUENCES"] = str(limits.answers)
    os.environ["VLLM_MAX_COMPLETION_PROMPTS"] = str(limits.prompts)
