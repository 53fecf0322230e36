import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send
from vllm.entrypoints.serve.utils.api_utils import with_cancellation

from deployments.front_end.middleware import hang_up
from deployments.front_end.middleware.hang_up import HangUp

Handler = Callable[[object, "Raw"], Awaitable[None]]


class Raw:
    """As much of a request as vLLM's listening needs."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.app = None


async def send(_: Message) -> None: ...


async def ended_when_cancelled(app: HangUp, ended: list[str]) -> list[str]:
    """As Serve does: first the message is where the app finds it, then its task is cancelled.

    What has `ended` by then; the end of the loop cancels whatever is left.
    """
    messages: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "http"}, messages.get, send))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    messages.put_nowait({"type": "http.disconnect"})
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    await asyncio.sleep(0)
    assert task.cancelled()
    return list(ended)


def test_vllms_handler_is_cancelled_when_its_client_hangs_up() -> None:
    ended: list[str] = []

    async def generate(_: object, raw_request: Raw) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("aborted")

    handler: Handler = with_cancellation(generate)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await handler(None, Raw(receive))

    assert asyncio.run(ended_when_cancelled(HangUp(app), ended)) == ["aborted"]


def test_an_app_that_listens_to_nobody_is_cancelled_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hang_up, "_GRACE_S", 0.05)
    ended: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    assert asyncio.run(ended_when_cancelled(HangUp(app), ended)) == ["cancelled"]


def test_what_the_app_raises_comes_through() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(HangUp(app)({"type": "http"}, asyncio.Queue().get, send))
