"""Which tokens of a large byte-pair vocabulary a small one keeps.

A prefix of the ranks would be valid too, but holds what is frequent in the world: with it `weather`
or `required` are three tokens each, and a list of tools takes nearly twice the room.
"""

import itertools
from collections import Counter
from collections.abc import Iterable

import tiktoken


def most_used(
    ranks: dict[bytes, int], pattern: str, texts: Iterable[str], size: int
) -> list[bytes]:
    """`size` tokens, by rank: all bytes, what `texts` use most, with its parts, and the lowest.

    `ranks` are tiktoken's: the lower merges first. `pattern` cuts a text into words.
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
    """A token can only be reached by merging the two that it was merged from."""
    if len(token) == 1:
        return {token}
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        pairs = [left + right for left, right in itertools.pairwise(parts)]
        at = min(range(len(pairs)), key=lambda place: ranks.get(pairs[place], len(ranks)))
        parts[at : at + 2] = [pairs[at]]
    return {token} | _with_parts(parts[0], ranks) | _with_parts(parts[1], ranks)
