"""Says why an answer breaks off that the router has ended, in the stream or instead of it.

vLLM says `Internal server error`. Read from vLLM 0.32.
"""

from typing import Any

from vllm.entrypoints.generate.base.serving import GenerateBaseServing
from vllm.exceptions import GenerationError

from deployments.front_end.middleware.turned_away import refusal

_raise = GenerateBaseServing._raise_if_error


def install() -> None:
    """Replace what vLLM says in this process."""
    GenerateBaseServing._raise_if_error = raise_if_error


def raise_if_error(serving: Any, finish_reason: str | None, request_id: str) -> None:
    """Raise GenerationError if an answer has ended in an error: for the router's reason, if any."""
    if finish_reason == "error" and (refused := refusal()) is not None:
        raise GenerationError(str(refused))
    _raise(serving, finish_reason, request_id)
