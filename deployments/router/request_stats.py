"""Statistics of a router's recent requests: how many came, how long they were, how fast."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from configs.tier import Tier
from deployments.autoscaling.observation import RATE_S, ClassLoad, Lengths
from deployments.autoscaling.quantile import quantile
from deployments.autoscaling.reports import RouterReport
from deployments.router.routed_request import RoutedRequest

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


class RequestStats:
    """Counts arrivals and answers of the last seconds; all times given to it are of one clock."""

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._arrivals: deque[tuple[float, Tier]] = deque()
        self._answers: deque[_Answer] = deque(maxlen=_MOST_ANSWERS)

    def arrive(self, tier: Tier, now_s: float) -> None:
        """Count a request that arrives, whether or not there is room for it."""
        self._arrivals.append((now_s, tier))
        self._forget(now_s)

    def finish(self, routed: RoutedRequest, now_s: float) -> None:
        """Count a request whose answer is complete, unless it has no token."""
        tokens = routed.produced
        if routed.first_token_s is None:
            return
        prompt_tokens = len(routed.request.prompt_token_ids or ())
        answer = _Answer(
            at_s=now_s,
            prefill_tokens=min(prompt_tokens, routed.ticket.prefill_tokens),
            prompt_tokens=prompt_tokens,
            answer_tokens=tokens,
            ttft_s=routed.first_token_s - routed.arrived_s,
            tpot_s=(now_s - routed.first_token_s) / max(1, tokens - 1),
        )
        self._answers.append(answer)

    def report(self, router: str, requests: Iterable[RoutedRequest], now_s: float) -> RouterReport:
        """Make a router's report; `requests` are all of its unfinished requests."""
        self._forget(now_s)
        answers = self._answers
        lengths = Lengths(
            prefill_tokens=_mean([answer.prefill_tokens for answer in answers]),
            prompt_tokens=_mean([answer.prompt_tokens for answer in answers]),
            answer_tokens=_mean([answer.answer_tokens for answer in answers]),
        )
        return RouterReport(
            router=router,
            classes=self._classes(requests, lengths.answer_tokens, now_s),
            answered=len(answers),
            lengths=lengths,
            ttft_s=quantile([answer.ttft_s for answer in answers], _QUANTILE),
            tpot_s=quantile(
                [answer.tpot_s for answer in answers if answer.answer_tokens > 1], _QUANTILE
            ),
        )

    def _classes(
        self, requests: Iterable[RoutedRequest], answer_tokens: float, now_s: float
    ) -> dict[Tier, ClassLoad]:
        waiting: dict[Tier, list[RoutedRequest]] = {tier: [] for tier in Tier}
        running: Counter[Tier] = Counter()
        for routed in requests:
            if routed.replica is None:
                waiting[routed.ticket.tier].append(routed)
            else:
                running[routed.ticket.tier] += 1
        arrivals = Counter(tier for _, tier in self._arrivals)
        window_s = max(1.0, min(RATE_S, now_s - self._since_s))
        return {
            tier: ClassLoad(
                queued_requests=len(queued),
                queued_tokens=int(sum(_expected(routed, answer_tokens) for routed in queued)),
                oldest_s=max((now_s - routed.waits_since_s for routed in queued), default=0.0),
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


def _expected(routed: RoutedRequest, answer_tokens: float) -> float:
    """Estimate how many tokens of KV cache a request will hold."""
    return routed.ticket.prompt_tokens + min(routed.ticket.max_tokens, answer_tokens)


def _mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0
