"""Brings an image in a `data:` URL to the one form that vLLM and Mistral's tokenizer read alike.

Clients write such URLs in many ways (RFC 2397): with parameters, without a media type, with lines
of 76 letters as MIME has them, percent-encoded.
"""

import base64
from typing import Any
from urllib.parse import unquote_to_bytes

from vllm.exceptions import VLLMValidationError

_URL_SAFE = str.maketrans("-_", "+/")
_UNKNOWN_TYPES = ("", "application/octet-stream")  # the image itself says what it is


def inline_image(url: Any) -> str:
    """Return `data:image/…;base64,…` for an image that is in the request.

    Raises VLLMValidationError for one that would have to be fetched, or has no data.
    """
    kind, options, data = _parted(url)
    if kind in _UNKNOWN_TYPES:
        kind = "image/png"
    if not kind.startswith("image/"):
        raise VLLMValidationError(
            "Send the image in the request, as data:image/png;base64,…: this server fetches none.",
            parameter="image_url",
            value=str(url)[:40],
        )
    if "base64" in options:
        return f"data:{kind};base64,{_plain_base64(data)}"
    return f"data:{kind};base64,{base64.b64encode(unquote_to_bytes(data)).decode()}"


def unreadable(reason: object) -> VLLMValidationError:
    """Return the error that says why an image in the request can't be read."""
    return VLLMValidationError(
        f"The image can't be read ({reason}). Send a PNG, JPEG, WebP or GIF as "
        "data:image/png;base64,…",
        parameter="image_url",
    )


def _parted(url: Any) -> tuple[str, list[str], str]:
    """Return type, parameters and data of a `data:` URL; a type of its own for what isn't one."""
    if not isinstance(url, str) or url[:5].lower() != "data:":
        return "no data", [], ""
    head, comma, data = url[5:].partition(",")
    if not comma:
        raise unreadable("it has no data: the comma is missing")
    kind, *options = (part.strip().lower() for part in head.split(";"))
    return kind, options, data


def _plain_base64(data: str) -> str:
    if "%" in data:
        data = unquote_to_bytes(data).decode("latin-1")
    data = "".join(data.split()).translate(_URL_SAFE).rstrip("=")
    return data + "=" * (-len(data) % 4)
