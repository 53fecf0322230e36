"""The measurements of all rounds, and the targets for them."""

from collections import defaultdict
from dataclasses import dataclass, field

from configs.errors import BenchError
from deployments.bench.comparison import Spread
from deployments.bench.shards.cutting import Cut
from deployments.bench.shards.loading import Cache, Load, Loader

SPEED = 0.7  # of cp's, at least
MEMORY_BYTES = 1 << 30  # above the largest tensor, at most


def _no_loads() -> defaultdict[tuple[Cache, Loader], list[Load]]:
    return defaultdict(list)


@dataclass(frozen=True, slots=True)
class Rounds:
    """Measurements, a list entry for each round; sizes of the checkpoint and its largest tensor."""

    size_bytes: int
    largest_bytes: int
    cuts: list[Cut] = field(default_factory=list)
    copy_s: list[float] = field(default_factory=list)
    loads: defaultdict[tuple[Cache, Loader], list[Load]] = field(default_factory=_no_loads)

    def add(self, cache: Cache, loader: Loader, load: Load) -> None:
        """Add a load.

        Raises BenchError unless all loaders keep the same.
        """
        self.loads[cache, loader].append(load)
        (first, *_), *_ = self.loads.values()
        kept, others = (
            f"{each.kept_tensors} tensors, {each.kept_bytes} bytes" for each in (load, first)
        )
        if kept != others:
            raise BenchError(
                f"{loader} keeps {kept}, and another loader {others}: they must agree."
            )

    def split_speed(self) -> Spread:
        """Return the split's speed over cp's, round by round: what slows a round slows both."""
        pairs = zip(self.copy_s, self.cuts, strict=True)
        return Spread.of(copy_s / cut.took_s for copy_s, cut in pairs)

    def peak_bytes(self) -> int:
        """Return the peak memory of the split that took most."""
        return max(cut.peak_bytes for cut in self.cuts)

    def load_time(self, cache: Cache, loader: Loader, other: Loader) -> Spread:
        """Return a loader's time over another's, round by round."""
        pairs = zip(self.loads[cache, loader], self.loads[cache, other], strict=True)
        return Spread.of(load.took_s / base.took_s for load, base in pairs)

    def missed(self) -> list[str]:
        """Return a sentence for each target that a split missed."""
        sentences = []
        if (speed := self.split_speed().median) < SPEED:
            sentences.append(
                f"A split must reach {SPEED} of the speed of cp: it reached {speed:.2f}."
            )
        if (above := self.peak_bytes() - self.largest_bytes) >= MEMORY_BYTES:
            sentences.append(
                f"A split must stay {MEMORY_BYTES:,} bytes of memory above the largest tensor: "
                f"it took {above:,}."
            )
        return sentences
