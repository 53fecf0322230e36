"""vLLM's engine-core client over all gangs: the front end sees one engine that never dies.

Tokens pass here, not text. The dispatcher decides what becomes of a request. Read from vLLM 0.32.
"""

import asyncio
from contextvars import copy_context
from types import SimpleNamespace

from vllm.v1.engine import EngineCoreOutputs, EngineCoreRequest
from vllm.v1.engine.core_client import EngineCoreClient

from configs.errors import RefusedError
from deployments.access.caller import caller
from deployments.front_end.middleware.turned_away import turn_away
from deployments.front_end.refusals import as_vllm_error
from deployments.router.complete_request import complete_request
from deployments.router.dispatcher import Dispatcher


class RouterEngineCore(EngineCoreClient):
    """The dispatcher, as vLLM's AsyncLLM calls it. Must be made in a running event loop."""

    # vLLM's AsyncLLM looks these up: one engine, never dead.
    engine_ranks_managed = (0,)
    resources = SimpleNamespace(engine_dead=False)

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self.closing: asyncio.Task[None] | None = None

    async def add_request_async(self, request: EngineCoreRequest) -> None:
        complete_request(request)
        try:
            # Ranks may fail the request later, outside of what is called here.
            context = copy_context()
            await self.dispatcher.place(
                request, caller.get(), lambda refused: context.run(turn_away, refused)
            )
        except RefusedError as refused:
            turn_away(refused)
            raise as_vllm_error(refused) from None

    async def abort_requests_async(self, request_ids: list[str]) -> None:
        self.dispatcher.abort(request_ids)

    async def get_output_async(self) -> EngineCoreOutputs:
        return await self.dispatcher.outputs.get()

    async def get_supported_tasks_async(self) -> tuple[str, ...]:
        return ("generate",)  # known of this model before any rank is up

    def dp_engines_running(self) -> bool:
        return self.dispatcher.open_requests > 0

    async def reset_mm_cache_async(self) -> None:
        """Do nothing: ranks keep no cache of images; the front end's own is vLLM's to clear."""

    def shutdown(self, timeout: float | None = None) -> None:
        self.closing = asyncio.create_task(self.dispatcher.close())
