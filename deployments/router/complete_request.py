"""Completes requests as vLLM's front end makes them, before they get a rank.

Read from vLLM 0.32.
"""

from vllm.v1.engine import EngineCoreRequest

from deployments.front_end.requests.effort import thinks
from deployments.wire.resumed_tokens import RESUME

# Keys of `extra_args` that only routers, ranks and vLLM itself may set.
_NOT_FOR_CLIENTS = (RESUME, "kv_cache_report_mode")


def complete_request(request: EngineCoreRequest) -> None:
    """Correct a request that comes from vLLM's front end, in place.

    vLLM's Mistral parser waits for the end of a reasoning also where none was asked for. Until then
    the engine holds the answer to no grammar: not in completions, nor in responses, nor for
    `structured_outputs`. And clients may send `extra_args` of their own (`vllm_xargs`): those that
    they may not set are removed.
    """
    if not reasons(request) or _thinks_by_grammar(request):
        request.reasoning_ended = True
    if request.sampling_params is not None and request.sampling_params.extra_args:
        for name in _NOT_FOR_CLIENTS:
            request.sampling_params.extra_args.pop(name, None)


def reasons(request: EngineCoreRequest) -> bool:
    """Tell whether the prompt asks the model to think first; by default it doesn't."""
    template = (request.reasoning_parser_kwargs or {}).get("chat_template_kwargs") or {}
    return thinks(template.get("reasoning_effort"))


def _thinks_by_grammar(request: EngineCoreRequest) -> bool:
    """Tell whether the answer's grammar, by mistral_common 1.12, has thoughts as a part."""
    params = request.sampling_params
    asked = params.structured_outputs if params else None
    return asked is not None and "\nthink: <[" in (asked.grammar or "")
