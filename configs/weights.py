"""Which checkpoint is served, and in what form ranks load it."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from configs.schema import PROJECT_ROOT, Strict
from configs.speculation import Speculative

S3 = "s3://"


class Model(Strict):
    """The checkpoint that is served, and the name by which clients ask for it."""

    source: Path | None = Field(
        default=None,
        description="Directory of a checkpoint in Mistral format. With `weights` that are a shard "
        "set only `small4 serve` reads it, to cut a set that isn't there yet.",
    )
    name: str = Field(default="mistral-small-4", min_length=1)
    reasoning_effort: Literal["nearest", "strict"] = Field(
        default="nearest",
        description="The model knows the efforts none and high. Others are taken for the nearest "
        "of them (minimal and low for none), or are a 400.",
    )
    speculative: Speculative | None = Field(
        default=None, description="Guess tokens ahead. Needs a GPU, except with method ngram."
    )

    @field_validator("source")
    @classmethod
    def _absolute(cls, source: Path | None) -> Path | None:
        # Ray's workers run elsewhere: a relative path means one below the project root.
        return source and PROJECT_ROOT / source.expanduser()


class CacheLimits(Strict):
    """What a node keeps of sets that no process uses; sets in use stay in any case.

    Where the disk has too little room for what ranks will fetch, the least recently used sets go
    whatever the limits.
    """

    unused_days: Annotated[float, Field(ge=0)] | None = Field(
        default=30, description="A set that was unused for longer is deleted at the next fetch."
    )
    gigabytes: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Of all sets, with what is about to be fetched; the least recently used go.",
    )


class Weights(Strict):
    """What the ranks load: by default the checkpoint of `model.source`.

    A shard set lets each rank read its own experts only. It brings params.json and the tokenizer
    along, for routers too.
    """

    format: Literal["mistral", "expert_shards"] = "mistral"
    source: str | None = Field(
        default=None,
        description="Of the shard set: a directory that every node has, or s3://bucket/prefix, "
        "from which each node fetches what its own ranks read.",
    )
    cache: Path = Field(
        default=Path(".cache/shard-sets"),
        description="Directory on each node for what is fetched from S3, and kept. A local disk, "
        "with room for the base and the experts of the node's ranks.",
        validate_default=True,
    )
    cache_limits: CacheLimits = CacheLimits()
    verify: bool = Field(
        default=True,
        strict=True,
        description="Compare the SHA-256 of what ranks read; sizes are compared in any case.",
    )

    @field_validator("source")
    @classmethod
    def _absolute(cls, source: str | None) -> str | None:
        if source is None or source.startswith(S3):
            return source
        if "://" in source or not source:
            raise ValueError("give a directory or s3://bucket/prefix")
        return str(PROJECT_ROOT / Path(source).expanduser())

    @field_validator("cache")
    @classmethod
    def _cache_absolute(cls, cache: Path) -> Path:
        return PROJECT_ROOT / cache.expanduser()

    @model_validator(mode="after")
    def _source_and_format_agree(self) -> Self:
        if self.format == "expert_shards" and self.source is None:
            raise ValueError("format expert_shards needs a source")
        if self.format == "mistral" and self.source is not None:
            raise ValueError(
                "a source goes with format: expert_shards; that of mistral is model.source"
            )
        return self
