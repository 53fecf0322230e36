"""Roster entries to test with."""

from deployments.shard.endpoint import Endpoint
from deployments.wire.rank_entry import RankEntry


def entry(replica: str = "a", gang: str = "g", rank: int = 0, requests: int = 0) -> RankEntry:
    return RankEntry(
        replica=replica,
        gang=gang,
        rank=rank,
        ranks=2,
        node="n",
        endpoint="tcp://127.0.0.1:1",
        server_public=b"s",
        client_public=b"c",
        client_secret=b"x",
        engine_pid=1,
        max_model_len=4096,
        kv_tokens=1000,
        block_tokens=1,
        prefix_hash=None,
        max_num_seqs=8,
        max_num_batched_tokens=100,
        num_experts=128,
        experts=((0, 63),),
        requests=requests,
    )


def entry_at(endpoint: Endpoint) -> RankEntry:
    """Make the entry of a rank that listens there."""
    reached = {
        "endpoint": endpoint.address,
        "server_public": endpoint.server_public,
        "client_public": endpoint.client_public,
        "client_secret": endpoint.client_secret,
    }
    return entry().model_copy(update=reached)
