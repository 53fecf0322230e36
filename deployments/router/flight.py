"""A request on its way: what the router must know to send it again."""

import asyncio
import copy
from dataclasses import dataclass, field

from vllm.v1.engine import EngineCoreRequest

from deployments.shard.resume import RESUME


@dataclass(slots=True)
class Flight:
    """One request and the tokens it has produced so far, over all the ranks it has been on."""

    request: EngineCoreRequest
    replica: str | None = None  # where it is now; None while it waits for a rank
    attempt: int = 0
    tokens: list[int] = field(default_factory=list)
    sent: asyncio.Event = field(default_factory=asyncio.Event)  # to its first rank

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
