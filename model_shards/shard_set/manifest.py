"""`manifest.json`, which says what a shard set holds. A set that has it is whole: it comes last."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from configs.errors import CheckpointError
from configs.schema import Strict
from configs.speculation import DRAFT
from model_shards.files.durable import write_whole
from model_shards.placement.order import ExpertOrder

MANIFEST = "manifest.json"

# Never hidden, and never a path but into the draft's own directory.
FILE_NAME = re.compile(rf"({DRAFT}/)?[\w-][\w.-]*")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ShardFile(Strict):
    """A file of a shard set, whose files lie in one directory, the draft's in one below it."""

    name: Annotated[str, Field(pattern=f"^{FILE_NAME.pattern}$")]
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Source(Strict):
    """The checkpoint that was cut.

    Two checkpoints with the same identity have the same tensors by name, dtype and shape, and these
    begin and end with the same bytes; `SourceCheckpoint.identity` says why no more is compared.
    """

    name: str
    identity: Sha256


class Manifest(Strict):
    """The files of a shard set by the ranks that need them, and which expert stands where.

    A tensor `layers.L.experts.P.*` of the set belongs to the source's expert
    `expert_order[L][P]`, and the rows of the layer's gate are in the same order: the set is a
    checkpoint of the same function. Group `G` of `N` holds the positions `G*E/N` to `(G+1)*E/N`.

    With replicas there are more slots than experts: some experts stand in several slots, and gates
    keep the source's order, because `expert_order` alone says which slot holds which expert.
    """

    format_version: Literal[1] = 1
    source: Source
    placement: Literal["linear", "balanced"]
    num_experts: Annotated[int, Field(ge=1)]
    expert_order: ExpertOrder
    companions: tuple[ShardFile, ...] = Field(description="params.json, tokenizer and the like.")
    base: tuple[ShardFile, ...] = Field(description="Weights that every rank holds.")
    groups: tuple[tuple[ShardFile, ...], ...] = Field(description="Experts, by group.")
    draft: tuple[ShardFile, ...] = Field(
        default=(), description="Weights of the draft head, whole; its params.json is a companion."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.groups or self.num_experts % len(self.groups):
            raise ValueError(f"{self.num_experts} experts can't stand in {len(self.groups)} groups")
        positions = list(range(self.num_experts))
        for layer, order in enumerate(self.expert_order):
            if len(order) != self.slots or len(order) % len(self.groups):
                raise ValueError(f"expert_order of layer {layer} doesn't fill all groups alike")
            if sorted(set(order)) != positions:
                raise ValueError(f"expert_order of layer {layer} doesn't name each expert")
        if self.placement == "linear" and any(list(o) != positions for o in self.expert_order):
            raise ValueError("placement is linear, and expert_order isn't")
        if not all(self.groups):
            raise ValueError("a group has no file")
        names = [file.name for file in self.files]
        if len(set(names)) < len(names) or MANIFEST in names:
            raise ValueError("two files have one name")
        return self

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read `manifest.json`. Raises CheckpointError if the directory has no whole set."""
        path = directory / MANIFEST
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise CheckpointError(
                f"weights: {path} can't be read ({error.strerror}). Point it at a shard set; "
                "`small4 shard split` makes one, or goes on with an unfinished one."
            ) from error
        except ValidationError as error:
            raise CheckpointError(
                f"weights: {path} isn't a shard set's manifest: {error}"
            ) from error

    def write(self, directory: Path) -> None:
        """Write `manifest.json`, once all else is on disk: it says that the set is whole."""
        write_whole(directory / MANIFEST, f"{self.model_dump_json(indent=1)}\n".encode())

    @property
    def files(self) -> tuple[ShardFile, ...]:
        """All files of the set, companions first."""
        return self.files_of(range(len(self.groups)))

    def files_of(self, groups: Iterable[int]) -> tuple[ShardFile, ...]:
        """All files but the experts of other groups, companions first."""
        return (*self.companions, *self.base, *self._experts_of(groups), *self.draft)

    @property
    def slots(self) -> int:
        """Places for experts in each layer: more than there are experts if some are replicated."""
        return len(self.expert_order[0]) if self.expert_order else self.num_experts

    @property
    def replicas(self) -> int:
        """Slots beyond the number of experts, over all groups; vLLM's `num_redundant_experts`."""
        return self.slots - self.num_experts

    def groups_of(self, rank: int, expert_parallel: int) -> range:
        """Return the groups that a rank of `expert_parallel` ranks reads.

        One set serves every size that divides the number of its groups. Raises CheckpointError for
        another size, and for a rank outside it.
        """
        groups = len(self.groups)
        if expert_parallel < 1 or groups % expert_parallel:
            sizes = ", ".join(str(size) for size in range(1, groups + 1) if groups % size == 0)
            raise CheckpointError(
                f"weights: a shard set of {groups} expert groups can't be read by "
                f"{expert_parallel} expert-parallel ranks, only by {sizes}. Split it again with "
                f"--expert-parallel {expert_parallel}, or a multiple of it."
            )
        if not 0 <= rank < expert_parallel:
            raise CheckpointError(f"weights: no rank {rank} among {expert_parallel}, from 0 on")
        share = groups // expert_parallel
        return range(rank * share, (rank + 1) * share)

    def weights_of(self, ranks: Iterable[int], expert_parallel: int) -> tuple[ShardFile, ...]:
        """Return the weight files that these ranks read, each once: experts, then the base.

        Ranks that begin with what is theirs don't queue for the files that all of them want.
        """
        groups = {group for rank in ranks for group in self.groups_of(rank, expert_parallel)}
        return (*self._experts_of(groups), *self.base)

    def _experts_of(self, groups: Iterable[int]) -> Iterator[ShardFile]:
        return (file for group in sorted(groups) for file in self.groups[group])
