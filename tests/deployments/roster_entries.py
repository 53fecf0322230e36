"""Roster entries to test with."""

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
