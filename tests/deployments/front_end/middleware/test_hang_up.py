import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send
from vllm.entrypoints.serve.utils.api_utils import with_cancellation

from deployments.front_end.middleware.hang_up import HangUp

Handler = Callable[[object, "Raw"], Awaitable[None]]


class Raw:
    """A request, as far as vLLM's listening for the disconnect needs it."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.app = None


async def send(_: Message) -> None: ...


class Endless:
    """Work of an app that only ends when it is cancelled."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def run(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


async def hang_up(app: HangUp, work: Endless) -> None:
    """Cancel the app as Serve does, and wait until its work has been cancelled.

    Serve first puts the message where the app finds it, then cancels the app's task.
    """
    messages: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "http"}, messages.get, send))
    async with asyncio.timeout(5):
        await work.begun.wait()
        messages.put_nowait({"type": "http.disconnect"})
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        await work.cancelled.wait()


def test_vllms_handler_is_cancelled_when_its_client_hangs_up() -> None:
    async def scene() -> None:
        generation = Endless()

        async def generate(_: object, raw_request: Raw) -> None:
            await generation.run()

        handler: Handler = with_cancellation(generate)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await handler(None, Raw(receive))

        # Its grace is longer than the test waits.
        await hang_up(HangUp(app, grace_s=60), generation)

    asyncio.run(scene())


def test_an_app_that_listens_to_nobody_is_cancelled_in_the_end() -> None:
    async def scene() -> None:
        work = Endless()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await work.run()

        await hang_up(HangUp(app, grace_s=0.01), work)

    asyncio.run(scene())


def test_what_the_app_raises_comes_through() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(HangUp(app)({"type": "http"}, asyncio.Queue().get, send))
