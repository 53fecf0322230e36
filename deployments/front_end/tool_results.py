"""Keeps the images of an Anthropic tool result in the result.

vLLM makes a user's message of them, which parts the results of parallel calls, and a second result
of the tools that a result refers to. Read from vLLM 0.32.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vllm.entrypoints.anthropic.serving import AnthropicServingMessages


def install() -> None:
    """Make vLLM in this process write each tool result as one message."""
    AnthropicServingMessages._convert_user_tool_result = classmethod(_result)


def _result(serving: Any, block: Any, messages: list[dict[str, Any]]) -> None:
    content = block.content
    if not isinstance(content, str):
        content = list(_parts(serving, content or ()))
    messages.append({"role": "tool", "tool_call_id": block.tool_use_id or "", "content": content})


def _parts(serving: Any, content: Any) -> Iterator[dict[str, Any]]:
    for item in content:
        if not isinstance(item, Mapping):
            continue
        if item.get("type") == "image":
            url = serving._convert_image_source_to_url(item.get("source") or {})
            yield {"type": "image_url", "image_url": {"url": url}}
        else:
            yield dict(item)
