"""OpenAI's `service_tier` chooses a priority class where `priority` doesn't.

vLLM takes the field and leaves it at that. Read from vLLM 0.32.
"""

from typing import Any

from vllm.entrypoints.generate.base.serving import GenerateBaseServing

_PRIORITIES = {"priority": -1, "flex": 1}  # interactive, batch
_priority_of = GenerateBaseServing._get_priority


def install() -> None:
    """Makes vLLM do so from now on, in this process."""
    GenerateBaseServing._get_priority = staticmethod(priority_of)


def priority_of(request: Any, raw_request: Any) -> int:
    """-1, 0 or 1, the lower the sooner; a header may bring any number."""
    priority: int = max(-1, min(1, _priority_of(request, raw_request)))
    return priority or _PRIORITIES.get(getattr(request, "service_tier", None) or "", 0)
