"""A request as scheduling sees it: whose it is, and how much work."""

from dataclasses import dataclass, field

from configs.tier import Tier


@dataclass(slots=True, eq=False)
class Ticket:
    """One waiting request.

    `start_tag` and `sparse` are set when it joins the line, `cached_tokens` when it leaves.
    """

    request_id: str
    tier: Tier
    key: str
    prompt_tokens: int
    max_tokens: int  # of the answer
    weight: float = 1.0
    blocks: tuple[int, ...] = ()  # hashes of the prompt's
    start_tag: float = field(default=0.0, init=False)
    sparse: bool = field(default=False, init=False)  # its key has no other
    cached_tokens: int = field(default=0, init=False)  # of the prompt, at the rank it goes to

    @property
    def prefill_tokens(self) -> int:
        """What that rank has to compute of the prompt."""
        return self.prompt_tokens - self.cached_tokens
