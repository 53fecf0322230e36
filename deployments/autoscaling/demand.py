"""How many gangs a rate of arrivals needs: linear in the rate, so that the need can be foreseen.

A rank's step lasts `base_s + sequence_s·n + prefill_token_s·p`, with n sequences that get a token
and p tokens of prompts. Let λ requests/s come, with P tokens of prompt to compute and L of answer
each, to k ranks. In a steady state n = λ/k·L·s and p = λ/k·P·s, for steps that last s, so

    s = base_s / (1 − W/k),    W = λ·(L·sequence_s + P·prefill_token_s).

W is the work, in ranks that do nothing else; it doesn't depend on k. A sequence gets a token a
step, so s is the TPOT. The fewest ranks that are enough are k =

- for the target T of TPOT: W / (1 − base_s/T);
- for their sequences, N each: W + λ·L·base_s/N, which is n ≤ N solved for k;
- for their KV cache, V tokens each: W + λ·L·base_s·C/V, with C tokens that a sequence holds.

All are linear in λ, unlike s and n, which hardly change at first and then all at once. The model
leaves out how long a sequence waits at a rank for its first token, and that the ranks of a gang
wait for the busiest: `fill` leaves room for both, and missed targets correct the model
(`correction`).
"""

from dataclasses import dataclass

from configs.autoscaling import Autoscaling
from configs.tier import Tier
from deployments.autoscaling.observation import Capacity, ClassLoad, Lengths, Observation, StepTime


@dataclass(frozen=True, slots=True)
class Counted:
    """The load that gangs are wanted for: batch counts only once it has waited too long."""

    batch: bool
    queued_requests: int
    oldest_s: float
    running: int
    kv_tokens: float

    @classmethod
    def of(cls, seen: Observation, config: Autoscaling) -> "Counted":
        late = seen.classes.get(Tier.BATCH, ClassLoad()).oldest_s >= config.batch_wait_s
        loads = [load for tier, load in seen.classes.items() if late or tier is not Tier.BATCH]
        running = sum(load.running for load in loads)
        # Ranks don't report by class what they hold.
        share = running / max(1, sum(load.running for load in seen.classes.values()))
        return cls(
            batch=late,
            queued_requests=sum(load.queued_requests for load in loads),
            oldest_s=max((load.oldest_s for load in loads), default=0.0),
            running=running,
            kv_tokens=share * seen.kv_tokens,
        )


def occupied(seen: Observation, counted: Counted) -> float:
    """Return how many gangs the running requests fill."""
    gang = seen.capacity
    if gang is None:
        return 0.0
    return max(counted.running / gang.sequences, counted.kv_tokens / gang.kv_tokens)


@dataclass(frozen=True, slots=True)
class Need:
    """Gangs needed for each thing that may be scarce, if all gangs are full.

    `fill` isn't in these numbers: the policy divides by it.
    """

    work: float = 0.0
    tpot: float = 0.0
    sequences: float = 0.0
    kv_cache: float = 0.0
    queue: float = 0.0  # in addition to the others, to work off the queue

    @property
    def served(self) -> float:
        """Gangs with which requests are served as fast as they come, however slow each is."""
        return max(self.sequences, self.kv_cache)

    @property
    def gangs(self) -> float:
        return max(self.tpot, self.served) + self.queue


def need(per_s: float, seen: Observation, counted: Counted, config: Autoscaling) -> Need | None:
    """Return what `per_s` requests/s need.

    Returns None while the length of a step or of answers isn't known.
    """
    gang, lengths = seen.capacity, seen.lengths
    if gang is None or gang.step is None or not (per_s == 0 or lengths.answer_tokens):
        return None
    each = _need_of_each(gang, gang.step, lengths, _held_tokens(counted, lengths), config)
    prefill = seen.prefill_tokens * gang.step.prefill_token_s / gang.ranks
    wait_s = counted.queued_requests * each.served + prefill
    # What is left of the queue once a gang that is asked for now has come up.
    start_s = gang.start_s or config.start_s
    left_s = wait_s - start_s * max(0.0, seen.gangs.staying - per_s * each.served)
    return Need(
        work=per_s * each.work,
        tpot=per_s * each.tpot,
        sequences=per_s * each.sequences,
        kv_cache=per_s * each.kv_cache,
        queue=max(0.0, left_s / start_s),
    )


def _need_of_each(
    gang: Capacity, step: StepTime, lengths: Lengths, held_tokens: float, config: Autoscaling
) -> Need:
    """Return what one request a second needs.

    A target of TPOT that even an idle rank misses is left out, because more gangs don't help.
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
    """Return how many tokens of KV cache a running sequence holds."""
    if counted.running:
        return counted.kv_tokens / counted.running
    return lengths.prompt_tokens + lengths.answer_tokens
