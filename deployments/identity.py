"""What must be equal for a rank to continue a stream as another began it.

A rank says it in its roster entry; a router compares it with its own before it uses the rank.
"""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from configs.deployment import Deployment
from configs.errors import CheckpointError
from deployments.vllm_config import model_directory
from model_shards.files.digest import sha256_of
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.source_checkpoint import SourceCheckpoint

Identity = dict[str, str]

# Engine arguments that only say how much an engine does at once.
_SIZES = {
    "gpu_memory_utilization",
    "kv_cache_memory_bytes",
    "max_num_batched_tokens",
    "max_num_seqs",
    "num_gpu_blocks_override",
}
_FILES = ("params.json", "tekken.json")


def identity(deployment: Deployment) -> Identity:
    """Return versions, digests of the model, and engine arguments, by name. Reads files.

    A router without weights doesn't know their digest. Raises CheckpointError or StoreError if
    there is no model.
    """
    from vllm import __version__

    directory = model_directory(deployment)
    files = {name: sha256_of(directory / name) for name in _FILES if (directory / name).is_file()}
    speculative = deployment.model.speculative
    guessed = (
        {"speculative_config": speculative.arguments(speculative.draft)} if speculative else {}
    )
    engine = {
        f"engine.{name}": json.dumps(value, sort_keys=True)
        for name, value in (deployment.engine | guessed).items()
        if name not in _SIZES
    }
    versions = {"small4": version("small4"), "vllm": __version__}
    return versions | files | _weights(deployment, directory) | engine


def _weights(deployment: Deployment, directory: Path) -> Identity:
    if deployment.weights.source is not None:
        manifest = Manifest.load(directory)
        # Experts in another order are summed in another order.
        order = json.dumps([manifest.source.identity, manifest.expert_order])
        return {"weights": hashlib.sha256(order.encode()).hexdigest()}
    try:
        return {"weights": SourceCheckpoint.read(directory).identity()}
    except CheckpointError:
        return {}


def differences(here: Identity, there: Identity) -> list[str]:
    """Say in what a rank (`there`) differs from its router (`here`), if both know it.

    An engine argument that one of them lacks is a difference, too.
    """
    both = here.keys() & there.keys()
    arguments = {name for name in here.keys() ^ there.keys() if name.startswith("engine.")}
    return [
        f"{name} is {there.get(name, 'not set')} there and {here.get(name, 'not set')} here"
        for name in sorted(both | arguments)
        if here.get(name) != there.get(name)
    ]
