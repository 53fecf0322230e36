"""Fetches the images that messages link to, before vLLM or Mistral's tokenizer see the links.

vLLM's own `allowed_media_domains` checks names alone: a name that resolves to an address in the
cluster passes, and so does a redirect to anywhere. Here each address is checked when the socket
is made that connects to it. Read from vLLM 0.32, aiohttp 3.14.
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
from deployments.front_end.images.links import allowed_url, image_error
from deployments.front_end.images.public_address import Address, is_public
from deployments.front_end.refusals import as_vllm_error

_REDIRECTS = 3
_REDIRECTED = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 1 << 16
# No compression: only the image itself is unpacked, and its pixels are counted first.
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "small4"}

logger = logging.getLogger("ray.serve")


class ImageFetch:
    """Fetches the images of all requests of one router, within limits.

    `may_connect` says which addresses may be connected to, and `make_resolver` makes the resolver
    of names. `tls` trusts by default what the system trusts. Each fetch under way holds one of
    `slots`, by default `limits.image_fetches`.
    """

    def __init__(
        self,
        limits: RequestLimits,
        *,
        may_connect: Callable[[Address], bool] = is_public,
        make_resolver: Callable[[], AbstractResolver] = aiohttp.ThreadedResolver,
        tls: ssl.SSLContext | None = None,
        slots: asyncio.Semaphore | None = None,
    ) -> None:
        self._limits = limits
        self._may_connect = may_connect
        self._make_resolver = make_resolver
        self._tls = tls or ssl.create_default_context()
        self._slots = slots or asyncio.Semaphore(limits.image_fetches)

    async def bring_in(self, messages: Iterable[dict[str, Any]]) -> None:
        """Replace links in `messages`, as `messages.normalized` returns them, by `data:` URLs.

        Raises VLLMValidationError for an image that can't be fetched, and GracefulHTTPError if too
        many are being fetched.
        """
        linked = [image for image in _images(messages) if not image["url"].startswith("data:")]
        urls = dict.fromkeys(image["url"] for image in linked)
        left = bytes_left.get(None) or BytesLeft(self._limits.body_mib << 20)
        left.fetches += len(urls)
        if left.fetches > self._limits.images:  # a batch calls this for each conversation
            raise image_error(
                f"The request links to more images than the {self._limits.images} taken "
                "(limits.images)"
            )
        fetching = [asyncio.create_task(self._fetch(url, left)) for url in urls]
        try:
            fetched = dict(zip(urls, await asyncio.gather(*fetching), strict=True))
        finally:  # the first error refuses the request
            for task in fetching:
                task.cancel()
        for image in linked:
            image["url"] = fetched[image["url"]]

    async def _fetch(self, link: str, left: BytesLeft) -> str:
        url = allowed_url(link, self._limits.image_hosts)
        async with self._slot():
            try:
                async with asyncio.timeout(self._limits.image_fetch_s), self._session() as session:
                    return _data_url(url, await self._follow(session, url, left))
            except (aiohttp.ClientError, OSError, ValueError) as error:
                # The same text for all errors: a client must not learn what is in this network.
                logger.info("no image from %s: %r", url.raw_host, error)
                raise image_error(f"The image can't be fetched from {url.raw_host}") from None

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """Hold a slot. Raises GracefulHTTPError if none is free in time."""
        try:
            async with asyncio.timeout(self._limits.image_fetch_s):
                await self._slots.acquire()
        except TimeoutError:
            busy = BusyFetchingError(
                f"{self._limits.image_fetches} images are being fetched already, which is all that "
                "may. Try again later, or send the image in the request, as data:image/png;base64,…"
            )
            raise as_vllm_error(busy) from None
        try:
            yield
        finally:
            self._slots.release()

    def _session(self) -> aiohttp.ClientSession:
        """Make a session without cookies, and without the environment's proxies or passwords."""
        connector = aiohttp.TCPConnector(
            resolver=self._make_resolver(),
            socket_factory=self._make_socket,
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

    def _make_socket(self, target: Any) -> socket.socket:
        """Make a socket for an address; no name is resolved between this and connecting.

        Raises OSError for an address that may not be connected to.
        """
        family, kind, protocol, _, (address, *_) = target
        if not self._may_connect(ip_address(address)):
            raise OSError(f"{address} isn't a public address")
        return socket.socket(family, kind, protocol)

    async def _follow(self, session: aiohttp.ClientSession, url: URL, left: BytesLeft) -> bytes:
        for _ in range(_REDIRECTS + 1):
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status not in _REDIRECTED:
                    return await self._read(answer, left)
                location = answer.headers.get("Location")
                url = allowed_url(location, self._limits.image_hosts, base=url)
        raise image_error(
            f"The image's link leads on more than {_REDIRECTS} times, to {url.raw_host}"
        )

    async def _read(self, answer: aiohttp.ClientResponse, left: BytesLeft) -> bytes:
        if answer.status != 200:
            raise image_error(f"{answer.url.raw_host} answers {answer.status} instead of an image")
        data = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            if not left.take(len(chunk)):
                raise image_error(
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
    """Encode an image as a `data:` URL; `media.py` checks its size.

    Raises VLLMValidationError if `data` isn't an image. `url` is where it comes from.
    """
    try:
        kind = open_image(BytesIO(data)).get_format_mimetype()
    except Exception as error:  # Pillow's decoders raise whatever they like
        raise image_error(
            f"What {url.raw_host} sends can't be read as an image ({error})"
        ) from error
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
