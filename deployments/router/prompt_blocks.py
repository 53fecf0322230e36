"""Hashes of a prompt's blocks, as vLLM's prefix cache computes them from tokens and images.

Read from vLLM 0.32.
"""

from functools import cache
from typing import Any

from vllm.utils.hashing import get_hash_fn_by_name
from vllm.v1.core import kv_cache_utils
from vllm.v1.engine import EngineCoreRequest
from vllm.v1.request import Request

from deployments.wire.blocks import as_number


def prompt_blocks(request: EngineCoreRequest, algorithm: str, block_tokens: int) -> tuple[int, ...]:
    """Hash the full blocks, in order; each hash stands for all tokens up to its block's end.

    Returns none for a request that won't read the cache, such as a request for the logprobs of its
    prompt.
    """
    hashed = Request.from_engine_core_request(request, _hasher(algorithm, block_tokens))
    if hashed.skip_reading_prefix_cache:
        return ()
    return tuple(map(as_number, hashed.block_hashes))


@cache
def _hasher(algorithm: str, block_tokens: int) -> Any:
    function = get_hash_fn_by_name(algorithm)
    kv_cache_utils.init_none_hash(function)
    return kv_cache_utils.get_request_block_hasher(block_tokens, function)
