import asyncio
import base64
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from vllm.exceptions import GracefulHTTPError, VLLMValidationError

from configs.request_limits import RequestLimits
from deployments.front_end.bytes_left import BytesLeft, bytes_left
from deployments.front_end.images.fetch import ImageFetch
from tests.deployments.router.image_host import (
    CAT,
    CLOSED,
    PRIVATE,
    PUBLIC,
    ImageHost,
    image_host,
    png,
    write_certificate,
)

Play = Callable[[Callable[[ImageHost], Awaitable[Any]]], Any]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "images.pem")


@pytest.fixture
def play(certificate: Path) -> Play:
    """Run a scene with a host of images."""

    def run(scene: Callable[[ImageHost], Awaitable[Any]]) -> Any:
        async def played() -> Any:
            async with image_host(certificate) as host:
                return await scene(host)

        return asyncio.run(played())

    return run


async def fetched(fetch: ImageFetch, *urls: str) -> list[str]:
    """Return what a conversation's images become."""
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    text = {"type": "text", "text": "What is it?"}
    system, answer = {"role": "system", "content": "Be brief."}, {"role": "assistant"}
    await fetch.bring_in([system, {"role": "user", "content": [text, *parts]}, answer])
    return [part["image_url"]["url"] for part in parts]  # type: ignore[index]


async def refusal(fetch: ImageFetch, *urls: str) -> str:
    with pytest.raises(VLLMValidationError) as caught:
        await fetched(fetch, *urls)
    message = str(caught.value)
    assert "Send the image in the request, as data:image/png;base64,…" in message
    return message


