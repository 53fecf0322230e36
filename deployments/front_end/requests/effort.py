"""Maps the reasoning efforts that clients ask for to those that the model knows, `none` and `high`.

Agents send others by default, and many can't be told otherwise. Read from vLLM 0.32.
"""

from contextvars import ContextVar
from typing import Any

from vllm.entrypoints.anthropic.serving import AnthropicServingMessages
from vllm.exceptions import VLLMValidationError
from vllm.tokenizers import mistral
from vllm.utils.mistral import mt

_NEAREST = {"minimal": "none", "low": "none", "medium": "high", "xhigh": "high", "max": "high"}
_KNOWN = ("none", "high")

vllm_validate = mistral.validate_request_params
vllm_thinking = AnthropicServingMessages._handle_thinking.__func__
used: ContextVar[list[str]] = ContextVar("used")  # by the request that is being served


def install(*, strict: bool) -> None:
    """Make vLLM in this process take every effort, or if `strict` those that the model knows."""
    Efforts.strict = strict
    for module in (mistral, mt):  # the second is a copy, which vLLM's renderer reads
        module.validate_request_params = _validate
    AnthropicServingMessages._handle_thinking = classmethod(_handle_thinking)


def thinks(effort: str | None) -> bool:
    """Tell whether a model thinks where that effort is asked for; by default it doesn't."""
    return _NEAREST.get(effort or "none", effort) not in (None, "none")


class Efforts:
    """The efforts that are taken."""

    strict = False

    @classmethod
    def known(cls, asked: str | None) -> str | None:
        """Return the model's effort for the one asked for, and note it; None for None.

        Raises VLLMValidationError for an effort that isn't taken.
        """
        if asked is None:
            return None
        effort = asked if cls.strict else _NEAREST.get(asked, asked)
        if effort not in _KNOWN:
            taken = _KNOWN if cls.strict else (*_KNOWN, *_NEAREST)
            raise VLLMValidationError(
                f"The reasoning effort {str(asked)[:40]!r} isn't one of {', '.join(taken)}.",
                parameter="reasoning_effort",
            )
        if (noted := used.get(None)) is not None:
            noted[:] = [effort]
        return effort


def _validate(request: Any) -> None:
    request.reasoning_effort = Efforts.known(request.reasoning_effort)
    vllm_validate(request)


def _handle_thinking(serving: Any, request: Any, asked: Any, *disabled: Any) -> None:
    """Have Anthropic's `thinking` think. vLLM only bounds thoughts that the model hasn't begun."""
    vllm_thinking(serving, request, asked, *disabled)
    if asked.thinking is None:
        return
    if asked.thinking.type == "disabled":
        request.reasoning_effort = "none"
    elif asked.thinking.type == "enabled" or request.reasoning_effort is None:
        request.reasoning_effort = "high"
