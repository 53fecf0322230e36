"""Recent rates, lengths, TTFT and TPOT, as routers measure them."""

from collections import deque

from configs.tier import Tier
from deployments.autoscaling.observation import RATE_S, Lengths
from deployments.autoscaling.quantile import quantile
from deployments.simulation.request import Request

_WINDOW_S = 30.0
_QUANTILE = 0.9
_REMEMBERED = 512


class RequestStats:
    """Measures the requests of the simulated router. Calls must come in order of time."""

    def __init__(self) -> None:
        self._arrived: dict[Tier, deque[float]] = {tier: deque() for tier in Tier}
        self._ttft_s: deque[tuple[float, float]] = deque()
        self._tpot_s: deque[tuple[float, float]] = deque()
        self._answered: deque[Request] = deque(maxlen=_REMEMBERED)
        self._sums = [0, 0]  # tokens of prompts and of answers in `_answered`

    def arrive(self, tier: Tier, now_s: float) -> None:
        self._arrived[tier].append(now_s)

    def begin(self, request: Request, now_s: float) -> None:
        if (ttft_s := request.ttft_s) is not None:
            self._ttft_s.append((now_s, ttft_s))

    def finish(self, request: Request, now_s: float) -> None:
        if (tpot_s := request.tpot_s) is not None:
            self._tpot_s.append((now_s, tpot_s))
        self._count(request, 1)
        if len(self._answered) == _REMEMBERED:
            self._count(self._answered[0], -1)
        self._answered.append(request)

    def _count(self, request: Request, times: int) -> None:
        self._sums[0] += times * request.prompt_tokens
        self._sums[1] += times * request.answer_tokens

    def arrivals_per_s(self, tier: Tier, now_s: float) -> float:
        times = self._arrived[tier]
        while times and times[0] <= now_s - RATE_S:
            times.popleft()
        return len(times) / RATE_S

    @property
    def lengths(self) -> Lengths:
        prompt, answer = (tokens / max(1, len(self._answered)) for tokens in self._sums)
        return Lengths(prefill_tokens=prompt, prompt_tokens=prompt, answer_tokens=answer)

    def ttft_s(self, now_s: float) -> float | None:
        return _high(self._ttft_s, now_s)

    def tpot_s(self, now_s: float) -> float | None:
        return _high(self._tpot_s, now_s)


def _high(timed: deque[tuple[float, float]], now_s: float) -> float | None:
    while timed and timed[0][0] < now_s - _WINDOW_S:
        timed.popleft()
    return quantile([value for _, value in timed], _QUANTILE)
