"""A request as the router keeps it, with all that is needed to send it to another rank."""

import asyncio
import copy
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from vllm.exceptions import VLLMValidationError
from vllm.sampling_params import SamplingType
from vllm.v1.engine import EngineCoreRequest
from vllm.v1.serial_utils import MsgpackEncoder

from configs.errors import RefusedError
from configs.keys import Key
from configs.tier import Tier
from deployments.access.caller import Caller
from deployments.scheduling.blame import CLEARED_AFTER_TOKENS
from deployments.scheduling.ticket import Ticket
from deployments.wire.resumed_tokens import RESUME

OnEnd = Callable[[RefusedError], None]

_encoder = MsgpackEncoder()
_NUMBER = re.compile(r"^\d+_")  # of a sibling, before the id that all `n` share
_BEAM = re.compile(r"-[0-9a-f]{16}-beam-\d+-[0-9a-f]{8}$")  # after the id of a beam search


@dataclass(slots=True, eq=False)
class RoutedRequest:
    """One request and the tokens it has produced so far, over all the ranks it has been on.

    It waits (`replica` is None), is at a rank, and waits again if it is requeued: because that rank
    is lost, or because a better class needs its place. Times are seconds of the dispatcher's clock.
    """

    request: EngineCoreRequest
    arrived_s: float
    caller: Caller | None = None  # None: the deployment is open
    on_end: OnEnd | None = None  # is told why, if the dispatcher ends the answer
    replica: str | None = None  # where it is now
    gang: str = ""  # where it is, or was last
    suspect: bool = False  # it may be what ended that gang (`deployments.scheduling.blame`)
    brought_tokens: int = 0  # that it had when it came to this rank
    resumes_seeds: bool = True  # whether that rank's random numbers can be taken up by another
    attempt: int = 0
    tokens: list[int] = field(default_factory=list)
    # Made by the dispatcher. Done when the request goes to its first rank or ends without one; an
    # exception says why it is refused.
    placed: asyncio.Future[None] = field(init=False)
    first_token_s: float | None = None
    waits_since_s: float = field(init=False)  # or waited, before it came to this rank
    deadline: asyncio.TimerHandle | None = None  # while it waits
    ticket: Ticket = field(init=False)

    def __post_init__(self) -> None:
        self.waits_since_s = self.arrived_s
        self.ticket = self._ticket()

    def require_sendable(self) -> None:
        """Raise VLLMValidationError if the request has a number that no message can hold."""
        try:
            _encoder.encode([self.request.sampling_params, self.request.reasoning_parser_kwargs])
        except (OverflowError, TypeError, ValueError) as error:
            raise VLLMValidationError(f"A number in the request is too large: {error}") from error

    async def charge_prompt(self) -> None:
        """Charge the request's key for the prompt.

        Raises QuotaError if the key has no tokens left. vLLM sends a request for each token of each
        beam of a beam search: only the first one's prompt is charged. The prompts of the others end
        in answers, which have been paid for.
        """
        if self.caller is not None:
            await self.caller.prompt(_BEAM.sub("", self.asked), self.ticket.prompt_tokens)

    def send_to(self, replica: str, gang: str) -> None:
        """Note that the request goes to that rank and no longer waits."""
        self.replica, self.gang = replica, gang
        self.brought_tokens = self.produced
        self.stop_waiting()

    @property
    def cleared(self) -> bool:
        """Whether this rank has taken the request further than the one that it may have ended."""
        return self.produced >= self.brought_tokens + CLEARED_AFTER_TOKENS

    def cancel_deadline(self) -> None:
        """Stop the timer that would give the request up."""
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def stop_waiting(self) -> None:
        """Cancel the deadline, and complete `placed` unless it is done."""
        self.cancel_deadline()
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
        """The front end's id of the request, the same on all ranks."""
        return str(self.request.request_id)

    @property
    def produced(self) -> int:
        """Number of tokens of the answer so far."""
        return len(self.tokens)

    @property
    def started(self) -> bool:
        """Whether its rank has computed the prompt and the tokens of earlier ranks."""
        prompt_tokens = len(self.request.prompt_token_ids or ())
        return prompt_tokens + self.produced > self.ticket.prompt_tokens

    @property
    def movable(self) -> bool:
        """Whether another rank would go on as this one would have.

        Without tokens it begins anew there, and without a seed no random number is due.
        """
        params = self.request.sampling_params
        seeded = params is not None and params.sampling_type is SamplingType.RANDOM_SEED
        return self.resumes_seeds or not seeded or not self.tokens

    def requeue(self, now_s: float, *, moved: bool) -> None:
        """Take the request back from its rank: the next rank prefills what it has produced.

        It is `moved` if the rank is lost.

        The time that it has waited runs on if this rank brought it no further than the one before.
        """
        if self.started or not self.attempt:
            self.waits_since_s = now_s
        self.replica = None
        self.attempt += 1
        before = self.ticket
        self.ticket = self._ticket()
        self.ticket.moved = moved or before.moved
        self.ticket.suspect = self.suspect
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
        """An id that all `n` siblings of a prompt share, and no other request.

        It isn't vLLM's `external_req_id`, which clients may choose.
        """
        return _NUMBER.sub("", self.request.request_id)

    @property
    def wire_id(self) -> str:
        """The id at its rank, a new one per attempt: late outputs of earlier ones match nothing."""
        return f"{self.request.request_id}/{self.attempt}"

    def message(self) -> EngineCoreRequest:
        """Make the request to send now: the original, or its continuation.

        A continuation carries the tokens produced so far as *output*: the shard's engine resumes
        where the lost one stopped (`deployments.shard.resume`), so penalties, minimum and maximum
        length, seeds and grammars continue unchanged.
        """
        message = copy.copy(self.request)
        message.request_id = self.wire_id
        # Within a rank, too, a better class goes first, and within a class a key's only request.
        message.priority = 2 * self.ticket.tier + (not self.ticket.sparse)
        if self.tokens and message.sampling_params is not None:
            params = message.sampling_params.clone()
            params.extra_args = {**(params.extra_args or {}), RESUME: self.tokens}
            params.prompt_logprobs = None  # the client has them
            message.sampling_params = params
        return message


def _tier(priority: int, key: Key | None) -> Tier:
    """Choose the class by vLLM's `priority`, where less is sooner, but none above the key's own."""
    asked = None if priority == 0 else Tier.INTERACTIVE if priority < 0 else Tier.BATCH
    if key is None:
        return Tier.STANDARD if asked is None else asked
    return max(key.tier, asked or Tier.INTERACTIVE)
