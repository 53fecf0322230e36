"""How often each expert of each layer was chosen, as a small JSON file: `{"tokens": [[…], …]}`."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from configs.errors import CheckpointError
from configs.schema import Strict

EXPERT_LOAD = "expert_load.json"

Tokens = Annotated[int, Field(ge=0)]


class ExpertLoad(Strict):
    """Tokens that chose each expert, (layers, experts), experts by their number in the checkpoint.

    For an order only proportions within a layer matter, so sampled counts do as well as whole ones.
    """

    tokens: Annotated[
        tuple[Annotated[tuple[Tokens, ...], Field(min_length=1)], ...], Field(min_length=1)
    ]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        for layer, counts in enumerate(self.tokens):
            if len(counts) != self.experts:
                raise ValueError(
                    f"layer {layer} has {len(counts)} experts, layer 0 has {self.experts}"
                )
        return self

    @property
    def layers(self) -> int:
        return len(self.tokens)

    @property
    def experts(self) -> int:
        return len(self.tokens[0])

    @classmethod
    def load(cls, path: Path, layers: int, experts: int) -> Self:
        """Read a load for a checkpoint of that shape. Raises CheckpointError if it isn't one."""
        remedy = "`small4 shard record` writes one from live traffic."
        try:
            load = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise CheckpointError(
                f"expert load: {path} can't be read ({error.strerror}). {remedy}"
            ) from error
        except ValidationError as error:
            raise CheckpointError(
                f"expert load: {path} isn't one: {_first(error)}. {remedy}"
            ) from error
        if (load.layers, load.experts) != (layers, experts):
            raise CheckpointError(
                f"expert load: {path} counts {load.experts} experts in {load.layers} layers, but "
                f"the checkpoint has {experts} in {layers}: record it on that checkpoint."
            )
        return load

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.model_dump()) + "\n", "utf-8")

    @classmethod
    def mean(cls, loads: Sequence[Self]) -> Self:
        """Add loads of one shape so that each weighs as much as another, however long it was."""
        layers = zip(*(load.tokens for load in loads), strict=True)
        return cls(tokens=tuple(_mean(counts) for counts in layers))

    def by_expert(self, order: Sequence[Sequence[int]]) -> Self:
        """Turn counts by position into counts by expert: `order[L][P]` stands at position P."""
        tokens = (
            dict(zip(layer, counts, strict=True))
            for layer, counts in zip(order, self.tokens, strict=True)
        )
        return type(self)(
            tokens=tuple(tuple(counts[e] for e in range(self.experts)) for counts in tokens)
        )


def _mean(loads: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """Add a layer's loads, each scaled to 10**9; one in which nothing was counted adds nothing."""
    shares = [[count * 10**9 // max(sum(counts), 1) for count in counts] for counts in loads]
    return tuple(map(sum, zip(*shares, strict=True)))


def _first(error: ValidationError) -> str:
    """Return the first of maybe thousands of errors, such as `tokens.3.17 is -1: …`."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    given = f" is {first['input']}" if isinstance(first["input"], int | float) else ""
    return f"{where}{given}: {first['msg'].removeprefix('Value error, ')}"
