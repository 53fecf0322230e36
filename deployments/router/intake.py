"""Puts right, before a request gets a rank, what vLLM's front end leaves undone.

Read from vLLM 0.32.
"""

from vllm.v1.engine import EngineCoreRequest

from deployments.router.engine_core import RouterEngineCore
from deployments.shard.resume import RESUME


class Intake(RouterEngineCore):
    """The router's engine core, as vLLM's front end gets it."""

    async def add_request_async(self, request: EngineCoreRequest) -> None:
        # vLLM's Mistral parser waits for the end of a reasoning that nobody asked for, and until
        # then the engine holds the answer to no grammar: not in completions, nor in responses,
        # nor for `structured_outputs`.
        if not reasons(request):
            request.reasoning_ended = True
        # Clients may send `extra_args` of their own (`vllm_xargs`); these are between ours.
        if request.sampling_params is not None and request.sampling_params.extra_args:
            for name in (RESUME, "kv_cache_report_mode"):
                request.sampling_params.extra_args.pop(name, None)
        await super().add_request_async(request)


def reasons(request: EngineCoreRequest) -> bool:
    """Whether the prompt asks the model to think first; by default it doesn't."""
    template = (request.reasoning_parser_kwargs or {}).get("chat_template_kwargs") or {}
    return template.get("reasoning_effort") not in (None, "none")
