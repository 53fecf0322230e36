"""vLLM's own API server, with all that small4 changes in it. Read from vLLM 0.32."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from vllm.entrypoints.launchers.api_server.app_state import init_app_state
from vllm.entrypoints.launchers.app import build_app
from vllm.v1.engine import async_llm
from vllm.v1.engine.core_client import EngineCoreClient
from vllm.v1.executor import Executor

from configs.deployment import Deployment
from configs.request_limits import RequestLimits
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
from deployments.vllm_config import router_config

# vLLM's own for operators (gangs are Serve's to scale), and what this model can't do.
_CLOSED = ("/scale_elastic_ep", "/is_scaling_elastic_ep", "/kv_event_sources", "/v1/systemone")


async def api_server(
    deployment: Deployment,
    core: EngineCoreClient,
    retry_after_s: Callable[[], float],
    guard: Callable[[FastAPI], None],
) -> tuple[FastAPI, Any]:
    """Build the application that serves a deployment, and the AsyncLLM that it stands on.

    `core` is what reaches the engines, `retry_after_s` says when a refused request may come again,
    and `guard` puts what asks for keys before the application. Changes vLLM for this process.
    """
    _change_vllm(deployment.limits)
    arguments, config = router_config(deployment)
    _fix_grammar_backend(config)
    llm = _async_llm(config, core)
    tasks = await llm.get_supported_tasks()
    app: FastAPI = build_app(arguments, tasks, config.model_config)
    await init_app_state(llm, app.state, arguments, tasks)
    # Routes and handlers first: error_form also clears the stack that vLLM has built around them,
    # and middleware can only be added while there is none.
    model_card.install(app)
    error_form.install(app)
    # Each stands around those before it. The gate is the innermost, so that what it and the
    # application refuse passes through TurnedAway, and HangUp hears Serve's cancelling first.
    guard(app)
    app.add_middleware(BodyLimit, mebibytes=deployment.limits.body_mib)
    app.add_middleware(TurnedAway, wait_s=retry_after_s)
    app.add_middleware(HangUp)
    _close(app, *_CLOSED)
    app.state.server = None  # vLLM stops its own server when an engine dies; ours don't
    return app, llm


def _change_vllm(limits: RequestLimits) -> None:
    """Make the changes that must stand before vLLM reads its config and makes its renderer.

    Their order doesn't matter: each changes another part of vLLM.
    """
    grammars.install()
    parser_tables.install()
    fan_out.install(limits)
    media.install(limits.pixels)
    renderer.install(limits)
    response_items.install()
    service_tier.install()


def _fix_grammar_backend(config: Any) -> None:
    """Have one library enforce all grammars.

    vLLM chooses one a request, and an engine keeps to the first request's for ever. After one
    regex that is xgrammar, which takes Mistral's special tokens for text: from then on chats on
    that rank can leak them, and no tool can be called.
    """
    if config.structured_outputs_config.backend == "auto":
        config.structured_outputs_config.backend = "guidance"


def _async_llm(config: Any, core: EngineCoreClient) -> Any:
    """Make vLLM's AsyncLLM on our engine core.

    Its constructor makes the core by itself, so the factory that it calls is ours meanwhile.
    """

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


def _close(app: FastAPI, *paths: str) -> None:
    """Take vLLM's operators' endpoints from the clients."""
    routes = app.router.routes
    routes[:] = [route for route in routes if getattr(route, "path", None) not in paths]
