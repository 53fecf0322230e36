"""An https server on loopback that stands for the Internet.

127.0.0.1 counts as a public address and 127.0.0.2 as a private one; the server listens at both.
"""

import asyncio
import datetime
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from PIL import Image

from configs.request_limits import RequestLimits
from deployments.front_end.images.fetch import ImageFetch
from deployments.front_end.images.public_address import Address

PUBLIC, PRIVATE, CLOSED = "127.0.0.1", "127.0.0.2", "127.0.0.3"
HOSTS = ("images.test", "*.more.test")
CAT = "https://images.test/cat.png"
MEBIBYTE = 1 << 20


def png(size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    file = BytesIO()
    Image.new(mode, size, "teal").save(file, "PNG")
    return file.getvalue()


@dataclass
class ImageHost(AbstractResolver):
    """A server of images, and the resolver of its name.

    A name's answers are given one after the other, the last one for ever.
    """

    certificate: Path
    port: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)  # address and path
    headers: list[dict[str, str]] = field(default_factory=list)
    names: dict[str, list[Sequence[str]]] = field(
        default_factory=lambda: {"images.test": [[PUBLIC]]}
    )
    resolved: list[str] = field(default_factory=list)
    asked: list[Address] = field(default_factory=list)  # whether they may be connected to
    running: int = 0
    most_running: int = 0
    _arrivals: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    released: asyncio.Event = field(default_factory=asyncio.Event)  # lets /held.png answer

    def fetch(
        self,
        limits: RequestLimits | None = None,
        slots: asyncio.Semaphore | None = None,
        **limits_too: Any,
    ) -> ImageFetch:
        return ImageFetch(
            limits or RequestLimits(image_hosts=HOSTS, **limits_too),
            may_connect=self._may_connect,
            make_resolver=lambda: self,
            tls=ssl.create_default_context(cafile=self.certificate),
            slots=slots,
        )

    async def next_call(self) -> None:
        """Wait for a call that hasn't been waited for."""
        async with asyncio.timeout(10):
            await self._arrivals.acquire()

    def _may_connect(self, address: Address) -> bool:
        self.asked.append(address)
        return address in map(ip_address, (PUBLIC, CLOSED))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.resolved.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=self.port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None: ...

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport
        address, _ = request.transport.get_extra_info("sockname")
        self.calls.append((address, request.path_qs))
        self.headers.append(dict(request.headers))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self._arrivals.release()
        try:
            return await _ANSWERS[request.path](self, request)
        finally:
            self.running -= 1


async def _cat(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=png(), content_type="application/octet-stream")


async def _large(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=png() + bytes(MEBIBYTE // 2))


async def _wide(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=png((5001, 5001), "1"))


async def _moved(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    status = int(request.query.get("status", 302))
    moved = web.Response(status=status, headers={"Location": request.query["to"]})
    moved.set_cookie("who", "you")
    return moved


async def _page(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="<h1>A cat</h1>", content_type="image/png")


async def _bomb(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    zeros = gzip.compress(png() + bytes(64 * MEBIBYTE))
    return web.Response(body=zeros, headers={"Content-Encoding": "gzip"})


async def _gone(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=404)


async def _stream(request: web.BaseRequest, chunk: bytes, pause_s: float) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(chunk)
        await asyncio.sleep(pause_s)


async def _endless(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    return await _stream(request, bytes(1 << 16), 0)


async def _drip(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    """Send a byte now and then, without an end."""
    return await _stream(request, b"\0", 0.01)


async def _held(host: ImageHost, request: web.BaseRequest) -> web.StreamResponse:
    await host.released.wait()
    return await _cat(host, request)


_ANSWERS: dict[str, Callable[[ImageHost, web.BaseRequest], Awaitable[web.StreamResponse]]] = {
    "/cat.png": _cat,
    "/large.png": _large,
    "/wide.png": _wide,
    "/moved": _moved,
    "/page.png": _page,
    "/bomb.png": _bomb,
    "/gone.png": _gone,
    "/endless.png": _endless,
    "/drip.png": _drip,
    "/held.png": _held,
}


@asynccontextmanager
async def image_host(certificate: Path) -> AsyncIterator[ImageHost]:
    host = ImageHost(certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = web.Server(host.answer, handler_cancellation=True)
    runner = web.ServerRunner(server, shutdown_timeout=0)
    await runner.setup()
    try:
        for address in (PUBLIC, PRIVATE):
            site = web.TCPSite(runner, address, host.port, ssl_context=context)
            await site.start()
            host.port = host.port or runner.addresses[0][1]
        yield host
    finally:
        await runner.cleanup()


def write_certificate(path: Path) -> Path:
    """Write a certificate of images.test and *.more.test, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "images.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in HOSTS]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(certificate.public_bytes(pem) + private)
    return path
