"""Fetches the images that messages link to, before vLLM or Mistral's tokenizer see the links.

vLLM's own `allowed_media_domains` checks names alone: one that resolves to an address in the
cluster passes, and so does a redirect to anywhere. Here the address is checked on the socket that
is about to connect to it. Read from vLLM 0.32, aiohttp 3.14.
"""

import asyncio
import base64
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from io import BytesIO
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from vllm.multimodal.image import open_image
from yarl import URL

from configs.errors import BusyFetchingError
from configs.request_limits import RequestLimits
from deployments.front_end.bytes_left import BytesLeft, bytes_left
from deployments.front_end.images.links import checked, refused
from deployments.front_end.images.public_address import Address, is_public
from deployments.front_end.refusals import as_vllm_error

_REDIRECTS = 3
_REDIRECTED = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 1 << 16
# As they are: nothing is unpacked here but the image itself, whose pixels are counted first.
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "small4"}

logger = logging.getLogger("ray.serve")


class ImageFetch:
    """One router's; `resolver` makes what resolves names, `allowed` says what may be connected to.

    `tls` is by default what the system trusts.
    """

    def __init__(
        self,
        limits: RequestLimits,
        *,
        allowed: Callable[[Address], bool] = is_public,
        resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits
        self._allowed = allowed
        self._resolver = resolver
        self._tls = tls or ssl.create_default_context()
        self._places = asyncio.Semaphore(limits.image_fetches)

    async def bring_in(self, messages: Iterable[dict[str, Any]]) -> None:
        """Puts `data:` URLs into messages of `messages.plain`, where they have links.

        Raises VLLMValidationError for an image that can't be had, GracefulHTTPError when too many
        are being fetched.
        """
        linked = [image for image in _images(messages) if not image["url"].startswith("data:")]
        urls = dict.fromkeys(image["url"] for image in linked)
        left = bytes_left.get(None) or BytesLeft(self._limits.body_mib << 20)
        left.fetches += len(urls)
        if left.fetches > self._limits.images:  # a batch comes here once a conversation
            raise refused(
                f"The request links to more images than the {self._limits.images} taken "
                "(limits.images)"
            )
        fetching = [asyncio.create_task(self._fetch(url, left)) for url in urls]
        try:
            fetched = dict(zip(urls, await asyncio.gather(*fetching), strict=True))
        finally:  # one refusal is enough
            for task in fetching:
                task.cancel()
        for image in linked:
            image["url"] = fetched[image["url"]]

    async def _fetch(self, link: str, left: BytesLeft) -> str:
        url = checked(link, self._limits.image_hosts)
        async with self._place():
            try:
                async with asyncio.timeout(self._limits.image_fetch_s), self._session() as session:
                    return _data_url(url, await self._follow(session, url, left))
            except (aiohttp.ClientError, OSError, ValueError) as error:
                # The client hears the same of all: what is in this network is not for it to find.
                logger.info("no image from %s: %r", url.raw_host, error)
                raise refused(f"The image can't be fetched from {url.raw_host}") from None

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._limits.image_fetch_s):
                await self._places.acquire()
        except TimeoutError:
            busy = BusyFetchingError(
                f"{self._limits.image_fetches} images are being fetched already, which is all that "
                "may. Try again later, or send the image in the request, as data:image/png;base64,…"
            )
            raise as_vllm_error(busy) from None
        try:
            yield
        finally:
            self._places.release()

    def _session(self) -> aiohttp.ClientSession:
        """No cookies, and no proxies or passwords from the environment."""
        connector = aiohttp.TCPConnector(
            resolver=self._resolver(),
            socket_factory=self._socket,
            ssl=self._tls,
            use_dns_cache=False,
            force_close=True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
        )

    def _socket(self, target: Any) -> socket.socket:
        """For an address that is connected to next: no name is resolved after this."""
        family, kind, protocol, _, (address, *_) = target
        if not self._allowed(ip_address(address)):
            raise OSError(f"{address} isn't a public address")
        return socket.socket(family, kind, protocol)

    async def _follow(self, session: aiohttp.ClientSession, url: URL, left: BytesLeft) -> bytes:
        for _ in range(_REDIRECTS + 1):
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status not in _REDIRECTED:
                    return await self._read(answer, left)
                url = checked(answer.headers.get("Location"), self._limits.image_hosts, base=url)
        raise refused(f"The image's link leads on more than {_REDIRECTS} times, to {url.raw_host}")

    async def _read(self, answer: aiohttp.ClientResponse, left: BytesLeft) -> bytes:
        if answer.status != 200:
            raise refused(f"{answer.url.raw_host} answers {answer.status} instead of an image")
        data = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            if not left.take(len(chunk)):
                raise refused(
                    f"The image at {answer.url.raw_host} is too large: a request and its images "
                    f"may have {self._limits.body_mib} MiB. Scale it down"
                )
            data += chunk
        return bytes(data)


def _images(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    contents = [message.get("content") for message in messages]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return [part["image_url"] for part in parts if part["type"] == "image_url"]


def _data_url(url: URL, data: bytes) -> str:
    """Raises VLLMValidationError for what is no image; `media.py` looks at its size."""
    try:
        kind = open_image(BytesIO(data)).get_format_mimetype()
    except Exception as error:  # Pillow's decoders raise whatever they like
        raise refused(f"What {url.raw_host} sends can't be read as an image ({error})") from error
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
