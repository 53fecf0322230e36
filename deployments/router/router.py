"""The router: a Serve ingress replica that serves vLLM's own API over all gangs."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import FastAPI

from configs.deployment import Deployment
from configs.environment import renounce_device
from deployments.autoscaling.router_policy import RouterLoad
from deployments.ray_serve import header_values
from deployments.ray_serve.log import keep_log_open
from deployments.ray_serve.starting import starting
from deployments.router.utilization import Utilization
from deployments.scheduling.routing import Routing


class Guard(Protocol):
    """Keeps out clients that may not send requests."""

    def check(self) -> None:
        """Raise ConfigError if the deployment may not be served where it is."""

    def install(self, app: FastAPI) -> None:
        """Put what refuses requests before the application."""


class Scaler(Protocol):
    """Reports what the number of gangs is decided by."""

    async def run(self, dispatcher: Any) -> None:
        """Report a router's requests for as long as it runs."""


class Successor(Protocol):
    """Hands requests over to the application that takes this one's place."""

    def install(self, app: FastAPI) -> None:
        """Put what hands them over before the application."""

    async def follow(self) -> None:
        """Follow what there is to hand over, for as long as the router runs."""


@dataclass(frozen=True)
class Parts:
    """What a router is handed that knows Serve's handles."""

    guard: Guard
    scaler: Scaler
    successor: Successor


class Router:
    """A Serve replica with tokenizer and config, but no weights; there may be any number."""

    llm: Any = None  # vLLM's AsyncLLM, once the application is built

    def __init__(
        self,
        deployment: Deployment,
        roster: Any,
        parts: Parts,
        route: Routing,
    ) -> None:
        """Check the guard, which may raise ConfigError; `roster` is a Serve handle."""
        parts.guard.check()
        self._deployment = deployment
        self._roster = roster
        self._parts = parts
        self._route = route
        self._utilization = Utilization()
        self._working: set[asyncio.Task[None]] = set()

    async def __serve_build_asgi_app__(self) -> FastAPI:
        keep_log_open()
        header_values.install()
        renounce_device()
        with starting():
            app = await self._build()
        self._start(self._parts.scaler.run(self.llm.engine_core.dispatcher))
        self._start(self._parts.successor.follow())
        if self._deployment.routers.autoscaling is not None:
            self._start(self._utilization.watch())
        return app

    async def _build(self) -> FastAPI:
        from deployments.front_end.app import api_server
        from deployments.identity import identity
        from deployments.router.engine_core import RouterEngineCore

        deployment = self._deployment
        dispatcher = self.dispatcher(await asyncio.to_thread(identity, deployment))
        try:
            app, self.llm = await api_server(
                deployment,
                RouterEngineCore(dispatcher),
                dispatcher.retry_after_s,
                self._install,
            )
        except BaseException:
            await dispatcher.close()
            raise
        return app

    def dispatcher(self, expected: dict[str, str]) -> Any:
        """Make what owns the requests, at ranks of the `expected` identity, in a running loop."""
        from deployments.router.dispatcher import Dispatcher
        from deployments.router.handshake import Handshake

        deployment, roster = self._deployment, Handshake(self._roster, expected)
        return Dispatcher(roster, deployment.survival, deployment.admission, self._route)

    def _install(self, app: FastAPI) -> None:
        self._parts.guard.install(app)
        self._parts.successor.install(app)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._working.add(asyncio.create_task(work))

    def reconfigure(self, user_config: dict[str, str]) -> None:
        """Take Serve's user_config, which counts at the start alone."""

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Return the load that Serve hands to `RouterPolicy`."""
        if self._deployment.routers.autoscaling is None or self.llm is None:
            return {}
        open_requests = self.llm.engine_core.dispatcher.open_requests
        return RouterLoad(open_requests, self._utilization.cpu, self._utilization.lag_s).stats()

    async def check_health(self) -> None:
        if self.llm is not None:
            await self.llm.check_health()
            self.llm.engine_core.dispatcher.check_health()

    def __del__(self) -> None:
        for task in getattr(self, "_working", ()):
            task.cancel()
        if self.llm is not None:
            self.llm.shutdown()
