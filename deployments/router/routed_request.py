"""A request as the router keeps it: all that is needed to send it to another rank."""

import asyncio
import copy
import re
import time
from dataclasses import dataclass, field

from vllm.exceptions import VLLMValidationError
from vllm.v1.engine import EngineCoreRequest
from vllm.v1.serial_utils import MsgpackEncoder

from configs.keys import Key
from configs.tier import Tier
from deployments.access.caller import Caller
from deployments.scheduling.ticket import Ticket
from deployments.wire.resumed_tokens import RESUME

_encoder = MsgpackEncoder()
_NUMBER = re.compile(r"^\d+_")  # of an answer, before the id of what asked for `n`
_BEAM = re.compile(r"-[0-9a-f]{16}-beam-\d+-[0-9a-f]{8}$")  # after the id of the search


@dataclass(slots=True, eq=False)
class RoutedRequest:
    """One request and the tokens it has produced so far, over all the ranks it has been on.

    It waits (`replica` is None), is at a rank, and waits again if that rank is lost or it must give
    way. Times are seconds of the dispatcher's clock.
    """

    request: EngineCoreRequest
    caller: Caller | None = None  # None: the deployment is open
    arrived_s: float = field(default_factory=time.monotonic)
    replica: str | None = None  # where it is now
    attempt: int = 0
    tokens: list[int] = field(default_factory=list)
    # Made by the dispatcher. Done when it goes to its first rank; an exception says why to none.
    placed: asyncio.Future[None] = field(init=False)
    first_token_s: float | None = None
    waits_since_s: float = field(init=False)  # or waited, before it came to this rank
    deadline: asyncio.TimerHandle | None = None  # while it waits
    ticket: Ticket = field(init=False)

    def __post_init__(self) -> None:
        self.waits_since_s = self.arrived_s
        self.ticket = self._ticket()

    def require_sendable(self) -> None:
        """Raise VLLMValidationError for a number that no message can hold."""
        try:
            _encoder.encode([self.request.sampling_params, self.request.reasoning_parser_kwargs])
        except (OverflowError, TypeError, ValueError) as error:
            raise VLLMValidationError(f"A number in the request is too large: {error}") from error

    async def charge_prompt(self) -> None:
        """Charge the request's key for the prompt; raises QuotaError if it has no tokens left.

        vLLM makes a beam search of a request for each token of each beam: only the first brings a
        prompt, those of the others are answers that have been paid for.
        """
        if self.caller is not None:
            await self.caller.prompt(_BEAM.sub("", self.asked), self.ticket.prompt_tokens)

    def send_to(self, replica: str) -> None:
        """Note that the request goes to that rank, and waits no longer."""
        self.replica = replica
        self.stop_waiting()

    def stop_waiting(self) -> None:
        """Let whoever awaits the first rank go on, without one if the request has ended."""
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        if not self.placed.done():
            self.placed.set_result(None)

    def take(self, tokens: list[int], now_s: float) -> None:
        """Keep tokens that a rank has produced, and charge the request's key for them."""
        if self.first_token_s is None and tokens:
            self.first_token_s = now_s
        self.tokens += tokens
        if self.caller is not None:
            self.caller.answer(len(tokens))

    @property
    def id(self) -> str:
        """The front end's id, the same on all ranks."""
        return str(self.request.request_id)

    @property
    def produced(self) -> int:
        """Tokens of the answer so far."""
        return len(self.tokens)

    @property
    def started(self) -> bool:
        """Whether its rank has computed its prompt, and what it had produced before."""
        prompt_tokens = len(self.request.prompt_token_ids or ())
        return prompt_tokens + self.produced > self.ticket.prompt_tokens

    def requeue(self, now_s: float) -> None:
        """Take it back from its rank: what it has produced is prefilled at the next one.

        The time that it has waited runs on if this rank brought it no further than the last one.
        """
        if self.started or not self.attempt:
            self.waits_since_s = now_s
        self.replica = None
        self.attempt += 1
        before = self.ticket
        self.ticket = self._ticket()
        self.ticket.start_tag, self.ticket.sparse = before.start_tag, before.sparse
        self.ticket.blocks = before.blocks

    def _ticket(self) -> Ticket:
        request, produced = self.request, self.produced
        params = request.sampling_params
        key = self.caller.key if self.caller else None
        return Ticket(
            request_id=request.request_id,
            tier=_tier(request.priority, key),
            key=key.name if key else "",
            prompt_tokens=len(request.prompt_token_ids or ()) + produced,
            max_tokens=((params and params.max_tokens) or 1) - produced,
            weight=key.weight if key else 1.0,
        )

    @property
    def asked(self) -> str:
        """An id that all `n` answers to a prompt share, and no other request.

        Not vLLM's `external_req_id`, which clients may choose.
        """
        return _NUMBER.sub("", self.request.request_id)

    @property
    def wire_id(self) -> str:
        """The id at its rank, another for each attempt: late words of an earlier match nothing."""
        return f"{self.request.request_id}/{self.attempt}"

    def message(self) -> EngineCoreRequest:
        """Make the request to send now: the original, or its continuation.

        A continuation carries the tokens produced so far as *output*: the shard's engine takes
        them up where the lost one left off (`deployments.shard.resume`), so penalties, minimum
        and maximum length, seeds and grammars go on as if nothing had happened.
        """
        message = copy.copy(self.request)
        message.request_id = self.wire_id
        # Within a rank, too, a better class goes first, and in it a key's only request.
        message.priority = 2 * self.ticket.tier + (not self.ticket.sparse)
        if self.tokens and message.sampling_params is not None:
            params = message.sampling_params.clone()
            params.extra_args = {**(params.extra_args or {}), RESUME: self.tokens}
            params.prompt_logprobs = None  # the client has them
            message.sampling_params = params
        return message


def _tier(priority: int, key: Key | None) -> Tier:
    """Choose the class by vLLM's `priority`, the lower the sooner, but none above the key's own."""
    asked = None if priority == 0 else Tier.INTERACTIVE if priority < 0 else Tier.BATCH
    if key is None:
        return Tier.STANDARD if asked is None else asked
    return max(key.tier, asked or Tier.INTERACTIVE)
