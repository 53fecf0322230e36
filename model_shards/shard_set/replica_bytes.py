"""Bounds what replicated experts add to a shard set, which ranks read, and hold in memory."""

from collections.abc import Iterable

from configs.errors import CheckpointError
from model_shards.shard_set.placed_tensor import PlacedTensor

MOST_ADDED = 0.05  # of the checkpoint's bytes


def require_few_replicas(placed: Iterable[PlacedTensor], replicas: int) -> None:
    """Raise CheckpointError if `replicas` in each group add more than 5% to the checkpoint."""
    tensors = [placed.tensor for placed in placed]
    source_bytes = sum({tensor.name: tensor.size_bytes for tensor in tensors}.values())
    added = sum(tensor.size_bytes for tensor in tensors) / source_bytes - 1
    if added > MOST_ADDED:
        raise CheckpointError(
            f"replicas: {replicas} in each group add {added:.1%} to the checkpoint's bytes, and at "
            f"most {MOST_ADDED:.0%} is allowed. {int(MOST_ADDED * replicas / added)} fit; fewer "
            "groups leave room for more"
        )
