"""One simulated request, from its arrival to its last token."""

from dataclasses import dataclass, field

from configs.tier import Tier
from deployments.scheduling.ticket import Ticket


@dataclass(slots=True, eq=False)
class Request:
    """One simulated request, with the `ticket` that the router would make of it.

    The router doesn't know `answer_tokens`, only `most_tokens`.
    """

    number: int
    at_s: float
    tier: Tier
    prompt_tokens: int
    answer_tokens: int
    most_tokens: int  # max_tokens
    produced: int = 0
    first_at_s: float | None = None
    done_at_s: float | None = None
    refused_at_s: float | None = None
    ticket: Ticket = field(init=False)

    def __post_init__(self) -> None:
        self.ticket = self._ticket()

    def requeue(self) -> None:
        """Renew the ticket: tokens that were produced are prefilled at the next rank."""
        before = self.ticket
        self.ticket = self._ticket()
        self.ticket.start_tag, self.ticket.sparse = before.start_tag, before.sparse

    def _ticket(self) -> Ticket:
        return Ticket(
            request_id=str(self.number),
            tier=self.tier,
            key="",
            prompt_tokens=self.prompt_tokens + self.produced,
            max_tokens=self.most_tokens - self.produced,
        )

    @property
    def ttft_s(self) -> float | None:
        return None if self.first_at_s is None else self.first_at_s - self.at_s

    @property
    def tpot_s(self) -> float | None:
        """Seconds per token after the first; None until the end, 0 for an answer of one token."""
        if self.first_at_s is None or self.done_at_s is None:
            return None
        return (self.done_at_s - self.first_at_s) / max(1, self.answer_tokens - 1)

    def good(self, ttft_s: float, tpot_s: float) -> bool:
        """Tell whether the request was answered within the targets."""
        ttft, tpot = self.ttft_s, self.tpot_s
        return ttft is not None and tpot is not None and ttft <= ttft_s and tpot <= tpot_s
