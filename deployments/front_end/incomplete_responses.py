"""Ends the stream of a response that was cut off with the event that says so.

vLLM ends each with `response.completed`, whatever the response's status. Read from vLLM 0.32.
"""

from collections.abc import AsyncIterator
from typing import Any

from openai.types.responses import ResponseIncompleteEvent
from vllm.entrypoints.openai.responses.protocol import ResponseCompletedEvent, ResponsesResponse
from vllm.entrypoints.openai.responses.serving import OpenAIServingResponses

_vllm_stream = OpenAIServingResponses.responses_stream_generator


def install() -> None:
    """Make vLLM in this process say of an incomplete response that it is."""
    OpenAIServingResponses.responses_stream_generator = _stream


class _IncompleteEvent(ResponseIncompleteEvent):
    response: ResponsesResponse


async def _stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
    async for event in _vllm_stream(*args, **kwargs):
        yield ending(event)


def ending(event: Any) -> Any:
    """Return an event of a stream as it should be."""
    if not isinstance(event, ResponseCompletedEvent) or event.response.status != "incomplete":
        return event
    return _IncompleteEvent(
        type="response.incomplete",
        response=event.response,
        sequence_number=event.sequence_number,
    )
