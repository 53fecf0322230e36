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
from deployments.front_end.images.data_url import inline_image
from deployments.front_end.images.links import allowed_url
from deployments.front_end.requests.history import in_order

_ROLES = ("system", "user", "assistant", "tool")
_SAME_AS = {"developer": "system"}
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
    written = in_order(_message(message, hosts) for message in require_objects(messages))
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


def _message(message: Mapping[str, Any], hosts: Sequence[HostName]) -> dict[str, Any]:
    role, content = message.get("role"), message.get("content")
    role = _SAME_AS.get(str(role), role)
    if role not in _ROLES:
        raise _error(f"A message's role is {role!r}: it must be one of {', '.join(_ROLES)}.")
    if content is None:
        if role != "assistant":
            raise _error(
                f"A message from {role} has no content: give it a text, or a list of parts."
            )
        content = message.get("refusal")
    if content is not None and not isinstance(content, str):
        content = [_part(part, hosts) for part in content]
    return {**message, "role": role, "content": content}


def _part(part: Any, hosts: Sequence[HostName]) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    kind = part.get("type")
    if kind in _TEXTS:
        return {"type": "text", "text": part.get(_TEXTS[kind])}
    if kind in _IMAGES:
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        if hosts and not (isinstance(url, str) and url[:5].lower() == "data:"):
            allowed_url(url, hosts)
        else:
            url = inline_image(url)
        return {"type": "image_url", "image_url": {"url": url}}
    if kind == "tool_reference":
        return {"type": "text", "text": str(part.get("tool_name") or part.get("name"))}
    if kind == "thinking":
        known = {name: part[name] for name in ("type", "thinking", "closed") if name in part}
        return {**known, "thinking": _thoughts(known.get("thinking"))}
    raise _error(f"A content part's type is {kind!r}: it must be text or image_url.")


def _thoughts(thinking: Any) -> str:
    """Return the text of thoughts in Mistral's own form, a list of parts, or in another's."""
    if isinstance(thinking, str):
        return thinking
    if isinstance(thinking, Sequence) and all(isinstance(part, Mapping) for part in thinking):
        return "".join(str(part.get("text") or "") for part in thinking)
    raise _error("A thinking part has no thoughts: give it a text, or a list of text parts.")


def _error(reason: str) -> VLLMValidationError:
    return VLLMValidationError(reason, parameter="messages")
