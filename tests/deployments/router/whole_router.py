"""A whole router without Serve around it; its only rank ends every answer at once."""

import asyncio
import logging.config
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httpx
from vllm.renderers.registry import RENDERER_REGISTRY
from vllm.v1.engine import EngineCoreRequest, FinishReason

from configs.deployment import Deployment
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.front_end.renderer import CheckedRenderer
from deployments.router.router import Router
from tests.deployments.router.fake_shard import FakeRoster, FakeShard


class _Alone(Router):
    """Asks Serve neither where it listens nor which replica it is."""

    def __init__(self, deployment: Deployment, roster: FakeRoster) -> None:
        self._deployment, self._roster, self._llm = deployment, roster, None

    def _guard(self, app: Any) -> None: ...

    def _scale(self, core: Any) -> None: ...

    @property
    def renderer(self) -> CheckedRenderer:
        found: CheckedRenderer = self._llm.renderer
        return found

    async def close(self) -> None:
        llm, self._llm = self._llm, None
        llm.shutdown()
        await llm.engine_core._closing
        llm.engine_core = None  # or vLLM closes it again when the loop is gone


@dataclass
class WholeRouter:
    client: httpx.AsyncClient
    renderer: CheckedRenderer
    asked: list[EngineCoreRequest] = field(default_factory=list)  # what has reached the rank


@asynccontextmanager
async def whole_router(**args_too: Any) -> AsyncIterator[WholeRouter]:
    """Of the shipped local config with `args_too`. Changes vLLM for this process, as `Router` does.

    But what others in this process would notice is as before when it ends.
    """
    application = ServeFile.load(DEFAULT_CONFIG).raw["applications"][0]
    args = {**application["args"], "survival": {"silence_s": 600}, **args_too}
    with (
        patch.dict(os.environ, application["runtime_env"]["env_vars"]),
        patch.dict(RENDERER_REGISTRY.renderers),
        patch.dict(vars(logging.config)),
    ):
        async with _served(Deployment.model_validate(args)) as router:
            yield router


@asynccontextmanager
async def _served(deployment: Deployment) -> AsyncIterator[WholeRouter]:
    shard = FakeShard("a")
    router = _Alone(deployment, FakeRoster(shard))
    transport = httpx.ASGITransport(await router.__serve_build_asgi_app__())
    async with httpx.AsyncClient(transport=transport, base_url="http://router") as client:
        whole = WholeRouter(client, router.renderer)
        ending = asyncio.create_task(_end_answers(shard, whole.asked))
        try:
            yield whole
        finally:
            ending.cancel()
            await router.close()
            FakeShard.close_all()


async def _end_answers(shard: FakeShard, asked: list[EngineCoreRequest]) -> None:
    while True:
        request = await shard.requests.get()
        asked.append(request)
        await shard.say(request.request_id, [2], FinishReason.STOP)
