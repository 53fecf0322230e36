"""The targets that the router must reach."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployments.bench.comparison import Comparison
from deployments.bench.contender import Contender


@dataclass(frozen=True, slots=True)
class Target:
    """A target: `at_least` times the requests/s of `other`, at `streams` concurrent streams."""

    other: Contender
    streams: int
    at_least: float

    def reached(self, comparison: Comparison) -> float | None:
        """Return the ratio, or None if that number of streams wasn't measured."""
        if self.streams not in comparison.streams:
            return None
        return comparison.ratio(self.other, self.streams, "requests_per_s").median


TARGETS = (Target(Contender.FLAGGED, 16, 13.0), Target(Contender.PLAIN, 16, 0.80))


def missed(comparison: Comparison, targets: Sequence[Target] = TARGETS) -> list[str]:
    """Return a sentence for each target that wasn't reached, or wasn't measured."""
    sentences = []
    for target in targets:
        reached = target.reached(comparison)
        wanted = f"{target.at_least:.2f} times {target.other} at {target.streams} streams"
        if reached is None:
            sentences.append(f"small4 must reach {wanted}: that wasn't measured.")
        elif reached < target.at_least:
            sentences.append(f"small4 must reach {wanted}: it reached {reached:.2f}.")
    return sentences
