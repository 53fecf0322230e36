"""Plans what a split writes: each file's name, size, and the ranges of the source it is made of."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Self

from configs.errors import CheckpointError
from configs.speculation import DRAFT
from model_shards.architecture import Architecture
from model_shards.draft_head import require_draft
from model_shards.placement.order import ExpertOrder, linear_order
from model_shards.shard_set.manifest import FILE_NAME, MANIFEST, Manifest, ShardFile, Source
from model_shards.shard_set.placed_tensor import PlacedTensor, place, require_experts
from model_shards.shard_set.planned_file import PlannedFile, weight_files, whole
from model_shards.shard_set.replica_bytes import require_few_replicas
from model_shards.shard_set.source_checkpoint import SourceCheckpoint

FILE_BYTES = 2 * 10**9  # small enough to be sent side by side, and to be redone after a kill


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole split; to plan it, only headers and samples of the source's weights are read."""

    source: Source
    num_experts: int
    order: ExpertOrder
    companions: tuple[PlannedFile, ...]
    base: tuple[PlannedFile, ...]
    groups: tuple[tuple[PlannedFile, ...], ...]
    draft: tuple[PlannedFile, ...]

    @classmethod
    def make(
        cls,
        directory: Path,
        order: ExpertOrder,
        groups: int,
        file_bytes: int = FILE_BYTES,
        draft: Path | None = None,
    ) -> Self:
        """Plan a split into `groups` of experts, and into files of at most about `file_bytes`.

        A draft head's own checkpoint, `draft`, goes along as it is. Raises CheckpointError if the
        source isn't sound, or can't be cut like this.
        """
        architecture = Architecture.load(directory)
        _require_cut(architecture, order, groups)
        checkpoint = SourceCheckpoint.read(directory)
        require_experts(checkpoint.tensors, architecture.n_layers, architecture.moe.num_experts)
        by_group: dict[int | None, list[PlacedTensor]] = {}
        for tensor in checkpoint.tensors.values():
            for placed in place(tensor, order, groups, architecture.moe.num_experts):
                by_group.setdefault(placed.group, []).append(placed)
        slots, experts = len(order[0]), architecture.moe.num_experts
        require_few_replicas(chain(*by_group.values()), (slots - experts) // groups)

        def files(prefix: str, group: int | None) -> tuple[PlannedFile, ...]:
            return weight_files(prefix, by_group.get(group, ()), checkpoint.metadata, file_bytes)

        head = SourceCheckpoint.read(draft) if draft else None
        companions = [whole(path) for path in checkpoint.companions]
        if head:
            require_draft(head.directory, architecture)
            companions += [whole(path, DRAFT) for path in head.companions]
        plan = cls(
            source=Source(name=directory.resolve().name, identity=checkpoint.identity()),
            num_experts=architecture.moe.num_experts,
            order=order,
            companions=tuple(companions),
            base=files("base", None),
            groups=tuple(files(f"experts-{group:03d}", group) for group in range(groups)),
            draft=tuple(whole(path, DRAFT) for path in head.weights) if head else (),
        )
        _require_names(plan)
        return plan

    @property
    def files(self) -> tuple[PlannedFile, ...]:
        """All planned files, companions first."""
        return (*self.companions, *self.weights, *self.draft)

    @property
    def weights(self) -> tuple[PlannedFile, ...]:
        return (*self.base, *(file for group in self.groups for file in group))

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    def key(self) -> str:
        """Return the SHA-256 of all that decides the files, the source's times included."""
        sources = sorted({part.path for file in self.files for part in file.ranges})
        stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sources]
        files = [(file.name, file.size_bytes) for file in self.files]
        facts = json.dumps([self.source.identity, self.order, files, stats])
        return hashlib.sha256(facts.encode()).hexdigest()

    def manifest(self, sha256: Mapping[str, str]) -> Manifest:
        """Return the manifest of the written files; `sha256` has their digests by name."""

        def held(files: Iterable[PlannedFile]) -> tuple[ShardFile, ...]:
            return tuple(
                ShardFile(name=file.name, size_bytes=file.size_bytes, sha256=sha256[file.name])
                for file in files
            )

        linear = linear_order(len(self.order), self.num_experts)
        return Manifest(
            source=self.source,
            placement="linear" if self.order == linear else "balanced",
            num_experts=self.num_experts,
            expert_order=self.order,
            companions=held(self.companions),
            base=held(self.base),
            groups=tuple(held(group) for group in self.groups),
            draft=held(self.draft),
        )


def _require_cut(source: Architecture, order: ExpertOrder, groups: int) -> None:
    layers, experts = source.n_layers, source.moe.num_experts
    if groups < 1 or experts % groups:
        sizes = ", ".join(str(size) for size in range(1, experts + 1) if experts % size == 0)
        raise CheckpointError(
            f"expert-parallel: {experts} experts can't be cut into {groups} equal groups. Choose "
            f"one of {sizes}; a set serves every size that divides its own"
        )
    slots = {len(layer) for layer in order}
    named = all(sorted(set(layer)) == list(range(experts)) for layer in order)
    if len(order) != layers or len(slots) != 1 or max(slots) % groups or not named:
        raise CheckpointError(
            f"placement: it isn't an order of {experts} experts in each of {layers} layers. Use "
            "an expert load that was recorded with this model"
        )
    if source.moe.num_expert_groups > 1 and order != linear_order(layers, experts):
        raise CheckpointError(
            f"moe.num_expert_groups: {source.moe.num_expert_groups} in params.json: a token may "
            "choose from a few groups of neighbouring experts only, so another order would change "
            "what the model computes. Split with --placement linear"
        )


def _require_names(plan: Plan) -> None:
    taken = {MANIFEST, *(file.name for file in plan.weights)}
    for file in plan.companions:
        if file.name in taken or not FILE_NAME.fullmatch(file.name):
            raise CheckpointError(
                f"source: {file.name!r} can't be the name of a file in a shard set, where letters, "
                "digits and _.- may be, and the names of its own files not. Rename or remove it"
            )