def test_links_become_what_they_lead_to(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        inline = "data:image/png;base64,AAAA"
        cat = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
        assert await fetched(host.fetch(), CAT, inline, CAT, CAT + "?2") == [cat, inline, cat, cat]
        assert sorted(path for _, path in host.calls) == ["/cat.png", "/cat.png?2"]
        assert await fetched(host.fetch(), inline) == [inline]

    play(scene)


def test_an_address_is_checked_where_it_is_connected_to(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        host.names["images.test"] = [[PUBLIC], [PRIVATE]]  # another address for the next lookup
        await fetched(host.fetch(), CAT)
        assert host.asked == [ip_address(PUBLIC)]
        assert host.resolved == ["images.test"]
        await refusal(host.fetch(), CAT)
        assert {address for address, _ in host.calls} == {PUBLIC}

    play(scene)


@pytest.mark.parametrize("answer", [(PRIVATE, PUBLIC), (PUBLIC, PRIVATE), (CLOSED, PRIVATE)])
def test_of_several_addresses_only_public_ones_are_connected_to(
    play: Play, answer: tuple[str, str]
) -> None:
    async def scene(host: ImageHost) -> None:
        host.names["images.test"] = [answer]
        if PUBLIC in answer:
            await fetched(host.fetch(), CAT)
        else:
            await refusal(host.fetch(), CAT)
        assert [address for address, _ in host.calls if address != PUBLIC] == []

    play(scene)


def test_an_address_in_a_link_is_checked_as_well(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        # No config can name an address; the HTTP client would resolve nothing for it.
        limits = RequestLimits.model_construct(image_hosts=(PRIVATE,))
        await refusal(host.fetch(limits=limits), f"https://{PRIVATE}/cat.png")
        assert host.asked == [ip_address(PRIVATE)]
        assert host.calls == []

    play(scene)


def test_a_client_cant_tell_what_is_in_the_network(play: Play) -> None:
    """A client hears the same, whether a name, address, port or server is missing."""

    async def scene(host: ImageHost) -> None:
        said = set()
        for answer in (
            [PRIVATE],
            [CLOSED],
            [PRIVATE, CLOSED],
            None,
        ):
            host.names = {"a.more.test": [answer]} if answer else {}
            said.add(await refusal(host.fetch(), "https://a.more.test/cat.png"))
        host.names = {"a.more.test": [[PUBLIC]]}
        said.add(await refusal(host.fetch(image_fetch_s=0.3), "https://a.more.test/held.png"))
        assert len(said) == 1
        assert said.pop().startswith("The image can't be fetched from a.more.test.")

    play(scene)


def test_another_hosts_certificate_is_no_good(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        # The certificate's star stands for a single label.
        host.names["a.b.more.test"] = [[PUBLIC]]
        await refusal(host.fetch(), "https://a.b.more.test/cat.png")
        assert host.calls == []

    play(scene)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_without_cookies(play: Play, status: int) -> None:
    async def scene(host: ImageHost) -> None:
        await fetched(host.fetch(), f"https://images.test/moved?status={status}&to=/cat.png")
        assert host.calls[-1] == (PUBLIC, "/cat.png")
        assert not {"Cookie", "Referer", "Authorization"} & set(host.headers[-1])

    play(scene)


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("https://other.test/cat.png", "other.test isn't among the hosts"),
        ("http://images.test/cat.png", "must be https"),
        ("https://images.test:8443/cat.png", "no user, password or port"),
        ("https://me:secret@images.test/cat.png", "no user, password or port"),
        (f"https://{PRIVATE}/cat.png", "isn't among the hosts"),
        ("file:///etc/passwd", "must be https"),
        ("https://private.more.test/cat.png", "can't be fetched"),
        ("", "must be https"),
    ],
)
def test_a_redirect_is_checked_as_a_link_is(play: Play, to: str, reason: str) -> None:
    async def scene(host: ImageHost) -> None:
        host.names |= {"private.more.test": [[PRIVATE]], "other.test": [[PUBLIC]]}
        assert reason in await refusal(host.fetch(), f"https://images.test/moved?to={quote(to)}")
        assert [path.partition("?")[0] for _, path in host.calls] == ["/moved"]

    play(scene)


def moved(times: int) -> str:
    """Make a link that redirects so many times before it leads to the cat."""
    link = "/cat.png"
    for _ in range(times):
        link = "/moved?to=" + quote(link, safe="")
    return f"https://images.test{link}"


def test_redirects_end(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        assert await fetched(host.fetch(), moved(3))
        assert "leads on more than 3 times" in await refusal(host.fetch(), moved(4))
        assert len(host.calls) == 8

    play(scene)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("page.png", "images.test sends can't be read as an image"),
        ("bomb.png", "images.test sends can't be read as an image"),
        ("gone.png", "images.test answers 404"),
        ("endless.png", "The image at images.test is too large"),
        ("drip.png", "can't be fetched from images.test"),
        ("held.png", "can't be fetched from images.test"),
    ],
)
def test_what_brings_no_image_is_refused(play: Play, path: str, reason: str) -> None:
    async def scene(host: ImageHost) -> None:
        limited = host.fetch(body_mib=1, image_fetch_s=1)
        assert reason in await refusal(limited, f"https://images.test/{path}")

    play(scene)


def test_a_requests_images_share_what_its_body_leaves(play: Play) -> None:
    large = "https://images.test/large.png"

    async def scene(host: ImageHost) -> None:
        fetch = host.fetch(body_mib=1)
        assert len(await fetched(fetch, large)) == 1
        assert "too large" in await refusal(fetch, large, large + "?2")
        bytes_left.set(BytesLeft(1 << 18))
        assert "may have 1 MiB" in await refusal(fetch, large)
        bytes_left.set(BytesLeft(1 << 20))
        assert len(await fetched(fetch, large)) == 1
        assert "too large" in await refusal(fetch, large)

    play(scene)


def test_a_requests_conversations_share_its_fetches(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        fetch = host.fetch(images=3)
        bytes_left.set(BytesLeft(1 << 20))
        await fetched(fetch, CAT, CAT + "?2")
        assert "more images than the 3 taken" in await refusal(fetch, CAT, CAT + "?2")
        assert len(host.calls) == 2
        bytes_left.set(BytesLeft(1 << 20))
        assert len(await fetched(fetch, CAT)) == 1

    play(scene)


def test_one_router_fetches_only_so_many_at_once(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        links = [f"https://images.test/held.png?{number}" for number in range(9)]
        fetching = asyncio.create_task(fetched(host.fetch(image_fetches=2), *links))
        await host.next_call()
        await host.next_call()
        assert len(host.resolved) == 2  # a fetch looks up its name before it waits for anything
        host.released.set()
        assert len(await fetching) == 9
        assert host.most_running == 2

    play(scene)


def test_who_finds_no_place_in_time_is_told_to_come_again(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        slots = asyncio.Semaphore(1)
        hasty = host.fetch(slots=slots, image_fetches=1, image_fetch_s=0.3)
        holder = asyncio.create_task(
            fetched(host.fetch(slots=slots), "https://images.test/held.png")
        )
        await host.next_call()
        with pytest.raises(GracefulHTTPError, match="1 images are being fetched already"):
            await fetched(hasty, CAT)
        assert len(host.calls) == 1
        host.released.set()
        assert len(await holder) == 1
        assert len(await fetched(hasty, CAT)) == 1

    play(scene)


def test_a_client_that_hangs_up_leaves_nothing_behind(play: Play) -> None:
    async def scene(host: ImageHost) -> None:
        fetch = host.fetch(image_fetches=1)
        asking = asyncio.create_task(fetched(fetch, "https://images.test/held.png"))
        await host.next_call()
        asking.cancel()
        await asyncio.wait({asking})
        assert len(await fetched(fetch, CAT)) == 1
        assert len(asyncio.all_tasks()) < 10

    play(scene)
