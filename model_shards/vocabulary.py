"""Chooses which tokens of a large byte-pair vocabulary a small one keeps.

The first ranks alone would be valid too, but they hold what is frequent in texts of all kinds: with
them `weather` or `required` are three tokens each, and a list of tools takes nearly twice the room.
"""

import itertools
from collections import Counter
from collections.abc import Iterable

import tiktoken


def most_used(
    ranks: dict[bytes, int], pattern: str, texts: Iterable[str], size: int
) -> list[bytes]:
    """Return `size` tokens by rank: all bytes, those that `texts` use most, and the lowest.

    A token comes with the parts that it is merged from. `ranks` are tiktoken's: the lower merges
    first. `pattern` cuts a text into words.
    """
    encoding = tiktoken.Encoding("large", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    used = Counter(token for text in texts for token in encoding.encode_ordinary(text))
    kept = {bytes([byte]) for byte in range(256)}
    by_use = sorted(ranks, key=lambda token: (-used[ranks[token]], ranks[token]))
    for token in by_use:
        added = _with_parts(token, ranks) - kept
        if len(kept) + len(added) <= size:
            kept |= added
        if len(kept) == size:
            break
    return sorted(kept, key=ranks.__getitem__)


def _with_parts(token: bytes, ranks: dict[bytes, int]) -> set[bytes]:
    """Return a token and those it is merged from: it can be reached only by merging these."""
    if len(token) == 1:
        return {token}
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        pairs = [left + right for left, right in itertools.pairwise(parts)]
        at = min(range(len(pairs)), key=lambda place: ranks.get(pairs[place], len(ranks)))
        parts[at : at + 2] = [pairs[at]]
    return {token} | _with_parts(parts[0], ranks) | _with_parts(parts[1], ranks)
