"""How full engines are kept, and how long requests wait."""

from typing import Annotated

from pydantic import Field

from configs.schema import PositiveInt, PositiveSeconds, Strict
from configs.tier import Tier


class Waits(Strict):
    """How long a request of each priority class waits in a router before it is refused."""

    interactive_s: PositiveSeconds = 30
    standard_s: PositiveSeconds = 120
    batch_s: PositiveSeconds = 3600

    def of(self, tier: Tier) -> float:
        """Return how many seconds a request of this class waits."""
        return (self.interactive_s, self.standard_s, self.batch_s)[tier]


class Admission(Strict):
    """How full an engine is kept; requests that don't fit wait in the router.

    The defaults suit nano and real gangs alike, since they are relative to the engine's own
    `max_num_batched_tokens`, `max_num_seqs` and KV cache.
    """

    prefill_steps: Annotated[float, Field(gt=0)] = Field(
        default=4,
        description="Prompt tokens that a rank has before it when it is given another prompt, in "
        "full steps of its engine. Less than 1 leaves steps unfilled; with few, ranks of a gang "
        "can't even out long prompts; with many, what comes later finds other ranks with less.",
    )
    kv_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.95,
        description="Of a rank's KV cache that is promised to requests, by prompt and expected "
        "answer. Lower it if `vllm:num_preemptions` grows.",
    )
    reserve: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0625,
        description="Of a rank's sequences and KV cache, kept for keys that have no request "
        "running, so that their first needn't wait for another key's to end. None without keys.",
    )
    max_waiting: PositiveInt = Field(
        default=2048,
        description="Requests that wait in one router; beyond them the newest of the lowest class "
        "is refused with 429.",
    )
    waits: Waits = Waits()
