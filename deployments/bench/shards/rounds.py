"""What was measured in all rounds, and whether it is enough."""

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
    """Lists have an entry for each round; sizes are the checkpoint's and its largest tensor's."""

    size_bytes: int
    largest_bytes: int
    cuts: list[Cut] = field(default_factory=list)
    copy_s: list[float] = field(default_factory=list)
    loads: defaultdict[tuple[Cache, Loader], list[Load]] = field(default_factory=_no_loads)

    def add(self, cache: Cache, loader: Loader, load: Load) -> None:
        """Raises BenchError unless all loaders keep the same."""
        self.loads[cache, loader].append(load)
        (first, *_), *_ = self.loads.values()
        kept, others = (
            f"{one.kept_tensors} tensors, {one.kept_bytes} bytes" for one in (load, first)
        )
        if kept != others:
            raise BenchError(
                f"{loader} keeps {kept}, and another loader {others}: they must agree."
            )

    def split_speed(self) -> Spread:
        """Divided by cp's round by round: what slowed one of them down slowed both."""
        pairs = zip(self.copy_s, self.cuts, strict=True)
        return Spread.of(copy_s / cut.took_s for copy_s, cut in pairs)

    def peak_bytes(self) -> int:
        """Of the split that took most memory."""
        return max(cut.peak_bytes for cut in self.cuts)

    def load_time(self, cache: Cache, loader: Loader, other: Loader) -> Spread:
        """A loader's, divided by another's."""
        pairs = zip(self.loads[cache, loader], self.loads[cache, other], strict=True)
        return Spread.of(one.took_s / another.took_s for one, another in pairs)

    def missed(self) -> list[str]:
        """A sentence for each target that a split missed."""
        found = []
        if (speed := self.split_speed().median) < SPEED:
            found.append(f"A split must reach {SPEED} of the speed of cp: it reached {speed:.2f}.")
        if (above := self.peak_bytes() - self.largest_bytes) >= MEMORY_BYTES:
            found.append(
                f"A split must stay {MEMORY_BYTES:,} bytes of memory above the largest tensor: "
                f"it took {above:,}."
            )
        return found
