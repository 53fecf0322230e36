"""How much work a rank has, and whether it has room for more: admission by tokens."""

from dataclasses import dataclass

from deployments.scheduling.ticket import Ticket
from deployments.wire.blocks import in_blocks


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one rank is given, so that its engine neither queues nor preempts."""

    sequences: int
    prefill_tokens: int  # of prompts yet to be computed, for another to be admitted
    kv_tokens: int  # of prompts, and answers as long as they are expected to get
    block_tokens: int = 1  # the cache is given out in blocks
    reserve: float = 0.0  # share of sequences and cache, for requests that are their key's only one


@dataclass(slots=True)
class RankLoad:
    """One rank as scheduling sees it: what the rank reports, and what is on its way there."""

    replica: str
    limits: Limits
    bit: int = 0  # stands for the rank in `PrefixIndex`
    sequences: int = 0
    prefill_tokens: int = 0
    promised_tokens: int = 0  # of the KV cache
    answer_tokens: int = 1024  # few of the rank's answers are longer
    on_trial: bool = False  # it has a suspect

    def admits(self, ticket: Ticket) -> bool:
        """Tell whether the rank has room for a request.

        An idle rank takes any request, for one that is larger than a budget must go somewhere. The
        prefill budget bounds the tokens ahead of a prompt, without the prompt's own. Otherwise a
        long prompt, first in the line, would keep all others from ranks that have little to do. A
        key's only request is exempt from this budget, for its prompt is the engine's next. Of
        suspects it takes one at a time.
        """
        if ticket.suspect and self.on_trial:
            return False
        if not self.sequences:
            return True
        limits = self.limits
        share = 1.0 if ticket.sparse or not ticket.key else 1.0 - limits.reserve
        return (
            self.sequences + 1 <= share * limits.sequences
            and (ticket.sparse or self.prefill_tokens < limits.prefill_tokens)
            and self.promised_tokens + self.promise(ticket) <= share * limits.kv_tokens
        )

    def take(self, ticket: Ticket) -> None:
        """Count a request that goes to the rank."""
        self.on_trial |= ticket.suspect
        self.sequences += 1
        self.prefill_tokens += ticket.prefill_tokens
        self.promised_tokens += self.promise(ticket)

    def release(self, ticket: Ticket, started: bool) -> None:
        """Stop counting a request that leaves; one that has `started` is prefilled already.

        The rank may have computed a part of a prompt that hasn't started, and no longer counts that
        part. So the numbers are kept from falling below 0.
        """
        self.sequences -= 1
        if not started:
            self.prefill_tokens = max(0, self.prefill_tokens - ticket.prefill_tokens)
        self.promised_tokens = max(0, self.promised_tokens - self.promise(ticket))

    def promise(self, ticket: Ticket) -> int:
        """Return the KV cache, in tokens, that a request is counted for."""
        tokens = ticket.prompt_tokens + min(ticket.max_tokens, self.answer_tokens)
        return in_blocks(tokens, self.limits.block_tokens)

    def report(
        self, sequences: int, prefill_tokens: int, promised_tokens: int, answer_tokens: int
    ) -> None:
        """Take the rank's own numbers for everything that it has heard of."""
        self.sequences = sequences
        self.prefill_tokens = prefill_tokens
        self.promised_tokens = promised_tokens
        self.answer_tokens = answer_tokens
