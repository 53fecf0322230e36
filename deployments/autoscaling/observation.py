"""What routers and ranks report, as the policy sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from configs.tier import Tier


@dataclass(frozen=True, slots=True)
class ClassLoad:
    """Requests of one priority class, over all routers."""

    queued_requests: int = 0
    queued_tokens: int = 0  # KV cache that the queued requests will be promised
    oldest_s: float = 0.0  # how long the first of the queued has waited
    running: int = 0  # sequences at ranks, of draining gangs too
    arrivals_per_s: float = 0.0  # of the last RATE_S


# Seconds over which arrivals are counted.
RATE_S = 10.0


@dataclass(frozen=True, slots=True)
class GangCount:
    """Numbers of gangs by their state; a gang of which a rank is missing counts as starting."""

    up: int = 0
    starting: int = 0
    draining: int = 0

    @property
    def staying(self) -> int:
        return self.up + self.starting


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds that a rank's step takes, by what is in it."""

    base_s: float
    sequence_s: float  # for each sequence that gets a token
    prefill_token_s: float  # for each token of prompts


@dataclass(frozen=True, slots=True)
class Capacity:
    """Capacity of one gang; `sequences` and `kv_tokens` are sums over its ranks."""

    sequences: int
    kv_tokens: int
    ranks: int = 1
    step: StepTime | None = None  # fitted to steps that were timed; None: none yet
    start_s: float | None = None  # measured, from asking for a gang until it is up


@dataclass(frozen=True, slots=True)
class Lengths:
    """Means over recent requests, in tokens; 0 until a request was seen."""

    prefill_tokens: float = 0.0  # of a prompt, without what was cached
    prompt_tokens: float = 0.0
    answer_tokens: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at the deployment. All times are on the same clock."""

    now_s: float
    gangs: GangCount
    capacity: Capacity | None = None  # None: no gang was ever seen
    classes: Mapping[Tier, ClassLoad] = field(default_factory=dict)
    lengths: Lengths = Lengths()
    kv_tokens: int = 0  # in use, over all ranks
    prefill_tokens: int = 0  # that ranks have yet to compute
    ttft_s: float | None = None  # a high quantile of recent requests; None: nothing to measure
    tpot_s: float | None = None

    @property
    def works(self) -> bool:
        """Whether any request waits or is being answered."""
        return any(load.queued_requests or load.running for load in self.classes.values())
