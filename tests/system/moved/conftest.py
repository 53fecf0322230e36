"""Routers over one rank each, for as long as the tests of a module run."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.system.moved.deployment import Clients, deployed
from tests.system.moved.kinds import CONTEXT

Given = TypeVar("Given")


@dataclass
class Scene:
    """A running deployment, and the event loop that it runs in."""

    clients: Clients
    runner: asyncio.Runner

    def play(self, scene: Callable[[Clients], Coroutine[Any, Any, Given]]) -> Given:
        return self.runner.run(asyncio.wait_for(scene(self.clients), timeout=120))


def running(source: str, **engine: Any) -> Iterator[Scene]:
    """Run a deployment whose steps are shorter than many prompts and answers."""
    limits = {"max_model_len": CONTEXT, "max_num_batched_tokens": 64, "max_num_seqs": 32}
    stack = AsyncExitStack()
    with asyncio.Runner() as runner:
        entering = stack.enter_async_context(deployed(source, **limits, **engine))
        try:
            yield Scene(runner.run(entering), runner)
        finally:
            runner.run(stack.aclose())
