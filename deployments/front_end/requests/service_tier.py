"""Lets OpenAI's `service_tier` choose a request's priority class if `priority` doesn't.

vLLM accepts the field and ignores it. Read from vLLM 0.32.
"""

from typing import Any

from vllm.entrypoints.generate.base.serving import GenerateBaseServing

_PRIORITIES = {"priority": -1, "flex": 1}  # interactive, batch
_priority_of = GenerateBaseServing._get_priority


def install() -> None:
    """Make vLLM in this process take a request's priority from `priority_of`."""
    GenerateBaseServing._get_priority = staticmethod(priority_of)


def priority_of(request: Any, raw_request: Any) -> int:
    """Return -1, 0 or 1; the lowest is served first. vLLM's header may hold any number."""
    priority: int = max(-1, min(1, _priority_of(request, raw_request)))
    return priority or _PRIORITIES.get(getattr(request, "service_tier", None) or "", 0)
