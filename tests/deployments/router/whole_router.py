"""Runs a whole router without Serve; its only rank answers with the tokens that a test dictates."""

import asyncio
import logging.config
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httpx
from fastapi import FastAPI
from vllm.renderers.registry import RENDERER_REGISTRY
from vllm.v1.engine import EngineCoreRequest, FinishReason

from configs.deployment import Deployment
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.front_end.requests.renderer import CheckedRenderer
from deployments.identity import identity
from deployments.router.router import Guard, Parts, Router
from deployments.scheduling.routing import least_loaded_rank
from tests.deployments.router.fake_shard import FakeRoster, FakeShard

_END = 2  # Mistral's token for the end of an answer


class Open:
    """Guard, scaler and successor of an open router without Serve: they do nothing."""

    def check(self) -> None: ...

    def install(self, app: FastAPI) -> None: ...

    async def run(self, dispatcher: Any) -> None: ...

    async def follow(self) -> None: ...


@dataclass
class WholeRouter:
    """A running router: what clients and the rank see of it, and its renderer."""

    app: FastAPI
    client: httpx.AsyncClient
    renderer: CheckedRenderer
    asked: list[EngineCoreRequest] = field(default_factory=list)  # what has reached the rank
    answer: list[int] = field(default_factory=lambda: [_END])  # to each request


@asynccontextmanager
async def whole_router(
    *, guard: Guard | None = None, **args_too: Any
) -> AsyncIterator[WholeRouter]:
    """Run the router of the shipped local config with `args_too`; by default it is open to all.

    Changes vLLM for this process, as `Router` does. What other tests would notice is restored.
    """
    application = ServeFile.load(DEFAULT_CONFIG).raw["applications"][0]
    args = {**application["args"], "survival": {"silence_s": 600}, **args_too}
    with (
        patch.dict(os.environ, application["runtime_env"]["env_vars"]),
        patch.dict(RENDERER_REGISTRY.renderers),
        patch.dict(vars(logging.config)),
    ):
        async with _served(Deployment.model_validate(args), guard or Open()) as router:
            yield router


@asynccontextmanager
async def _served(deployment: Deployment, guard: Guard) -> AsyncIterator[WholeRouter]:
    shard = FakeShard("a")
    alike = {"identity": identity(deployment)}
    shard.entry = shard.entry.model_copy(update=alike)
    router = Router(deployment, FakeRoster(shard), Parts(guard, Open(), Open()), least_loaded_rank)
    app = await router.__serve_build_asgi_app__()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://router") as client:
        whole = WholeRouter(app, client, router.llm.renderer)
        ending = asyncio.create_task(_answer(shard, whole))
        try:
            yield whole
        finally:
            ending.cancel()
            await close(router)
            FakeShard.close_all()


async def close(router: Router) -> None:
    """Close a router and its links."""
    llm, router.llm = router.llm, None
    core = llm.engine_core
    llm.shutdown()
    await core.closing
    llm.engine_core = None  # or vLLM closes it again when the loop is gone


async def _answer(shard: FakeShard, router: WholeRouter) -> None:
    while True:
        request = await shard.requests.get()
        router.asked.append(request)
        params = request.sampling_params
        assert params is not None
        tokens = router.answer[: params.max_tokens]
        for token in tokens[:-1]:
            await shard.say(request.request_id, [token])
        ends = tokens == router.answer
        finish = FinishReason.STOP if ends else FinishReason.LENGTH
        await shard.say(request.request_id, tokens[-1:], finish)
