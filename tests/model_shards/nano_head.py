"""An EAGLE head for nano, of noise: the files that Mistral publishes beside its own models."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from model_shards.draft_head import LAYERS, head_shapes
from model_shards.nano import NANO


def write_head(directory: Path, seed: int = 0, **changes: object) -> Path:
    """Write the head; `changes` are of its params.json."""
    directory.mkdir(parents=True)
    params = NANO.model_dump() | {"n_layers": LAYERS} | changes
    params["moe"] |= {"first_k_dense_replace": LAYERS}
    del params["vision_encoder"]
    (directory / "params.json").write_text(json.dumps(params), "utf-8")
    noise = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(shape, generator=noise).bfloat16() for name, shape in head_shapes(NANO)
    }
    save_file(tensors, directory / "consolidated.safetensors")
    return directory
