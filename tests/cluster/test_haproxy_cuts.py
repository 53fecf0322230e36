"""What the HAProxy that Serve starts cuts, by what small4 sets in Ray's environment."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from cluster.haproxy import _SETTLE_S, write_wrapper
from cluster.running_haproxy import cuts_s
from configs.environment import HARD_STOP, node_environment

_SHORT_S = 1
ENVIRONMENT = {
    name: value
    for name, value in node_environment("", connection_s=60).items()
    if name.startswith("RAY_SERVE_HAPROXY") and value.isdigit()
}

pytestmark = pytest.mark.timeout(120)


def test_a_stream_and_a_wait_outlast_a_reload_and_their_silence(tmp_path: Path) -> None:
    streamed, waited = asyncio.run(_despite_reload(tmp_path, {}))
    assert streamed == "begun, ended"
    assert waited == "at last"


@pytest.mark.parametrize("name", [HARD_STOP, "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S"])
def test_both_would_be_cut_by_each_value_that_is_shorter(name: str, tmp_path: Path) -> None:
    streamed, waited = asyncio.run(_despite_reload(tmp_path, {name: str(_SHORT_S)}))
    assert isinstance(streamed, httpx.HTTPError), streamed
    assert isinstance(waited, httpx.HTTPError) or waited == "Internal Server Error"


def test_one_that_knows_no_router_yet_asks_to_try_again(tmp_path: Path) -> None:
    async def scene() -> tuple[int, str, int]:
        router = _Router()
        async with (
            router.listening() as back,
            _haproxy(tmp_path, back, {}) as haproxy,
            httpx.AsyncClient(base_url=haproxy.url, trust_env=False) as client,
        ):
            await haproxy.reload("forgotten")
            early = await client.get("/")
            await haproxy.reload()
            return (
                early.status_code,
                early.headers["retry-after"],
                (await client.get("/")).status_code,
            )

    assert asyncio.run(scene()) == (503, "1", 200)


def test_the_one_before_goes_on_while_routers_may_not_know_of_their_new_address(
    tmp_path: Path,
) -> None:
    async def scene() -> list[bool]:
        router, waited = _Router(), list[bool]()
        async with (
            router.listening() as back,
            _haproxy(tmp_path, back, {}) as haproxy,
            httpx.AsyncClient(base_url=haproxy.url, trust_env=False) as client,
        ):
            for line in ("reloaded", "other", "reloaded", "reloaded"):
                began_s = time.monotonic()
                reloading = asyncio.create_task(haproxy.reload(line))
                while not reloading.done():
                    assert (await client.get("/")).status_code == httpx.codes.OK
                    await asyncio.sleep(0.05)
                waited.append(time.monotonic() - began_s >= _SETTLE_S)
            return waited

    assert asyncio.run(scene()) == [False, True, True, False]


def test_without_its_parent_it_ends_after_its_last_answer(tmp_path: Path) -> None:
    async def scene() -> str:
        router = _Router()
        async with router.listening() as back, _haproxy(tmp_path, back, {}) as haproxy:
            stream = asyncio.create_task(_get(haproxy.url + "/stream"))
            await router.asked.acquire()
            (process,) = _haproxies(tmp_path)
            haproxy.lose_parent()
            while not await _refused(haproxy.url):
                pass
            router.answers.set()
            answer = await stream
            process.wait(timeout=10)
            return answer

    assert asyncio.run(scene()) == "begun, ended"


async def _despite_reload(directory: Path, changes: dict[str, str]) -> list[str | BaseException]:
    """Return what a client gets of a stream and of a late answer, if HAProxy is reloaded.

    Nothing is on the wire for some time then.
    """
    router = _Router()
    async with router.listening() as back, _haproxy(directory, back, changes) as haproxy:
        both = [asyncio.create_task(_get(haproxy.url + path)) for path in ("/stream", "/wait")]
        for _ in both:
            await router.asked.acquire()
        await haproxy.reload()
        # With a short value they are cut; else they wait for their answers for longer than it.
        await asyncio.wait(both, timeout=60 if changes else 3 * _SHORT_S)
        router.answers.set()
        return await asyncio.gather(*both, return_exceptions=True)


async def _get(url: str) -> str:
    async with httpx.AsyncClient(timeout=90, trust_env=False) as client:
        return (await client.get(url)).text


async def _refused(url: str) -> bool:
    try:
        await _get(url)
    except httpx.ConnectError:
        return True
    return False


class _Router:
    """Serves `/stream`, which begins at once, and `/wait`; both end when it `answers`."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.answers = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n")
        if path == b"/stream":
            writer.write(b"\r\n7\r\nbegun, \r\n")
            await self._asked()
            writer.write(b"5\r\nended\r\n0\r\n\r\n")
        elif path == b"/wait":
            await self._asked()
            writer.write(b"\r\n7\r\nat last\r\n0\r\n\r\n")
        else:
            writer.write(b"\r\n0\r\n\r\n")  # Serve's health check
        writer.close()

    async def _asked(self) -> None:
        self.asked.release()
        await self.answers.wait()


class _HAProxy:
    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}"

    async def reload(self, line: str = "reloaded") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self.says(line)

    def lose_parent(self) -> None:
        self._process.kill()

    async def says(self, line: str) -> None:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while (said := await self._process.stdout.readline()).decode().strip() != line:
                assert said, "it ended"


@asynccontextmanager
async def _haproxy(directory: Path, back: int, changes: dict[str, str]) -> AsyncIterator[_HAProxy]:
    front = _free_ports()
    wrapper = {"RAY_SERVE_HAPROXY_BINARY_PATH": str(write_wrapper(directory / "haproxy"))}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.cluster.serves_haproxy"),
        *(str(directory), str(front), str(back)),
        env={**os.environ, **ENVIRONMENT, **wrapper, **changes},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    haproxy = _HAProxy(process, front)
    try:
        await haproxy.says("started")
        config = (directory / "haproxy.cfg").read_text()
        assert sorted(cuts_s(config).values()) == sorted(map(int, (ENVIRONMENT | changes).values()))
        yield haproxy
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        for left in _haproxies(directory):
            left.kill()


def _haproxies(directory: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter()
        if process.name() == "haproxy" and str(directory / "haproxy.cfg") in process.cmdline()
    ]


def _free_ports() -> int:
    """Return the first of three ports that are free."""
    while True:
        with socket.socket() as probe, socket.socket() as second, socket.socket() as third:
            probe.bind(("127.0.0.1", 0))
            first: int = probe.getsockname()[1]
            try:
                second.bind(("127.0.0.1", first + 1))
                third.bind(("127.0.0.1", first + 2))
            except OSError:
                continue
            return first
