import pytest
from vllm.v1.core.kv_cache_utils import maybe_convert_block_hash

from deployments.wire.blocks import as_number, in_blocks


@pytest.mark.parametrize(("tokens", "held"), [(0, 0), (1, 16), (16, 16), (17, 32)])
def test_cache_is_held_in_whole_blocks(tokens: int, held: int) -> None:
    assert in_blocks(tokens, block_tokens=16) == held


def test_a_whole_hash_is_the_same_as_its_number() -> None:
    whole = bytes(range(32))
    number = int.from_bytes(range(24, 32), "big")
    assert as_number(whole) == as_number(number) == number
    assert as_number(maybe_convert_block_hash(whole)) == number
