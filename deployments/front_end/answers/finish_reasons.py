"""Says of a whole chat that was cut off that it was, also where it has called a tool before.

vLLM's reason is `tool_calls` as soon as there is a call, and where one is required even without.
Read from vLLM 0.32.
"""

from collections.abc import AsyncIterator
from typing import Any

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionResponse
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm.outputs import RequestOutput

_vllm_answer = OpenAIServingChat.chat_completion_full_generator


def install() -> None:
    """Make vLLM in this process give whole chats the reasons of `_answer`."""
    OpenAIServingChat.chat_completion_full_generator = _answer


async def _answer(
    serving: Any, request: Any, outputs: AsyncIterator[RequestOutput], *args: Any, **kwargs: Any
) -> Any:
    last: RequestOutput | None = None

    async def noted() -> AsyncIterator[RequestOutput]:
        nonlocal last
        async for last in outputs:
            yield last

    response = await _vllm_answer(serving, request, noted(), *args, **kwargs)
    if isinstance(response, ChatCompletionResponse) and last is not None:
        ended = {output.index: output.finish_reason for output in last.outputs}
        for choice in response.choices:
            if ended.get(choice.index) == "length" or not choice.message.tool_calls:
                choice.finish_reason = ended.get(choice.index) or choice.finish_reason
    return response
