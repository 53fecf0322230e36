"""A request on its way: what the router must know to send it again."""

import asyncio
import copy
import re
import time
from dataclasses import dataclass, field

from vllm.exceptions import VLLMValidationError
from vllm.v1.engine import EngineCoreRequest
from vllm.v1.serial_utils import MsgpackEncoder

from configs.keys import Key
from deployments.access.caller import Caller
from deployments.scheduling.waiting_line import Ticket, Tier
from deployments.shard.resume import RESUME

_encoder = MsgpackEncoder()
_NUMBER = re.compile(r"^\d+_")  # of an answer, before the id of what asked for `n`
_BEAM = re.compile(r"-[0-9a-f]{16}-beam-\d+-[0-9a-f]{8}$")  # after the id of the search


@dataclass(slots=True)
class Flight:
    """One request and the tokens it has produced so far, over all the ranks it has been on."""

    request: EngineCoreRequest
    caller: Caller | None = None  # None: the deployment is open
    replica: str | None = None  # where it is now; None while it waits for a rank
    attempt: int = 0
    tokens: list[int] = field(default_factory=list)
    sent: asyncio.Event = field(default_factory=asyncio.Event)  # to its first rank, or away
    away: Exception | None = None  # why it gets no rank
    arrived_s: float = field(default_factory=time.monotonic)
    first_token_s: float | None = None
    waits_since_s: float = 0.0  # called back, and has produced nothing since
    patience: asyncio.TimerHandle | None = None  # at its end the request fails
    ticket: Ticket = field(init=False)

    def __post_init__(self) -> None:
        self.ticket = self._ticket()

    def require_sendable(self) -> None:
        """Raises VLLMValidationError for a number that no message can hold."""
        try:
            _encoder.encode([self.request.sampling_params, self.request.reasoning_parser_kwargs])
        except (OverflowError, TypeError, ValueError) as error:
            raise VLLMValidationError(f"A number in the request is too large: {error}") from error

    async def charge_prompt(self) -> None:
        """Raises QuotaError if its key has no tokens left.

        vLLM makes a beam search of a request for each token of each beam: only the first brings a
        prompt, those of the others are answers that have been paid for.
        """
        if self.caller is not None:
            await self.caller.prompt(_BEAM.sub("", self.asked), self.ticket.prompt_tokens)

    def take(self, tokens: list[int]) -> None:
        if self.first_token_s is None and tokens:
            self.first_token_s = time.monotonic()
        self.tokens += tokens
        if self.caller is not None:
            self.caller.answer(len(tokens))

    @property
    def started(self) -> bool:
        """Whether its rank has computed its prompt, and what it had produced before."""
        prompt_tokens = len(self.request.prompt_token_ids or ())
        return prompt_tokens + len(self.tokens) > self.ticket.prompt_tokens

    def call_back(self, now_s: float) -> None:
        """From its rank: what it has produced is prefilled at the next one."""
        if self.started or not self.waits_since_s:
            self.waits_since_s = now_s
        self.replica = None
        self.attempt += 1
        before = self.ticket
        self.ticket = self._ticket()
        self.ticket.turn, self.ticket.lone = before.turn, before.lone
        self.ticket.blocks = before.blocks

    def _ticket(self) -> Ticket:
        request, produced = self.request, len(self.tokens)
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
        """The same for all `n` answers to a prompt, and for no other request.

        Not vLLM's `external_req_id`, which clients may choose.
        """
        return _NUMBER.sub("", self.request.request_id)

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
        # Within a rank, too, a better class goes first, and in it who has but this one request.
        message.priority = 2 * self.ticket.tier + (not self.ticket.lone)
        if self.tokens and message.sampling_params is not None:
            params = message.sampling_params.clone()
            params.extra_args = {**(params.extra_args or {}), RESUME: self.tokens}
            params.prompt_logprobs = None  # the client has them
            message.sampling_params = params
        return message


def _tier(priority: int, key: Key | None) -> Tier:
    """vLLM's `priority` is the lower the sooner. Nobody goes before the class of their key."""
    asked = None if priority == 0 else Tier.INTERACTIVE if priority < 0 else Tier.BATCH
    if key is None:
        return Tier.STANDARD if asked is None else asked
    return max(Tier[key.tier.upper()], asked or Tier.INTERACTIVE)
