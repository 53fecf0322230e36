"""The roster's entry of a rank: how a router reaches the rank, and how much room it has."""

from pydantic import Field

from configs.schema import Strict


class RankEntry(Strict):
    """One rank's entry in the roster; `client_secret` never leaves the cluster."""

    replica: str
    gang: str
    rank: int
    ranks: int
    node: str
    endpoint: str
    server_public: bytes
    client_public: bytes
    client_secret: bytes
    engine_pid: int
    max_model_len: int
    kv_tokens: int
    block_tokens: int
    prefix_hash: str | None  # vLLM's name for how blocks are hashed; None if none are cached
    max_num_seqs: int
    max_num_batched_tokens: int
    resumes_seeds: bool = True  # whether a seeded request goes on here as it began elsewhere
    num_experts: int
    experts: tuple[tuple[int, int], ...]  # ranges this rank holds, both ends included
    requests: int = 0  # unfinished, and those of them not started, as of the last renewal
    waiting_requests: int = 0
    prefill_tokens: int = 0  # of prompts without an answer yet
    identity: dict[str, str] = Field(default_factory=dict)  # `deployments.identity`
    refused: str = ""  # why a router doesn't use the rank
    draining: bool = False  # the rank takes nothing new, and goes after its last request
