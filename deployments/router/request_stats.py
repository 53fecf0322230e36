"""What a router's requests were like of late: how many came, how long they were, how fast."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from deployments.autoscaling.observation import RATE_S, ClassLoad, Lengths
from deployments.autoscaling.quantile import quantile
from deployments.autoscaling.reports import RouterReport
from deployments.router.routed_request import Flight
from deployments.scheduling.waiting_line import Tier

_ANSWERS_S = 30.0
_MOST_ANSWERS = 4096
_QUANTILE = 0.9


@dataclass(frozen=True, slots=True)
class _Answer:
    at_s: float
    prefill_tokens: int
    prompt_tokens: int
    answer_tokens: int
    ttft_s: float
    tpot_s: float


class Recent:
    """Times are on one clock, handed in."""

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._arrivals: deque[tuple[float, Tier]] = deque()
        self._answers: deque[_Answer] = deque(maxlen=_MOST_ANSWERS)

    def arrive(self, tier: Tier, now_s: float) -> None:
        """Whether or not there is room for it."""
        self._arrivals.append((now_s, tier))
        self._forget(now_s)

    def finish(self, flight: Flight, now_s: float) -> None:
        """One that has got its answer."""
        tokens = len(flight.tokens)
        if flight.first_token_s is None:
            return
        prompt_tokens = len(flight.request.prompt_token_ids or ())
        answer = _Answer(
            at_s=now_s,
            prefill_tokens=min(prompt_tokens, flight.ticket.prefill_tokens),
            prompt_tokens=prompt_tokens,
            answer_tokens=tokens,
            ttft_s=flight.first_token_s - flight.arrived_s,
            tpot_s=(now_s - flight.first_token_s) / max(1, tokens - 1),
        )
        self._answers.append(answer)

    def report(self, router: str, flights: Iterable[Flight], now_s: float) -> RouterReport:
        """`flights` are all that are unfinished."""
        self._forget(now_s)
        answers = self._answers
        lengths = Lengths(
            prefill_tokens=_mean([one.prefill_tokens for one in answers]),
            prompt_tokens=_mean([one.prompt_tokens for one in answers]),
            answer_tokens=_mean([one.answer_tokens for one in answers]),
        )
        return RouterReport(
            router=router,
            classes=self._classes(flights, lengths.answer_tokens, now_s),
            answered=len(answers),
            lengths=lengths,
            ttft_s=quantile([one.ttft_s for one in answers], _QUANTILE),
            tpot_s=quantile([one.tpot_s for one in answers if one.answer_tokens > 1], _QUANTILE),
        )

    def _classes(
        self, flights: Iterable[Flight], answer_tokens: float, now_s: float
    ) -> dict[Tier, ClassLoad]:
        waiting: dict[Tier, list[Flight]] = {tier: [] for tier in Tier}
        running: Counter[Tier] = Counter()
        for flight in flights:
            if flight.replica is None:
                waiting[flight.ticket.tier].append(flight)
            else:
                running[flight.ticket.tier] += 1
        arrivals = Counter(tier for _, tier in self._arrivals)
        window_s = max(1.0, min(RATE_S, now_s - self._since_s))
        return {
            tier: ClassLoad(
                queued_requests=len(queued),
                queued_tokens=int(sum(_expected(one, answer_tokens) for one in queued)),
                oldest_s=max(
                    (now_s - (one.waits_since_s or one.arrived_s) for one in queued), default=0.0
                ),
                running=running[tier],
                arrivals_per_s=arrivals[tier] / window_s,
            )
            for tier, queued in waiting.items()
        }

    def _forget(self, now_s: float) -> None:
        while self._arrivals and now_s - self._arrivals[0][0] > RATE_S:
            self._arrivals.popleft()
        while self._answers and now_s - self._answers[0].at_s > _ANSWERS_S:
            self._answers.popleft()


def _expected(flight: Flight, answer_tokens: float) -> float:
    """Tokens of the KV cache that it will hold."""
    return flight.ticket.prompt_tokens + min(flight.ticket.max_tokens, answer_tokens)


def _mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0
