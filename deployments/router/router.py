"""The router: a Serve ingress replica that serves vLLM's own API over all gangs."""

from typing import Any

from fastapi import FastAPI
from ray import serve
from starlette.exceptions import HTTPException as StarletteHTTPException

from configs.deployment import Deployment


class Router:
    """Holds tokenizer and config, no weights; any number of replicas."""

    def __init__(self, deployment: Deployment, roster: Any, shards: Any) -> None:
        """`shards` is only there to make the gangs part of the application."""
        self._deployment = deployment
        self._roster = roster
        self._llm: Any = None

    async def __serve_build_asgi_app__(self) -> FastAPI:
        from vllm.entrypoints.launchers.api_server.app_state import init_app_state
        from vllm.entrypoints.launchers.app import build_app
        from vllm.entrypoints.serve.exception_handling.handlers.http import http_exception_handler

        from deployments.router import media, parser_tables
        from deployments.router.engine_core import RouterEngineCore
        from deployments.vllm_arguments import router_config

        parser_tables.install()
        media.install()
        arguments, config = router_config(self._deployment)
        core = RouterEngineCore(self._roster, self._deployment.survival)
        self._llm = _async_llm(config, core)
        tasks = await self._llm.get_supported_tasks()
        app: FastAPI = build_app(arguments, tasks, config.model_config)
        await init_app_state(self._llm, app.state, arguments, tasks)
        # Unknown paths and methods, too, get an error in OpenAI's form.
        app.exception_handler(StarletteHTTPException)(http_exception_handler)
        app.state.server = None  # vLLM stops its own server when an engine dies; ours don't
        return app

    async def check_health(self) -> None:
        if self._llm is not None:
            await self._llm.check_health()

    def __del__(self) -> None:
        if self._llm is not None:
            self._llm.shutdown()


def _async_llm(config: Any, core: Any) -> Any:
    """vLLM's AsyncLLM on our engine core.

    Its constructor makes the core by itself, so the factory that it calls is ours meanwhile.
    Read from vLLM 0.32.
    """
    from vllm.v1.engine import async_llm
    from vllm.v1.executor import Executor

    class OurCore(async_llm.EngineCoreClient):
        @staticmethod
        def make_async_mp_client(**_: Any) -> Any:
            return core

    theirs, async_llm.EngineCoreClient = async_llm.EngineCoreClient, OurCore
    try:
        return async_llm.AsyncLLM(
            config, Executor.get_class(config), log_stats=True, log_requests=False
        )
    finally:
        async_llm.EngineCoreClient = theirs


def router_deployment(deployment: Deployment) -> Any:
    routers = deployment.routers
    return serve.deployment(
        serve.ingress()(Router),
        name="Router",
        num_replicas=routers.count,
        max_ongoing_requests=routers.max_streams,
        ray_actor_options=routers.resources.model_dump(),
        health_check_period_s=5,
        health_check_timeout_s=30,
    )
