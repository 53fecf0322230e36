"""vLLM's Mistral renderer behind checks of what clients send. Read from vLLM 0.32."""

from typing import Any

from vllm.renderers.mistral import MistralRenderer
from vllm.renderers.registry import RENDERER_REGISTRY

from deployments.router.image_tokens import InlineImageEncoder
from deployments.router.messages import plain


def install() -> None:
    """Makes vLLM render Mistral's prompts through `CheckedRenderer` from now on."""
    # `register` does the same, and warns of it in every router's log.
    RENDERER_REGISTRY.renderers["mistral"] = (__name__, CheckedRenderer.__name__)


class CheckedRenderer(MistralRenderer):
    """Chat, responses, messages and tokenize all come through here."""

    def __init__(self, config: Any, tokenizer: Any) -> None:
        super().__init__(config, tokenizer)
        theirs = tokenizer.instruct.image_encoder
        tokenizer.instruct.image_encoder = InlineImageEncoder(
            theirs.image_config, theirs.special_ids
        )

    def render_messages(self, messages: Any, params: Any) -> Any:
        return super().render_messages(plain(messages), params)

    async def render_messages_async(self, messages: Any, params: Any) -> Any:
        return await super().render_messages_async(plain(messages), params)

    async def _detokenize_prompt_async(self, prompt: Any) -> Any:
        self.validate_token_ids(prompt["prompt_token_ids"], parameter="tokens")
        return await super()._detokenize_prompt_async(prompt)
