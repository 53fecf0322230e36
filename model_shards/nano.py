"""nano: Mistral Small 4 in miniature, for machines without a GPU.

The same architecture, tensor names, file layout and tokenizer format as the 119B checkpoint, with
small hidden sizes, and random or trained weights. Attention keeps the real head geometry.
"""

import hashlib
import math
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from configs.errors import CheckpointError
from model_shards.architecture import (
    Architecture,
    Llama4Scaling,
    MixtureOfExperts,
    VisionEncoder,
    Yarn,
)
from model_shards.checkpoint import write_tensors
from model_shards.tekken import SPECIAL_TOKENS, small_tekken
from model_shards.tensors import Shape, tensor_shapes

# vLLM's CPU experts want hidden and expert sizes divisible by 32.
NANO = Architecture(
    dim=192,
    n_layers=4,
    head_dim=128,
    hidden_dim=512,
    n_heads=4,
    n_kv_heads=4,
    rope_theta=10_000.0,
    norm_eps=1e-6,
    vocab_size=2240,
    tied_embeddings=False,
    max_position_embeddings=1_048_576,
    q_lora_rank=128,
    kv_lora_rank=256,
    qk_rope_head_dim=64,
    qk_nope_head_dim=64,
    v_head_dim=128,
    llama_4_scaling=Llama4Scaling(original_max_position_embeddings=8192, beta=0.1),
    yarn=Yarn(
        original_max_position_embeddings=8192, factor=128, apply_scale=False, beta=32, alpha=1
    ),
    moe=MixtureOfExperts(
        route_every_n=1,
        first_k_dense_replace=0,
        num_experts=128,
        num_experts_per_tok=4,
        num_expert_groups=1,
        num_expert_groups_per_tok=1,
        routed_scale=1.0,
        expert_hidden_dim=32,
        num_shared_experts=1,
    ),
    vision_encoder=VisionEncoder(
        image_token_id=10,
        image_break_token_id=12,
        image_end_token_id=13,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        mm_projector_id="patch_merge",
        spatial_merge_size=2,
        hidden_size=64,
        num_channels=3,
        image_size=224,
        max_image_size=224,
        patch_size=14,
        rope_theta=10_000.0,
        add_pre_mm_projector_layer_norm=True,
        adapter_bias=False,
    ),
)
TRAINED_NANO = Path(__file__).with_name("nano_checkpoint")
_FILE_BYTES = 12 << 20


def build_nano(out: Path, seed: int = 0) -> Path:
    """Write nano with random weights to `out`; the same seed gives the same bytes."""
    return write_nano(out, _random_tensors(NANO, seed))


def write_nano(
    out: Path,
    tensors: Iterable[tuple[str, torch.Tensor]],
    quantization: Mapping[str, Any] | None = None,
) -> Path:
    """Write a nano checkpoint to `out`, which is replaced only when the new one is whole.

    `quantization` is what params.json says of it. Raises CheckpointError if `out` holds anything
    else.
    """
    _require_replaceable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        staged = Path(scratch) / out.name
        staged.mkdir()
        described = NANO.model_copy(update={"quantization": quantization} if quantization else {})
        params = described.model_dump_json(indent=2)
        (staged / "params.json").write_text(params + "\n", encoding="utf-8")
        (staged / "tekken.json").write_text(small_tekken(NANO) + "\n", encoding="utf-8")
        write_tensors(staged, tensors, _FILE_BYTES)
        if out.exists():
            shutil.rmtree(out)
        staged.rename(out)
    return out


def _require_replaceable(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / "params.json").is_file() or Architecture.load(out).dim != NANO.dim:
        raise CheckpointError(
            f"out: {out} holds something that isn't a nano checkpoint, and would be lost: name "
            "another directory."
        )


def _random_tensors(architecture: Architecture, seed: int) -> Iterator[tuple[str, torch.Tensor]]:
    for name, shape in tensor_shapes(architecture):
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
        yield name, _random(name, shape, generator).to(torch.bfloat16)


def _random(name: str, shape: Shape, generator: torch.Generator) -> torch.Tensor:
    """Return noise that keeps activations near unit size: every layer shows in the output."""
    noise = torch.randn(shape, generator=generator)
    if len(shape) == 1:  # a norm
        return 1 + 0.1 * noise
    if name == "tok_embeddings.weight":
        return noise
    # Sharper gates and logits than 1/sqrt(fan_in) gives: choices should be clear, not ties.
    sharpness = 2.0 if name.endswith((".gate.weight", "output.weight")) else 1.0
    noise *= sharpness / math.sqrt(math.prod(shape[1:]))
    if name == "output.weight":
        # Never the likeliest: a chat shouldn't think, call tools or end by accident.
        noise[:SPECIAL_TOKENS] = 0
    return noise
