"""A request on its way: what the router must know to send it again."""

import asyncio
import copy
from dataclasses import dataclass, field

from vllm.v1.engine import EngineCoreRequest

from deployments.router.waiting_line import Ticket, Tier
from deployments.shard.resume import RESUME


@dataclass(slots=True)
class Flight:
    """One request and the tokens it has produced so far, over all the ranks it has been on."""

    request: EngineCoreRequest
    replica: str | None = None  # where it is now; None while it waits for a rank
    attempt: int = 0
    tokens: list[int] = field(default_factory=list)
    sent: asyncio.Event = field(default_factory=asyncio.Event)  # to its first rank
    ticket: Ticket = field(init=False)

    def __post_init__(self) -> None:
        self.ticket = self._ticket()

    def call_back(self) -> None:
        """Its rank is lost: what it has produced is prefilled at the next one."""
        self.replica = None
        self.attempt += 1
        turn = self.ticket.turn
        self.ticket = self._ticket()
        self.ticket.turn = turn

    def _ticket(self) -> Ticket:
        """vLLM's `priority` is the lower the sooner."""
        request, produced = self.request, len(self.tokens)
        tier = Tier.STANDARD
        if request.priority:
            tier = Tier.INTERACTIVE if request.priority < 0 else Tier.BATCH
        params = request.sampling_params
        return Ticket(
            request_id=request.request_id,
            tier=tier,
            key="",
            prompt_tokens=len(request.prompt_token_ids or ()) + produced,
            max_tokens=((params and params.max_tokens) or 1) - produced,
        )

    @property
    def wire_id(self) -> str:
        """Differs by attempt, so that a rank's late words about an earlier one match nothing."""
        return f"{self.request.request_id}/{self.attempt}"

    def message(self) -> EngineCoreRequest:
        """The request to send now: the original, or its continuation.

        A continuation carries the tokens produced so far as *output*: the shard's engine takes
        them up where the lost one left off (`deployments.shard.resume`), so penalties, minimum
        and maximum length, seeds and grammars go on as if nothing had happened.
        """
        message = copy.copy(self.request)
        message.request_id = self.wire_id
        if self.tokens and message.sampling_params is not None:
            params = message.sampling_params.clone()
            params.extra_args = {**(params.extra_args or {}), RESUME: self.tokens}
            params.prompt_logprobs = None  # the client has them
            message.sampling_params = params
        return message
