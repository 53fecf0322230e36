"""Blocks of the KV cache: how they are counted and named. Needs no vLLM."""


def in_blocks(tokens: int, block_tokens: int) -> int:
    """Return the tokens of cache that `tokens` take: an engine gives it out in whole blocks."""
    return -(-tokens // block_tokens) * block_tokens


def as_number(block_hash: int | bytes) -> int:
    """Return the lower 64 bits of a hash: vLLM may be told to publish whole hashes."""
    if isinstance(block_hash, int):
        return block_hash
    return int.from_bytes(block_hash[-8:], "big")
