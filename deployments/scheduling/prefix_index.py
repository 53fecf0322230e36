"""Which ranks hold which blocks of prompts in their caches."""

from collections.abc import Iterable, Sequence

from deployments.wire.cache_change import CacheChange

# How many tokens of a prompt are cached, and where: the ranks' bits. The most tokens come first.
Cached = Sequence[tuple[int, int]]


class PrefixIndex:
    """A rank is a bit, and a block the sum of the bits of the ranks that hold it."""

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
        """It is lost, or starts anew."""
        self._remove(rank, [block for block, ranks in self._holders.items() if ranks & rank])

    def cached(self, blocks: Iterable[int], block_tokens: int) -> Cached:
        """How much of a prompt each rank has: a cache is used up to the first block it lacks."""
        found: list[tuple[int, int]] = []
        tokens, ranks = 0, -1  # all of them
        for block in blocks:
            holders = ranks & self._holders.get(block, 0)
            if holders != ranks and tokens:
                found.append((tokens, ranks & ~holders))
            if not (ranks := holders):
                break
            tokens += block_tokens
        if ranks and tokens:
            found.append((tokens, ranks))
        return found[::-1]

    def _remove(self, rank: int, blocks: Iterable[int]) -> None:
        for block in blocks:
            if left := self._holders.get(block, 0) & ~rank:
                self._holders[block] = left
            else:
                self._holders.pop(block, None)
