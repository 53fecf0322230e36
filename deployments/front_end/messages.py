"""Brings chat messages to the one form that vLLM and Mistral's tokenizer read alike.

Both read a request's messages, each by its own rules. In a part that vLLM takes for an image, the
tokenizer can see an address to fetch, a file to open, or a type that it doesn't know (those of the
responses API). So parts are written anew from the fields known here, and others are refused.
Read from vLLM 0.32, transformers 5.19 and mistral_common 1.12.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vllm.exceptions import VLLMValidationError

from configs.host_name import HostName
from configs.request_limits import RequestLimits
from deployments.front_end.images.links import allowed_url

_ROLES = ("system", "user", "assistant", "tool")
_TEXTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_IMAGES = ("image_url", "input_image")


def normalized(
    messages: Iterable[Mapping[str, Any]], limits: RequestLimits
) -> list[dict[str, Any]]:
    """Return the same messages, with `text`, `thinking` and `image_url` parts only.

    An image is inline or, if `limits` names hosts, may be a link to one of them.
    Raises VLLMValidationError for a conversation that can't be served.
    """
    hosts = limits.image_hosts
    written = [_message(message, hosts) for message in require_objects(messages)]
    if not written:
        raise _error('messages is empty: send at least one, {"role": "user", "content": "…"}.')
    if len(written) > limits.messages:
        raise _error(f"{len(written)} messages are more than the {limits.messages} taken.")
    contents = (message.get("content") for message in written)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    if (images := sum(part["type"] == "image_url" for part in parts)) > limits.images:
        raise _error(f"{images} images are more than the {limits.images} taken.")
    return written


def require_objects(messages: Iterable[Any]) -> list[Mapping[str, Any]]:
    """Return the messages as a list of mappings.

    Raises VLLMValidationError if vLLM has read one of them as a message of another model's form.
    """
    objects = list(messages)
    if not all(isinstance(message, Mapping) for message in objects):
        raise _error("A message must be an object with role and content.")
    return objects


def require_inline(url: Any) -> None:
    """Raise VLLMValidationError for an image that would have to be fetched."""
    # Lower case: Mistral's tokenizer knows no other.
    if not isinstance(url, str) or not url.startswith("data:image/"):
        raise VLLMValidationError(
            "Send the image in the request, as data:image/png;base64,…: this server fetches none.",
            parameter="image_url",
            value=str(url)[:40],
        )


def _message(message: Mapping[str, Any], hosts: Sequence[HostName]) -> dict[str, Any]:
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise _error(f"A message's role is {role!r}: it must be one of {', '.join(_ROLES)}.")
    if content is None and role != "assistant":
        raise _error(f"A message from {role} has no content: give it a text, or a list of parts.")
    if content is None or isinstance(content, str):
        return dict(message)
    return {**message, "content": [_part(part, hosts) for part in content]}


def _part(part: Any, hosts: Sequence[HostName]) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    kind = part.get("type")
    if kind in _TEXTS:
        return {"type": "text", "text": part.get(_TEXTS[kind])}
    if kind in _IMAGES:
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        if hosts and not (isinstance(url, str) and url.startswith("data:")):
            allowed_url(url, hosts)
        else:
            require_inline(url)
        return {"type": "image_url", "image_url": {"url": url}}
    if kind == "thinking":
        return {name: part[name] for name in ("type", "thinking", "closed") if name in part}
    raise _error(f"A content part's type is {kind!r}: it must be text or image_url.")


def _error(reason: str) -> VLLMValidationError:
    return VLLMValidationError(reason, parameter="messages")
