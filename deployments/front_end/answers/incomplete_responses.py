"""Ends the stream of a response that was cut off with the event that says so.

vLLM ends each with `response.completed`, whatever the response's status, and waits for that event
itself where a response is made in the background. Read from vLLM 0.32.
"""

from collections.abc import AsyncIterator
from typing import Any

from openai.types.responses import ResponseIncompleteEvent
from vllm.entrypoints.openai.responses import api_router
from vllm.entrypoints.openai.responses.protocol import ResponseCompletedEvent, ResponsesResponse

_vllm_events = api_router._convert_stream_to_sse_events


def install() -> None:
    """Make vLLM in this process say of an incomplete response that it is."""
    api_router._convert_stream_to_sse_events = _events


class _IncompleteEvent(ResponseIncompleteEvent):
    response: ResponsesResponse


async def _events(stream: AsyncIterator[Any]) -> AsyncIterator[str]:
    async for text in _vllm_events(ending(event) async for event in stream):
        yield text


def ending(event: Any) -> Any:
    """Return an event of a stream as it should be."""
    if not isinstance(event, ResponseCompletedEvent) or event.response.status != "incomplete":
        return event
    return _IncompleteEvent(
        type="response.incomplete",
        response=event.response,
        sequence_number=event.sequence_number,
    )
