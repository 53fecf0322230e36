"""An image is read from the request or not at all: nothing is fetched, opened or unpacked."""

import base64
import struct
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import openai
import pytest

from tests.system.served.deployed import MODEL
from tests.system.served.expert_parallel.asking import about, chat, picture


def linked(url: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def huge_png(side: int) -> str:
    """Make some 50 bytes whose header promises a square."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return f"data:image/png;base64,{base64.b64encode(file).decode()}"


GOOD = picture("red")["image_url"]["url"]
UNREADABLE = {
    "not an image": "data:image/png;base64,bm90IGFuIGltYWdl",
    "not base64": "data:image/png;base64,@@@@",
    "said not to be base64": "data:image/png,abc",
    "nothing": "data:image/png;base64,",
    "no comma": "data:image/png;base64",
    "cut short": GOOD[: len(GOOD) // 8 * 4],
    "too many pixels": huge_png(60_000),
}
ELSEWHERE = {
    "a file": "file:///etc/passwd",
    "another host": "http://127.0.0.1:9/x.png",
    "not an image's type": GOOD.replace("image/png", "text/html"),
    "no URL": "",
    "null": None,
}


def refusal(client: openai.OpenAI, **request: Any) -> str:
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, **request)
    assert isinstance(caught.value.body, dict)
    message: str = caught.value.body["message"]
    return message


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_image_is_refused(client: openai.OpenAI, case: str) -> None:
    message = refusal(client, messages=about(linked(UNREADABLE[case])))
    assert "The image can't be read" in message
    assert "Send a PNG, JPEG, WebP or GIF as data:image/png;base64,…" in message
    assert chat(client, max_tokens=1).choices


def test_an_image_with_more_pixels_than_allowed_is_refused(client: openai.OpenAI) -> None:
    message = refusal(client, messages=about(linked(huge_png(5001))))
    assert message.startswith("The image has 5001 x 5001 pixels, more than the 25000000 taken")


def test_more_images_than_allowed_are_refused(client: openai.OpenAI) -> None:
    message = refusal(client, messages=about(*[picture("red", (28, 28))] * 17))
    assert message.startswith("17 images are more than the 16 taken")


@pytest.mark.parametrize("case", ELSEWHERE)
def test_an_image_that_is_elsewhere_is_refused(client: openai.OpenAI, case: str) -> None:
    message = refusal(client, messages=about(linked(ELSEWHERE[case])))
    assert "Send the image in the request, as data:image/png;base64,…" in message
    assert chat(client, max_tokens=1).choices


@pytest.fixture
def bait() -> Iterator[tuple[str, list[str]]]:
    """Run a server that nobody should call; yields its URL, and the calls it got."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/x.png", calls
        server.shutdown()
        thread.join()


# vLLM reads a part with a `uuid` by its keys, Mistral's tokenizer by its type: the last two show
# the one an image, and the other an address and a file.
@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "BAIT"}},
        {"type": "image_url", "image_url": "BAIT"},
        {"type": "image_url", "image_url": {"url": "BAIT"}, "uuid": "a"},
        {"type": "image", "url": "BAIT"},
        {"type": "image", "url": "BAIT", "uuid": "b", "image_url": {"url": GOOD}},
        {"type": "image", "path": "/etc/hostname", "uuid": "c", "image_url": {"url": GOOD}},
    ],
)
def test_nothing_is_fetched_or_opened(
    client: openai.OpenAI, bait: tuple[str, list[str]], part: dict[str, Any]
) -> None:
    url, calls = bait
    link = {"url": url}
    if part.get("url") == "BAIT":
        part = {**part, "url": url}
    elif part["image_url"] in ("BAIT", {"url": "BAIT"}):
        part = {**part, "image_url": url if part["image_url"] == "BAIT" else link}
    message = refusal(client, messages=about(part))
    assert calls == []
    assert "Send the image in the request" in message or "must be text or image_url" in message


def test_nothing_is_fetched_for_a_response(
    client: openai.OpenAI, bait: tuple[str, list[str]]
) -> None:
    url, calls = bait
    part: Any = {"type": "input_image", "detail": "auto", "image_url": url}
    with pytest.raises(openai.BadRequestError, match="Send the image in the request"):
        client.responses.create(model=MODEL, input=[{"role": "user", "content": [part]}])
    assert calls == []
