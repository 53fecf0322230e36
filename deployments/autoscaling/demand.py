"""How many gangs a rate of arrivals needs: linear in it, so that it can be foreseen.

A rank's step lasts `base_s + sequence_s·n + prefill_token_s·p`, with n sequences that get a token
and p tokens of prompts. Let λ requests/s come, with P tokens of prompt to compute and L of answer
each, to k ranks. In a steady state n = λ/k·L·s and p = λ/k·P·s, for steps that last s, so

    s = base_s / (1 − W/k),    W = λ·(L·sequence_s + P·prefill_token_s).

W is the work, in ranks that do nothing else; it doesn't depend on k. A sequence gets a token a
step, so s is the TPOT, and ranks are enough (k = …)

- for the target T of TPOT from W / (1 − base_s/T);
- for their sequences, N each, from W + λ·L·base_s/N: n ≤ N, solved for k;
- for their KV cache, V tokens each, from W + λ·L·base_s·C/V, with C that a sequence holds.

All grow with λ as a line does, unlike s and n, which hardly change at first and then all at once.
What a sequence waits at a rank for its first token isn't in it, nor that ranks of a gang wait for
the busiest: `fill` leaves room for them, and missed targets correct it (`policy`).
"""

from dataclasses import dataclass

from configs.autoscaling import Autoscaling
from configs.tier import Tier
from deployments.autoscaling.observation import Capacity, ClassLoad, Lengths, Observation, StepTime


@dataclass(frozen=True, slots=True)
class Counted:
    """What gangs are there for: all but batch, which counts once it has waited too long."""

    batch: bool
    queued_requests: int
    oldest_s: float
    running: int
    kv_tokens: float

    @classmethod
    def of(cls, seen: Observation, config: Autoscaling) -> "Counted":
        late = seen.classes.get(Tier.BATCH, ClassLoad()).oldest_s >= config.batch_wait_s
        loads = [one for tier, one in seen.classes.items() if late or tier is not Tier.BATCH]
        running = sum(one.running for one in loads)
        # Ranks don't tell by class what they hold.
        share = running / max(1, sum(one.running for one in seen.classes.values()))
        return cls(
            batch=late,
            queued_requests=sum(one.queued_requests for one in loads),
            oldest_s=max((one.oldest_s for one in loads), default=0.0),
            running=running,
            kv_tokens=share * seen.kv_tokens,
        )


def occupied(seen: Observation, counted: Counted) -> float:
    """Gangs that hold what runs now."""
    gang = seen.capacity
    if gang is None:
        return 0.0
    return max(counted.running / gang.sequences, counted.kv_tokens / gang.kv_tokens)


@dataclass(frozen=True, slots=True)
class Need:
    """In gangs, by what may be scarce; times `fill`, for the rest is to spare."""

    work: float = 0.0
    tpot: float = 0.0
    sequences: float = 0.0
    kv_cache: float = 0.0
    queue: float = 0.0  # beside the others, to work off what waits

    @property
    def served(self) -> float:
        """So that requests are served as fast as they come, however slowly each."""
        return max(self.sequences, self.kv_cache)

    @property
    def gangs(self) -> float:
        return max(self.tpot, self.served) + self.queue


def need(per_s: float, seen: Observation, counted: Counted, config: Autoscaling) -> Need | None:
    """For `per_s` requests/s; None while the length of a step or of answers isn't known."""
    gang, lengths = seen.capacity, seen.lengths
    if gang is None or gang.step is None or not (per_s == 0 or lengths.answer_tokens):
        return None
    each = _of_one(gang, gang.step, lengths, _held_tokens(counted, lengths), config)
    prefill = seen.prefill_tokens * gang.step.prefill_token_s / gang.ranks
    wait_s = counted.queued_requests * each.served + prefill
    # What is left of it once a gang that is asked for now has come up.
    start_s = gang.start_s or config.start_s
    left_s = wait_s - start_s * max(0.0, seen.gangs.staying - per_s * each.served)
    return Need(
        work=per_s * each.work,
        tpot=per_s * each.tpot,
        sequences=per_s * each.sequences,
        kv_cache=per_s * each.kv_cache,
        queue=max(0.0, left_s / start_s),
    )


def _of_one(
    gang: Capacity, step: StepTime, lengths: Lengths, held_tokens: float, config: Autoscaling
) -> Need:
    """Of a request a second.

    A target of TPOT that an idle rank misses is left out, for more gangs don't help.
    """
    work = lengths.answer_tokens * step.sequence_s + lengths.prefill_tokens * step.prefill_token_s
    work /= gang.ranks
    decoding = lengths.answer_tokens * step.base_s  # sequences at once, by Little's law
    reachable = step.base_s <= config.margin * config.tpot_s
    return Need(
        work=work,
        tpot=work / (1 - step.base_s / config.tpot_s) if reachable else work,
        sequences=work + decoding / gang.sequences,
        kv_cache=work + decoding * held_tokens / gang.kv_tokens,
    )


def _held_tokens(counted: Counted, lengths: Lengths) -> float:
    """Of KV cache, by a sequence that runs."""
    if counted.running:
        return counted.kv_tokens / counted.running
    return lengths.prompt_tokens + lengths.answer_tokens
