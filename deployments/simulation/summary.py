"""The figures of a simulation, for a table or a program."""

from dataclasses import dataclass

from deployments.simulation.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles in seconds; None if no request was answered."""

    p50: float | None
    p90: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    requests: int
    answered: int
    refused: int
    good: int  # answered within both targets
    goodput_per_s: float
    ttft_s: Quantiles
    tpot_s: Quantiles
    gangs_least: int  # up
    gangs_mean: float
    gangs_most: int
    added: int  # decisions, each on one gang or more
    let_go: int
    gang_hours: float
    gpu_hours: float

    @property
    def good_share(self) -> float:
        return self.good / self.requests if self.requests else 1.0


def summary(outcome: Outcome) -> Summary:
    requests, answered, good = len(outcome.requests), outcome.answered, outcome.good
    least, mean, most = outcome.gangs
    changes = [gangs for _, gangs in outcome.changes]
    return Summary(
        requests=requests,
        answered=answered,
        refused=requests - answered,
        good=good,
        goodput_per_s=good / outcome.duration_s,
        ttft_s=Quantiles(*map(outcome.ttft_s, (0.5, 0.9, 0.99))),
        tpot_s=Quantiles(*map(outcome.tpot_s, (0.5, 0.9, 0.99))),
        gangs_least=least,
        gangs_mean=mean,
        gangs_most=most,
        added=sum(gangs > 0 for gangs in changes),
        let_go=sum(gangs < 0 for gangs in changes),
        gang_hours=outcome.gang_s / 3600,
        gpu_hours=outcome.gpu_h,
    )
