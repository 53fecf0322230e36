"""What is deployed for these tests."""

from pathlib import Path

from tests.system.served.deployed import write_config

SEQUENCES = 4  # of the only rank
WAITING = SEQUENCES + 1  # in the only router: who fills the engine, and one more
LOGPROBS = 100  # of a token: ten kilobytes, of which sockets hold megabytes
LONG = 15_000  # tokens: minutes of answering


def config(path: Path, *, routers: int, waiting: int) -> Path:
    """Write a config in which so many requests may wait in each router."""
    return write_config(
        path,
        gangs={"count": 1, "ranks": 1},
        routers={"count": routers},
        engine={
            "max_num_seqs": SEQUENCES,
            "max_model_len": LONG + 1000,
            "kv_cache_memory_bytes": 1 << 30,  # for so many of these
            "max_logprobs": LOGPROBS,
        },
        admission={"max_waiting": waiting, "waits": {"standard_s": 600}},
        limits={"unread_tokens": 20_000},
        survival={"drain_s": 1},
    )
