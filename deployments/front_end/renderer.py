"""vLLM's Mistral renderer behind checks of what clients send. Read from vLLM 0.32."""

from typing import Any

from vllm.renderers.mistral import MistralRenderer
from vllm.renderers.registry import RENDERER_REGISTRY
from vllm.tokenizers import mistral

from configs.request_limits import RequestLimits
from deployments.front_end.images.fetch import ImageFetch
from deployments.front_end.images.tokens import InlineImageEncoder
from deployments.front_end.messages import plain, require_objects

_theirs = mistral.maybe_serialize_tool_calls


def install(limits: RequestLimits) -> None:
    """Makes vLLM render Mistral's prompts through `CheckedRenderer` from now on."""
    CheckedRenderer.limits = limits
    mistral.maybe_serialize_tool_calls = _serialize_tool_calls
    # `register` does the same, and warns of it in every router's log.
    RENDERER_REGISTRY.renderers["mistral"] = (__name__, CheckedRenderer.__name__)


def _serialize_tool_calls(request: Any) -> None:
    """What vLLM does to a chat's messages before it renders them."""
    require_objects(request.messages)
    _theirs(request)


class CheckedRenderer(MistralRenderer):
    """Chat, responses, messages and tokenize all come through here."""

    limits = RequestLimits()

    def __init__(self, config: Any, tokenizer: Any) -> None:
        super().__init__(config, tokenizer)
        self.images = ImageFetch(self.limits)
        theirs = tokenizer.instruct.image_encoder
        tokenizer.instruct.image_encoder = InlineImageEncoder(
            theirs.image_config, theirs.special_ids
        )

    def render_messages(self, messages: Any, params: Any) -> Any:
        return super().render_messages(plain(messages, self.limits), params)

    async def render_messages_async(self, messages: Any, params: Any) -> Any:
        written = plain(messages, self.limits)
        await self.images.bring_in(written)
        return await super().render_messages_async(written, params)

    async def _detokenize_prompt_async(self, prompt: Any) -> Any:
        self.validate_token_ids(prompt["prompt_token_ids"], parameter="tokens")
        return await super()._detokenize_prompt_async(prompt)
