"""Sizes in bytes of the parts of a checkpoint and of a KV cache, from the architecture alone.

The 119B's file, `configs/models/mistral-small-4.json`, was written from public descriptions. Its
language half is confirmed by transformers 5.19's `Mistral4Config`, the intermediate size that
nothing uses (no layer is dense) included. The whole is confirmed by the published checkpoint's
42,741 tensors and 119,401,317,952 parameters, of which 119,401,298,944 are counted here, and
19,008 are scales. (How many heads the vision encoder has doesn't show in its sizes.)
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from model_shards.architecture import Architecture
from model_shards.tensors import tensor_shapes

Precision = Literal["fp8", "nvfp4", "bf16", "fp32"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Parameters or bytes of a checkpoint's tensors, by part of the model."""

    embeddings: int = 0  # of tokens, and the matrix that gives logits
    heads: int = 0  # attention's matrices with a share for each head
    latents: int = 0  # attention's matrices from hidden states to what the heads share
    gates: int = 0
    norms: int = 0
    shared_experts: int = 0
    vision: int = 0  # its projector included
    experts: int = 0  # all routed experts of all layers

    @property
    def base(self) -> int:
        """The part that every expert-parallel rank holds: all but the routed experts."""
        return self.total - self.experts

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))

    def of_rank(self, expert_parallel: int) -> int:
        """Return what each of `expert_parallel` ranks holds, whose number divides the experts."""
        return self.base + self.experts // expert_parallel


def parameters(architecture: Architecture) -> Parts:
    """Count the parameters in the very list that names a checkpoint's tensors."""
    counted: dict[str, int] = {}
    for name, shape in tensor_shapes(architecture):
        part = _part(name)
        counted[part] = counted.get(part, 0) + math.prod(shape)
    return Parts(**counted)


# A tensor belongs to the first part whose pattern its name matches.
_PARTS = {
    "vision": r"^vision_|^pre_mm_projector|^patch_merger",
    "norms": r"norm\.weight$",
    "experts": r"\.experts\.",
    "shared_experts": r"\.shared_experts\.",
    "gates": r"\.gate\.",
    "latents": r"\.(wq_a|wkv_a_with_mqa)\.",
    "heads": r"\.attention\.",
    "embeddings": r"^(tok_embeddings|output)\.",
}


def _part(name: str) -> str:
    return next(part for part, pattern in _PARTS.items() if re.search(pattern, name))


# Bytes of a parameter. Both quantised checkpoints leave embeddings, logits, gates, norms and vision
# in BF16 (https://recipes.vllm.ai/mistralai/Mistral-Small-4-119B-2603 says it of FP8). FP8 has one
# scale a tensor, which isn't counted. NVFP4 has four bits a parameter, and an FP8 scale for 16
# parameters; that its 72 GB leave attention and shared experts in BF16, too, is inferred from the
# size.
_IN_FP8 = dict.fromkeys(("heads", "latents", "shared_experts", "experts"), 1.0)
_QUANTISED: Mapping[Precision, Mapping[str, float]] = {
    "fp8": _IN_FP8,
    "nvfp4": {"experts": 4 / 8 + 1 / 16},
    "bf16": {},
    "fp32": {},
}


def weight_bytes(architecture: Architecture, precision: Precision) -> Parts:
    """Return the bytes of a checkpoint's tensors, all of which an engine's GPUs hold."""
    counted, quantised = parameters(architecture), _QUANTISED[precision]
    otherwise = 4 if precision == "fp32" else 2
    return Parts(
        **{
            field.name: int(getattr(counted, field.name) * quantised.get(field.name, otherwise))
            for field in fields(Parts)
        }
    )


def absorbed_bytes(architecture: Architecture) -> int:
    """Return the bytes of a second copy of attention's `wkv_b`, in BF16.

    vLLM's MLA keeps it as two batches of matrices for decoding, and whole for prompts
    (`model_executor/layers/attention/mla_attention.py`, `process_weights_after_loading`).
    """
    a = architecture
    heads = a.n_heads * (a.qk_nope_head_dim + a.v_head_dim)
    return 2 * a.n_layers * heads * a.kv_lora_rank


def rotary_bytes(architecture: Architecture, element_bytes: int = 4) -> int:
    """Return the bytes of the table of cosines and sines, as long as YaRN reaches.

    All layers share it. vLLM's `DeepseekScalingRotaryEmbedding` makes it whole, whatever
    `max_model_len` is, and keeps it in float32 or in the model's type.
    """
    a = architecture
    positions = int(a.yarn.original_max_position_embeddings * a.yarn.factor)
    return positions * a.qk_rope_head_dim * element_bytes


def latent_bytes(architecture: Architecture, element_bytes: int = 2) -> int:
    """Return a token's bytes in the KV cache with MLA.

    It holds one latent and one rotated key for all heads.
    """
    a = architecture
    return (a.kv_lora_rank + a.qk_rope_head_dim) * element_bytes * a.n_layers


def full_bytes(architecture: Architecture, element_bytes: int = 2) -> int:
    """Return a token's bytes in the KV cache without MLA (`VLLM_MLA_DISABLE=1`, as on CPUs).

    It holds keys and values of each head, values padded to the size of keys as vLLM's
    `DeepseekV2Attention` does.
    """
    a = architecture
    head = a.qk_nope_head_dim + a.qk_rope_head_dim
    return 2 * a.n_heads * head * element_bytes * a.n_layers
