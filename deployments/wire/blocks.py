"""Blocks of the KV cache: how they are counted and named. No vLLM."""


def in_blocks(tokens: int, block_tokens: int) -> int:
    """The cache that `tokens` take: an engine gives it out in whole blocks."""
    return -(-tokens // block_tokens) * block_tokens


def as_number(block_hash: int | bytes) -> int:
    """The lower 64 bits: vLLM may be told to publish whole hashes."""
    if isinstance(block_hash, int):
        return block_hash
    return int.from_bytes(block_hash[-8:], "big")
