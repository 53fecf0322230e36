"""Tests links to images in the forms of each API."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from vllm.v1.engine import EngineCoreRequest

from configs.request_limits import RequestLimits
from tests.deployments.router.image_host import (
    CAT,
    HOSTS,
    ImageHost,
    image_host,
    png,
    write_certificate,
)
from tests.deployments.router.whole_router import WholeRouter, whole_router

MODEL = "mistral-small-4"
CAT_INLINE = base64.b64encode(png()).decode()

Ask = Callable[[WholeRouter, str], Awaitable[httpx.Response]]


def _chat(url: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


async def chat(router: WholeRouter, url: str) -> httpx.Response:
    body = {"model": MODEL, "messages": _chat(url)}
    return await router.client.post("/v1/chat/completions", json=body)


async def response(router: WholeRouter, url: str) -> httpx.Response:
    image = {"type": "input_image", "detail": "auto", "image_url": url}
    body = {"model": MODEL, "input": [{"role": "user", "content": [image]}]}
    return await router.client.post("/v1/responses", json=body)


async def message(router: WholeRouter, url: str) -> httpx.Response:
    source = {"type": "url", "url": url}
    if url.startswith("data:"):
        source = {"type": "base64", "media_type": "image/png", "data": url.partition(",")[2]}
    asked = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    body = {"model": MODEL, "max_tokens": 9, "messages": asked}
    return await router.client.post("/v1/messages", json=body)


every_api = pytest.mark.parametrize("ask", [chat, response, message])


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def router(runner: asyncio.Runner) -> Iterator[WholeRouter]:
    stack = AsyncExitStack()
    yield runner.run(stack.enter_async_context(whole_router(weights={})))
    runner.run(stack.aclose())


Scene = Callable[[ImageHost], Awaitable[None]]


@pytest.fixture
def play(
    runner: asyncio.Runner, router: WholeRouter, tmp_path: Path
) -> Callable[[Scene, RequestLimits], None]:
    """Run a scene with a host of images that the router fetches from, within limits."""

    def run(scene: Scene, limits: RequestLimits) -> None:
        async def played() -> None:
            async with image_host(write_certificate(tmp_path / "images.pem")) as host:
                router.renderer.limits = limits
                router.renderer.images = host.fetch(limits=limits)
                await scene(host)

        runner.run(played())

    return run


def prompt(router: WholeRouter) -> tuple[list[int], list[str]]:
    """Return the tokens of the last request that reached the rank, and its images' hashes."""
    request: EngineCoreRequest = router.asked[-1]
    return request.prompt_token_ids or [], [f.mm_hash or "" for f in request.mm_features or []]


def error(answer: httpx.Response, ask: Ask, status: int, kind: str) -> str:
    """Return the message of an error answer, which must have the form of the API asked."""
    body = answer.json()
    assert answer.status_code == status, body
    if ask is message:
        assert (body["type"], body["error"]["type"]) == ("error", kind)
    else:
        assert body["error"]["code"] == status
    text: str = body["error"]["message"]
    return text


@every_api
def test_a_linked_image_is_asked_about_as_an_inline_one(
    play: Any, router: WholeRouter, ask: Ask
) -> None:
    async def scene(host: ImageHost) -> None:
        prompts = []
        for url in (CAT, f"data:image/png;base64,{CAT_INLINE}"):
            answer = await ask(router, url)
            assert answer.status_code == 200, answer.text
            prompts.append(prompt(router))
        assert prompts[0] == prompts[1]
        tokens, images = prompts[0]
        image_token = router.renderer.get_tokenizer().get_vocab()["[IMG]"]
        assert (tokens.count(image_token), len(images)) == (3 * 2, 1)
        assert [path for _, path in host.calls] == ["/cat.png"]

    play(scene, RequestLimits(image_hosts=HOSTS))


@every_api
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://other.test/cat.png", "other.test isn't among the hosts that this server fetches"),
        ("https://images.test/wide.png", "The image has 5001 x 5001 pixels, more than the 25000"),
        ("https://images.test/gone.png", "images.test answers 404 instead of an image"),
    ],
)
def test_an_image_that_cant_be_had_is_refused(
    play: Any, router: WholeRouter, ask: Ask, url: str, reason: str
) -> None:
    async def scene(host: ImageHost) -> None:
        said = error(await ask(router, url), ask, 400, "invalid_request_error")
        assert said.startswith(reason)
        remedy = "scale it down" if "pixels" in reason else "data:image/png;base64,…"
        assert remedy in said

    play(scene, RequestLimits(image_hosts=HOSTS))


@every_api
def test_without_a_place_to_fetch_clients_are_told_to_come_again(
    play: Any, router: WholeRouter, ask: Ask
) -> None:
    async def scene(host: ImageHost) -> None:
        slots = asyncio.Semaphore(1)
        router.renderer.images = host.fetch(slots=slots)
        holding = asyncio.create_task(chat(router, "https://images.test/held.png"))
        await host.next_call()
        # The one slot is held for longer than others wait for it.
        router.renderer.images = host.fetch(slots=slots, image_fetches=1, image_fetch_s=0.1)
        answer = await ask(router, CAT)
        said = error(answer, ask, 503, "overloaded_error")
        assert said.startswith("1 images are being fetched already")
        assert "Retry-After" in answer.headers
        host.released.set()
        assert (await holding).status_code == 200

    play(scene, RequestLimits(image_hosts=HOSTS))


@every_api
def test_without_hosts_every_link_is_refused(play: Any, router: WholeRouter, ask: Ask) -> None:
    async def scene(host: ImageHost) -> None:
        said = error(await ask(router, CAT), ask, 400, "invalid_request_error")
        assert said.startswith("Send the image in the request, as data:image/png;base64,…: this")
        assert host.calls == []

    play(scene, RequestLimits())


def test_a_batch_fetches_no_more_than_one_conversation_may(play: Any, router: WholeRouter) -> None:
    async def scene(host: ImageHost) -> None:
        for conversations, status in ((2, 200), (3, 400)):
            host.calls.clear()
            body = {"model": MODEL, "messages": [_chat(CAT)] * conversations}
            answer = await router.client.post("/v1/chat/completions/batch", json=body)
            assert answer.status_code == status, answer.text
            assert len(host.calls) == 2
        assert "more images than the 2 taken" in answer.json()["error"]["message"]

    play(scene, RequestLimits(image_hosts=HOSTS, images=2))
