"""Which ranks hold which blocks of prompts in their caches."""

from collections.abc import Iterable, Sequence

from deployments.wire.cache_change import CacheChange

# Numbers of a prompt's tokens that are cached, each with the bits of the ranks that hold them. The
# most tokens come first.
Cached = Sequence[tuple[int, int]]


class PrefixIndex:
    """Tells which ranks hold a block: a rank is a bit, a block the sum of its holders' bits."""

    def __init__(self) -> None:
        self._holders: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._holders)

    def change(self, rank: int, change: CacheChange) -> None:
        if change.cleared:
            self.forget(rank)
        for block in change.stored:
            self._holders[block] = self._holders.get(block, 0) | rank
        self._remove(rank, change.removed)

    def forget(self, rank: int) -> None:
        """Drop a rank's blocks, because it is lost or starts anew."""
        self._remove(rank, [block for block, ranks in self._holders.items() if ranks & rank])

    def cached(self, blocks: Iterable[int], block_tokens: int) -> Cached:
        """Return how many tokens of a prompt each rank has cached.

        A cache is used up to the first block that it lacks.
        """
        prefixes: list[tuple[int, int]] = []
        tokens, ranks = 0, -1  # all ranks
        for block in blocks:
            holders = ranks & self._holders.get(block, 0)
            if holders != ranks and tokens:
                prefixes.append((tokens, ranks & ~holders))
            if not (ranks := holders):
                break
            tokens += block_tokens
        if ranks and tokens:
            prefixes.append((tokens, ranks))
        return prefixes[::-1]

    def _remove(self, rank: int, blocks: Iterable[int]) -> None:
        for block in blocks:
            if left := self._holders.get(block, 0) & ~rank:
                self._holders[block] = left
            else:
                self._holders.pop(block, None)
