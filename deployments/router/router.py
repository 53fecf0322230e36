"""The router: a Serve ingress replica that serves vLLM's own API over all gangs."""

import asyncio
import logging
from typing import Any

from fastapi import FastAPI
from ray import serve

from configs.deployment import Deployment
from configs.environment import renounce_device
from configs.exposure import refuse_to_expose
from deployments.autoscaling.router_policy import RouterLoad
from deployments.ray_serve.log import keep_log_open

# vLLM's own for operators (gangs are Serve's to scale), and what this model can't do.
_CLOSED = ("/scale_elastic_ep", "/is_scaling_elastic_ep", "/kv_event_sources", "/v1/systemone")

logger = logging.getLogger("ray.serve")


class Router:
    """Holds tokenizer and config, no weights; any number of replicas."""

    _llm: Any = None
    _strain: Any = None
    _working: tuple[asyncio.Task[None], ...] = ()

    def __init__(
        self, deployment: Deployment, roster: Any, quotas: Any, scaler: Any, shards: Any
    ) -> None:
        """Serve handles; `shards` makes the gangs part of the application, and wakes one."""
        refuse_to_expose(deployment.access, _host())
        self._deployment = deployment
        self._roster = roster
        self._quotas = quotas
        self._scaler = scaler
        self._shards = shards

    async def __serve_build_asgi_app__(self) -> FastAPI:
        keep_log_open()
        renounce_device()
        from vllm.entrypoints.launchers.api_server.app_state import init_app_state
        from vllm.entrypoints.launchers.app import build_app

        from deployments.front_end import (
            error_form,
            fan_out,
            grammars,
            model_card,
            parser_tables,
            renderer,
            response_items,
            service_tier,
        )
        from deployments.front_end.images import media
        from deployments.front_end.middleware.body_limit import BodyLimit
        from deployments.front_end.middleware.hang_up import HangUp
        from deployments.front_end.middleware.turned_away import TurnedAway
        from deployments.router.intake import Intake
        from deployments.vllm_config import router_config

        grammars.install()
        parser_tables.install()
        limits = self._deployment.limits
        fan_out.install(limits)
        media.install(limits.pixels)
        renderer.install(limits)
        response_items.install()
        service_tier.install()
        arguments, config = router_config(self._deployment)
        _fix_grammar_backend(config)
        core = Intake(self._roster, self._deployment.survival, self._deployment.admission)
        self._llm = _async_llm(config, core)
        tasks = await self._llm.get_supported_tasks()
        app: FastAPI = build_app(arguments, tasks, config.model_config)
        await init_app_state(self._llm, app.state, arguments, tasks)
        model_card.install(app)
        error_form.install(app)
        self._guard(app)
        self._scale(core)
        app.add_middleware(BodyLimit, mebibytes=limits.body_mib)
        app.add_middleware(TurnedAway, wait_s=core.retry_after_s)
        app.add_middleware(HangUp)
        _close(app, *_CLOSED)
        app.state.server = None  # vLLM stops its own server when an engine dies; ours don't
        return app

    def _guard(self, app: FastAPI) -> None:
        from deployments.access.allowances import Allowances
        from deployments.access.key_ring import KeyRing
        from deployments.front_end.middleware.gate import Gate

        access, replica = self._deployment.access, serve.get_replica_context().replica_id
        if not access.keyed:
            logger.warning("no keys are set: whoever reaches this deployment may use it")
            return
        allowances = Allowances(self._quotas, str(replica), self._deployment.routers.most)
        model = self._deployment.model.name
        app.add_middleware(Gate, ring=KeyRing(access), allowances=allowances, model=model)

    def _scale(self, core: Any) -> None:
        """Tells what gangs and routers are scaled by."""
        from deployments.router.reporting import Reporting
        from deployments.router.utilization import Strain

        if self._scaler is not None:
            replica = str(serve.get_replica_context().replica_id)
            reporting = Reporting(core, self._scaler, self._shards, replica)
            self._working += (asyncio.create_task(reporting.run()),)
        if self._deployment.routers.autoscaling is not None:
            self._strain = Strain()
            self._working += (asyncio.create_task(self._strain.watch()),)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Serve asks, and hands it to `RouterPolicy`."""
        if self._strain is None or self._llm is None:
            return {}
        open_requests = self._llm.engine_core.open_requests()
        return RouterLoad(open_requests, self._strain.cpu, self._strain.lag_s).stats()

    async def check_health(self) -> None:
        if self._llm is not None:
            await self._llm.check_health()
            self._llm.engine_core.check_health()

    def __del__(self) -> None:
        for task in self._working:
            task.cancel()
        if self._llm is not None:
            self._llm.shutdown()


def _fix_grammar_backend(config: Any) -> None:
    """Has one library enforce all grammars.

    vLLM chooses one a request, and an engine keeps to the first request's for ever. After one
    regex that is xgrammar, which takes Mistral's special tokens for text: from then on chats on
    that rank can leak them, and no tool can be called.
    """
    if config.structured_outputs_config.backend == "auto":
        config.structured_outputs_config.backend = "guidance"


def _host() -> str:
    """Where HAProxy listens, and every router by itself. Ray has no public name for it."""
    from ray.serve.context import _get_global_client

    host: str = _get_global_client().http_config.host
    return host


def _close(app: FastAPI, *paths: str) -> None:
    """Takes vLLM's operators' endpoints from the clients."""
    routes = app.router.routes
    routes[:] = [route for route in routes if getattr(route, "path", None) not in paths]


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
