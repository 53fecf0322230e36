"""Keeps the images of an Anthropic tool result in the result.

vLLM makes a user's message of them, which parts the results of parallel calls, and a second result
of the tools that a result refers to. Blocks of other types it leaves out. Read from vLLM 0.32.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vllm.entrypoints.anthropic.serving import AnthropicServingMessages

vllm_result = AnthropicServingMessages._convert_user_tool_result.__func__


def install() -> None:
    """Make vLLM in this process write each tool result as one message.

    And leave system messages where they are, which `history.py` sees to: vLLM would move them to
    the front, and each new one would change the prompt from there on.
    """
    AnthropicServingMessages._convert_user_tool_result = classmethod(_result)
    AnthropicServingMessages._should_merge_inline_system = staticmethod(lambda _: False)


def _result(serving: Any, block: Any, messages: list[dict[str, Any]]) -> None:
    content = block.content
    if not isinstance(content, str):
        content = list(_parts(serving, content or ()))
    messages.append({"role": "tool", "tool_call_id": block.tool_use_id or "", "content": content})


def _parts(serving: Any, content: Any) -> Iterator[dict[str, Any]]:
    for item in content:
        if not isinstance(item, Mapping):
            continue
        kind = item.get("type")
        if kind == "image":
            url = serving._convert_image_source_to_url(item.get("source") or {})
            yield {"type": "image_url", "image_url": {"url": url}}
        elif kind == "text":
            yield {"type": "text", "text": item.get("text") or ""}
        elif kind == "tool_reference":
            yield dict(item)
