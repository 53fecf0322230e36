"""The model of a manifest, counted from its params.json, as the planner wants it."""

import math
import re
from dataclasses import replace
from pathlib import Path

from cluster.plan.model import Head, Model, Vision, Weights
from model_shards.architecture import Architecture, VisionEncoder
from model_shards.draft_head import LAYERS as HEAD_LAYERS
from model_shards.draft_head import head_shapes
from model_shards.sizes import (
    Parts,
    Precision,
    absorbed_bytes,
    full_bytes,
    latent_bytes,
    parameters,
    rotary_bytes,
    weight_bytes,
)

# Of one activation that experts multiply: NVFP4 has a scale in FP8 for 16 of them.
_ACTIVATION_BYTES: dict[Precision, float] = {"fp8": 1, "nvfp4": 9 / 16, "bf16": 2, "fp32": 4}


def model_spec(params: Path) -> Model:
    """Count a model from its params.json. Raises CheckpointError if the file isn't one."""
    a = Architecture.read(params)
    counted = parameters(a)
    return Model(
        name=params.stem if params.stem != "params" else params.parent.name,
        layers=a.n_layers,
        hidden=a.dim,
        vocabulary=a.vocab_size,
        most_tokens=a.max_position_embeddings,
        heads=a.n_heads,
        query_dim=a.qk_nope_head_dim + a.qk_rope_head_dim,
        value_dim=a.v_head_dim,
        latent_dim=a.kv_lora_rank,
        rotary_dim=a.qk_rope_head_dim,
        experts=a.moe.num_experts,
        experts_per_token=a.moe.num_experts_per_tok,
        expert_hidden=a.moe.expert_hidden_dim,
        expert_parameters=counted.experts // (a.moe.num_experts * a.n_layers),
        token_parameters=counted.base - counted.embeddings - counted.vision,
        latent_elements=latent_bytes(a, element_bytes=1),
        full_elements=full_bytes(a, element_bytes=1),
        added_bytes=absorbed_bytes(a) + rotary_bytes(a),
        vision=_vision(a.vision_encoder),
        weights={precision: _weights(a, precision) for precision in _ACTIVATION_BYTES},
        head=_head(a),
    )


def _head(architecture: Architecture) -> Head:
    """Count a head's bytes in FP8, and in BF16 what vLLM's MLA derives from it."""
    sizes = {name: math.prod(shape) for name, shape in head_shapes(architecture)}
    whole = sum(size for name, size in sizes.items() if re.search("_norm|norm\\.|wq_a|wkv_a", name))
    return Head(
        layers=HEAD_LAYERS,
        split_bytes=sum(sizes.values()) - whole,
        whole_bytes=whole,
        added_bytes=absorbed_bytes(architecture) * HEAD_LAYERS // architecture.n_layers,
    )


def _vision(encoder: VisionEncoder) -> Vision:
    side = encoder.max_image_size // encoder.patch_size
    rows = side // encoder.spatial_merge_size
    return Vision(
        image_patches=side**2,
        image_tokens=rows * (rows + 1),
        hidden=encoder.hidden_size,
        intermediate=encoder.intermediate_size,
    )


def _weights(architecture: Architecture, precision: Precision) -> Weights:
    held = weight_bytes(architecture, precision)
    whole = Parts(latents=held.latents, gates=held.gates, norms=held.norms).base
    read = replace(held, embeddings=held.embeddings // 2, vision=0).base
    return Weights(
        split_bytes=held.base - whole,
        whole_bytes=whole,
        experts_bytes=held.experts,
        step_bytes=read,
        activation_bytes=_ACTIVATION_BYTES[precision],
    )
