"""Builds vLLM's own API server, with all that small4 changes in it. Read from vLLM 0.32."""

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
from deployments.front_end import error_form, model_card
from deployments.front_end.answers import (
    broken_off,
    detokenizer,
    finish_reasons,
    incomplete_responses,
    parser,
    parser_tables,
    unread,
)
from deployments.front_end.forms import grammars
from deployments.front_end.images import media
from deployments.front_end.middleware import cors
from deployments.front_end.middleware.body_limit import BodyLimit
from deployments.front_end.middleware.effort_used import EffortUsed
from deployments.front_end.middleware.hang_up import HangUp
from deployments.front_end.middleware.head import Head
from deployments.front_end.middleware.time_limit import TimeLimit
from deployments.front_end.middleware.turned_away import TurnedAway
from deployments.front_end.requests import (
    effort,
    fan_out,
    renderer,
    response_items,
    service_tier,
    tool_results,
)
from deployments.vllm_config import router_config

# vLLM's endpoints for operators (here Serve scales gangs), and one that this model can't serve.
_CLOSED = ("/scale_elastic_ep", "/is_scaling_elastic_ep", "/kv_event_sources", "/v1/systemone")


async def api_server(
    deployment: Deployment,
    core: EngineCoreClient,
    retry_after_s: Callable[[], float],
    guard: Callable[[FastAPI], None],
) -> tuple[FastAPI, Any]:
    """Build the application that serves a deployment, and the AsyncLLM that it stands on.

    `core` reaches the engines, `retry_after_s` says when to send a refused request again, and
    `guard` adds the middleware that asks for keys. Changes vLLM for this process.
    """
    _change_vllm(deployment)
    arguments, config = router_config(deployment)
    _fix_grammar_backend(config)
    llm = _async_llm(config, core)
    unread.install(llm.output_processor, deployment.limits.unread_tokens)
    tasks = await llm.get_supported_tasks()
    app: FastAPI = build_app(arguments, tasks, config.model_config)
    await init_app_state(llm, app.state, arguments, tasks)
    # Routes and handlers first: error_form also clears the stack that vLLM has built around them,
    # and middleware can only be added while there is none.
    model_card.install(app)
    error_form.install(app)
    add_middleware(app, deployment.limits, retry_after_s, guard)
    _close(app, *_CLOSED)
    app.state.server = None  # vLLM stops its own server when an engine dies; ours don't
    return app, llm


def add_middleware(
    app: FastAPI,
    limits: RequestLimits,
    retry_after_s: Callable[[], float],
    guard: Callable[[FastAPI], None],
) -> None:
    """Put small4's middleware, and what `guard` adds, around the application.

    Each stands around those added before it. Of these, what `guard` adds is the innermost, so that
    its refusals and the application's pass through TurnedAway. HangUp is the outermost: it must
    see Serve's cancellation before the others do.
    """
    guard(app)
    app.add_middleware(BodyLimit, mebibytes=limits.body_mib)
    app.add_middleware(EffortUsed)
    app.add_middleware(TurnedAway, retry_after_s=retry_after_s)
    app.add_middleware(TimeLimit, limit_s=limits.request_s)
    app.add_middleware(Head)
    cors.take_outside(app)
    app.add_middleware(HangUp)


def _change_vllm(deployment: Deployment) -> None:
    """Make the changes that must stand before vLLM reads its config and makes its renderer.

    Their order doesn't matter: each changes another part of vLLM.
    """
    limits = deployment.limits
    grammars.install()
    parser_tables.install()
    if _reads_mistral(deployment):
        detokenizer.install()
        parser.install()
        finish_reasons.install()
    fan_out.install(limits)
    media.install(limits.pixels)
    renderer.install(limits)
    response_items.install()
    incomplete_responses.install()
    broken_off.install()
    service_tier.install()
    effort.install(strict=deployment.model.reasoning_effort == "strict")
    tool_results.install()


def _reads_mistral(deployment: Deployment) -> bool:
    """Tell whether vLLM's parsers are Mistral's, as they are unless the config names others."""
    given = {**deployment.engine, **deployment.frontend}
    return all(
        given.get(name, "mistral") == "mistral" for name in ("reasoning_parser", "tool_call_parser")
    )


def _fix_grammar_backend(config: Any) -> None:
    """Have one library enforce all grammars.

    vLLM chooses a library for each request, but an engine keeps the first request's for ever. If
    that request has a regex, the library is xgrammar, which takes Mistral's special tokens for
    text. From then on chats on that rank can leak them, and no tool can be called.
    """
    if config.structured_outputs_config.backend == "auto":
        config.structured_outputs_config.backend = "guidance"


def _async_llm(config: Any, core: EngineCoreClient) -> Any:
    """Make vLLM's AsyncLLM on our engine core.

    Its constructor makes the core itself, so the factory that it calls is replaced meanwhile.
    """

    class OurCore(async_llm.EngineCoreClient):
        @staticmethod
        def make_async_mp_client(**_: Any) -> Any:
            return core

    vllm_client, async_llm.EngineCoreClient = async_llm.EngineCoreClient, OurCore
    try:
        return async_llm.AsyncLLM(
            config, Executor.get_class(config), log_stats=True, log_requests=False
        )
    finally:
        async_llm.EngineCoreClient = vllm_client


def _close(app: FastAPI, *paths: str) -> None:
    """Remove the routes with these paths."""
    routes = app.router.routes
    routes[:] = [route for route in routes if getattr(route, "path", None) not in paths]
