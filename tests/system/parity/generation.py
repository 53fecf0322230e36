"""What goes into an engine's run and what comes out of it, as JSON between processes."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(_Record):
    """Token ids to continue greedily; `rank` counts modulo the ranks that there are.

    `picture_size` is height and width of the picture, if there is one among the tokens.
    """

    prompt: list[int]
    picture_size: tuple[int, int] | None = None
    output_tokens: int
    rank: int


class Run(_Record):
    """An engine and its waves of requests; a wave starts when the one before has ended."""

    checkpoint: Path
    dtype: str
    ranks: int
    waves: list[list[Request]]
    load_format: str = "mistral"
    loader: dict[str, str | bool] = {}


class Generation(_Record):
    """The answer to a request, with log-probabilities along prompt and answer.

    `logprobs[i]` holds the engine's for what follows the first `i + 1` tokens: the token that
    does, and the likeliest ones.
    """

    prompt: list[int]
    picture_size: tuple[int, int] | None
    output: list[int]
    logprobs: list[dict[int, float]]


class HeldExperts(_Record):
    """One MoE layer of one rank: global ids of its experts, and how many it has weights of."""

    ids: list[int]
    weights: int


class Counted(_Record):
    """Tokens that a rank has computed, and how many of them chose each expert of each layer."""

    tokens: int
    chosen: list[list[int]]


class Cache(_Record):
    """A rank's KV cache."""

    tokens: int
    size_bytes: int


class Outcome(_Record):
    """Generations in the order of requests, and each rank's experts, layer by layer.

    `counted` holds what each rank counted of every wave but the last, for which it was off.
    `read_bytes` is what each rank's process has read of any file while it loaded its weights, and
    `weight_bytes` what its model holds.
    """

    generations: list[Generation]
    held_experts: list[list[HeldExperts]]
    counted: list[Counted]
    read_bytes: list[int]
    weight_bytes: list[int]
    caches: list[Cache]
