"""Lets an earlier answer in a response's input have any number of parts, refusals among them.

vLLM reads the first part's `text`, and fails if there is none. Read from vLLM 0.32.
"""

from typing import Any

from openai.types.responses import ResponseOutputMessage, ResponseOutputText
from vllm.entrypoints.openai.responses import utils

_message_of = utils._construct_message_from_response_item


def install() -> None:
    """Make vLLM in this process read all parts of an earlier answer."""
    utils._construct_message_from_response_item = message_of


def message_of(item: Any, *args: Any, **kwargs: Any) -> Any:
    return _message_of(in_one_part(item), *args, **kwargs)


def in_one_part(item: Any) -> Any:
    """Return an earlier answer with its texts joined in one part; another item as it is."""
    if not isinstance(item, ResponseOutputMessage):
        return item
    texts = (part.text if part.type == "output_text" else part.refusal for part in item.content)
    part = ResponseOutputText(type="output_text", text="".join(texts), annotations=[])
    return item.model_copy(update={"content": [part]})
