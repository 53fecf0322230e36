"""Calls of the API, of every kind, some of whose requests move while they run."""

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.system.moved.answer import joined, lasting
from tests.system.moved.deployment import Clients
from tests.system.moved.mover import Plan, plan
from tests.system.served.deployed import MODEL

Api = Literal["chat", "completion", "response", "message"]
QUESTION: list[Any] = [{"role": "user", "content": "Tell me of the sea."}]
_DEFAULTS: dict[Api, dict[str, Any]] = {
    "chat": {"messages": QUESTION, "max_tokens": 30, "temperature": 0},
    "completion": {"prompt": "The sea is", "max_tokens": 30, "temperature": 0},
    "response": {"input": "Tell me of the sea.", "max_output_tokens": 30, "temperature": 0},
    "message": {"messages": QUESTION, "max_tokens": 30},
}


@dataclass(frozen=True)
class Call:
    """A call of the API: what the clients' methods take, and vLLM's own fields in `extra`."""

    api: Api = "chat"
    asked: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


async def answer(clients: Clients, call: Call, moves: Plan, *, stream: bool) -> dict[str, Any]:
    """Make a call in a task of its own; return what lasts of its answer.

    Raises what the client raises.
    """
    plan.set(moves)
    create: Any = {
        "chat": clients.openai.chat.completions.create,
        "completion": clients.openai.completions.create,
        "response": clients.openai.responses.create,
        "message": clients.anthropic.messages.create,
    }[call.api]
    asked = {"model": MODEL, **_DEFAULTS[call.api], **call.asked, "stream": stream}
    extra = dict(call.extra)
    if call.api == "message":  # whose client has no such argument
        extra.setdefault("temperature", 0)
    if call.api in ("chat", "completion"):
        extra["return_token_ids"] = True
        if stream:
            asked["stream_options"] = {"include_usage": True}
    given = await create(**asked, extra_body=extra)
    if not stream:
        return dict(lasting(given.model_dump(mode="json")))
    return joined([part.model_dump(mode="json") async for part in given])
