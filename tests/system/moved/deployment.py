"""A router over one rank, in this process, whose dispatcher moves requests as tests plan."""

import logging.config
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import anthropic
import httpx2
import openai
from fastapi import FastAPI
from vllm.renderers.registry import RENDERER_REGISTRY

from configs.deployment import Deployment
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.router.handshake import Handshake
from deployments.router.router import Parts, Router
from deployments.scheduling.routing import least_loaded_rank
from tests.deployments.router.whole_router import Open, close
from tests.system.moved.mover import Mover
from tests.system.moved.rank import Roster, running_rank

_URL = "http://router"


class MovingRouter(Router):
    """A router with a dispatcher that moves requests."""

    def dispatcher(self, expected: dict[str, str]) -> Mover:
        deployment, roster = self._deployment, Handshake(self._roster, expected)
        return Mover(roster, deployment.survival, deployment.admission, self._route)


@dataclass
class Clients:
    """The official clients of a running router, and its rank."""

    openai: openai.AsyncOpenAI
    anthropic: anthropic.AsyncAnthropic
    rank: Roster


@asynccontextmanager
async def deployed(source: str, **engine: Any) -> AsyncIterator[Clients]:
    """Serve a checkpoint from one rank with the shipped local config and `engine` arguments.

    Changes vLLM for this process, as `Router` does. What other tests would notice is restored.
    """
    application = ServeFile.load(DEFAULT_CONFIG).raw["applications"][0]
    args = application["args"]
    args = {
        **args,
        "model": {**args["model"], "source": source},
        "weights": {},
        "gangs": {"count": 1, "ranks": 1},
        "survival": {"silence_s": 600},
        "engine": {**args["engine"], **engine},
    }
    deployment = Deployment.model_validate(args)
    with (
        patch.dict(os.environ, application["runtime_env"]["env_vars"]),
        patch.dict(RENDERER_REGISTRY.renderers),
        patch.dict(vars(logging.config)),
    ):
        async with running_rank(deployment) as roster:
            router = MovingRouter(
                deployment, roster, Parts(Open(), Open(), Open()), least_loaded_rank
            )
            app = await router.__serve_build_asgi_app__()
            try:
                async with _clients(app, roster) as clients:
                    yield clients
            finally:
                await close(router)


@asynccontextmanager
async def _clients(app: FastAPI, rank: Roster) -> AsyncIterator[Clients]:
    """Make clients that call the application in this process, in their callers' context."""
    options: Any = {"api_key": "none", "max_retries": 0, "timeout": None}
    async with (
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http,
    ):
        yield Clients(
            openai.AsyncOpenAI(base_url=f"{_URL}/v1", http_client=http, **options),
            anthropic.AsyncAnthropic(base_url=_URL, http_client=http, **options),
            rank,
        )
