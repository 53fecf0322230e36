"""A request as scheduling sees it: its class, its key, and how much work it is."""

from dataclasses import dataclass, field

from configs.tier import Tier


@dataclass(slots=True, eq=False)
class Ticket:
    """One request that waits in the line or is at a rank.

    `start_tag` and `sparse` are set when it joins the line, `cached_tokens` when it leaves.
    """

    request_id: str
    tier: Tier
    key: str
    prompt_tokens: int
    max_tokens: int  # of the answer
    weight: float = 1.0
    blocks: tuple[int, ...] = ()  # hashes of the prompt's blocks
    moved: bool = False  # its gang was lost
    suspect: bool = False  # it may be what ended that gang (`deployments.scheduling.blame`)
    start_tag: float = field(default=0.0, init=False)
    sparse: bool = field(default=False, init=False)  # its key has no other open request
    cached_tokens: int = field(default=0, init=False)  # of the prompt, at the rank it goes to

    @property
    def prefill_tokens(self) -> int:
        """Prompt tokens that the rank has to compute, because it hasn't cached them."""
        return self.prompt_tokens - self.cached_tokens
