"""A shard set of noise: four expert groups, files of some parts each."""

import hashlib
import random
from pathlib import Path

from model_shards.shard_set.manifest import MANIFEST, Manifest, ShardFile, Source

PART_BYTES = 128 << 10
BASE_BYTES = 20 * PART_BYTES + 7  # the last part is short
GROUP_BYTES = 3 * PART_BYTES


def write_set(directory: Path, seed: int = 0, base_bytes: int = BASE_BYTES) -> Manifest:
    """Write the set to a directory; the same seed gives the same bytes."""
    directory.mkdir(parents=True)
    noise = random.Random(seed)

    def written(name: str, size_bytes: int) -> ShardFile:
        content = noise.randbytes(size_bytes)
        (directory / name).write_bytes(content)
        return ShardFile(
            name=name, size_bytes=size_bytes, sha256=hashlib.sha256(content).hexdigest()
        )

    manifest = Manifest(
        source=Source(name="noise", identity="0" * 64),
        placement="linear",
        num_experts=4,
        expert_order=((0, 1, 2, 3),),
        companions=(written("params.json", 300), written("tekken.json", 2000), written("empty", 0)),
        base=(written("base.safetensors", base_bytes),),
        groups=tuple((written(f"experts-{group}.safetensors", GROUP_BYTES),) for group in range(4)),
    )
    (directory / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    return manifest
