"""Checks what clients send before vLLM's Mistral renderer reads it. Read from vLLM 0.32."""

from dataclasses import replace
from typing import Any

from vllm.renderers.mistral import MistralRenderer
from vllm.renderers.registry import RENDERER_REGISTRY
from vllm.tokenizers import mistral
from vllm.utils.mistral import mt

from configs.request_limits import RequestLimits
from deployments.front_end.images.fetch import ImageFetch
from deployments.front_end.images.tokens import InlineImageEncoder
from deployments.front_end.requests.effort import Efforts
from deployments.front_end.requests.messages import normalized, require_objects

_vllm_serialize_tool_calls = mistral.maybe_serialize_tool_calls


def install(limits: RequestLimits) -> None:
    """Make vLLM in this process render Mistral's prompts through `CheckedRenderer`."""
    CheckedRenderer.limits = limits
    for module in (mistral, mt):  # the second is a copy, which vLLM's renderer reads
        module.maybe_serialize_tool_calls = _serialize_tool_calls
        module.truncate_tool_call_ids = _keep_tool_call_ids
    # `register` does the same, and warns of it in every router's log.
    RENDERER_REGISTRY.renderers["mistral"] = (__name__, CheckedRenderer.__name__)


def _serialize_tool_calls(request: Any) -> None:
    """Check that messages are objects before vLLM, which assumes it, prepares their tool calls."""
    require_objects(request.messages)
    _vllm_serialize_tool_calls(request)


def _keep_tool_call_ids(_: Any) -> None:
    """Leave ids as clients send them: vLLM keeps the last nine letters, which may be alike."""


def with_effort(params: Any) -> Any:
    """Return the parameters of a prompt with an effort that the model knows."""
    options = params.chat_template_kwargs
    if (asked := options.get("reasoning_effort")) is None:
        return params
    effort = {"reasoning_effort": Efforts.known(asked)}
    return replace(params, chat_template_kwargs={**options, **effort})


class CheckedRenderer(MistralRenderer):
    """Renders the prompts of chat, responses, messages and tokenize, and checks them first."""

    limits = RequestLimits()

    def __init__(self, config: Any, tokenizer: Any) -> None:
        super().__init__(config, tokenizer)
        self.images = ImageFetch(self.limits)
        encoder = tokenizer.instruct.image_encoder
        tokenizer.instruct.image_encoder = InlineImageEncoder(
            encoder.image_config, encoder.special_ids
        )

    def render_messages(self, messages: Any, params: Any) -> Any:
        return super().render_messages(normalized(messages, self.limits), with_effort(params))

    async def render_messages_async(self, messages: Any, params: Any) -> Any:
        messages = normalized(messages, self.limits)
        await self.images.bring_in(messages)
        return await super().render_messages_async(messages, with_effort(params))

    async def _detokenize_prompt_async(self, prompt: Any) -> Any:
        self.validate_token_ids(prompt["prompt_token_ids"], parameter="tokens")
        return await super()._detokenize_prompt_async(prompt)
