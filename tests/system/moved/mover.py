"""A dispatcher that takes requests back from their rank after so many tokens, as a test plans."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from vllm.v1.engine import EngineCoreOutputs, EngineCoreRequest

from deployments.access.caller import Caller
from deployments.router.dispatcher import Dispatcher
from deployments.router.routed_request import OnEnd


@dataclass
class Journey:
    """What became of one engine request of a call."""

    tokens: int = 0
    steps: int = 0  # that brought them
    moved: list[int] = field(default_factory=list)  # after so many tokens


@dataclass
class Plan:
    """After how many tokens the requests of an API call move, and the journeys that they made."""

    moves: tuple[int, ...] = ()
    journeys: dict[str, Journey] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Tokens of the shortest answer."""
        return min(journey.tokens for journey in self.journeys.values())

    def due(self, journey: Journey) -> bool:
        done = len(journey.moved)
        return done < len(self.moves) and journey.tokens >= self.moves[done]


plan: ContextVar[Plan] = ContextVar("plan")  # of the API call that is being made


class Mover(Dispatcher):
    """Moves the requests of each API call by the call's plan.

    A request that moves has the tokens of all steps so far. What its rank computes until it hears
    of the move is dropped.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._plans: dict[str, Plan] = {}

    async def place(
        self, request: EngineCoreRequest, caller: Caller | None, on_end: OnEnd | None = None
    ) -> None:
        """Place a request, and move it if its plan says so before its first token."""
        request_id = request.request_id
        self._plans[request_id] = plan.get()
        self._plans[request_id].journeys[request_id] = Journey()
        await super().place(request, caller, on_end)
        self._move(request_id)

    def take_outputs(self, step: EngineCoreOutputs) -> None:
        """Take a step's outputs, then move the requests that are due."""
        came = [request_id for output in step.outputs if (request_id := self._note(output))]
        super().take_outputs(step)
        for request_id in came:
            self._move(request_id)

    def _note(self, output: Any) -> str | None:
        """Count an output's tokens; return its request, or None if it was sent before a move."""
        request_id, _, attempt = output.request_id.rpartition("/")
        journey = self._plans[request_id].journeys[request_id]
        if int(attempt) != len(journey.moved):
            return None
        journey.tokens += len(output.new_token_ids)
        journey.steps += 1
        return str(request_id)

    def _move(self, request_id: str) -> None:
        plan = self._plans[request_id]
        journey = plan.journeys[request_id]
        if plan.due(journey) and self.requeue(request_id):
            journey.moved.append(journey.tokens)
