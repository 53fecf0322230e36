"""Converts tensors between Mistral's own names and layouts and those of transformers."""

import re
from collections.abc import Iterator

import torch

from model_shards.architecture import Architecture
from model_shards.tensors import tensor_shapes

Tensors = dict[str, torch.Tensor]

_TEXT = "model.language_model."
_OUTSIDE = {
    "tok_embeddings": _TEXT + "embed_tokens",
    "norm": _TEXT + "norm",
    "output": "lm_head",
    "vision_encoder.patch_conv": "model.vision_tower.patch_conv",
    "vision_encoder.ln_pre": "model.vision_tower.ln_pre",
    "pre_mm_projector_norm": "model.multi_modal_projector.norm",
    "patch_merger.merging_layer": "model.multi_modal_projector.patch_merger.merging_layer",
    "vision_language_adapter.w_in": "model.multi_modal_projector.linear_1",
    "vision_language_adapter.w_out": "model.multi_modal_projector.linear_2",
}
# Text: both sides rotate neighbours (`rope_interleave`, `is_neox_style=False`), so queries and
# keys stay in their order.
_TEXT_LAYER = {
    "attention_norm": "input_layernorm",
    "attention.wq_a": "self_attn.q_a_proj",
    "attention.q_a_norm": "self_attn.q_a_layernorm",
    "attention.wq_b": "self_attn.q_b_proj",
    "attention.wkv_a_with_mqa": "self_attn.kv_a_proj_with_mqa",
    "attention.kv_a_norm": "self_attn.kv_a_layernorm",
    "attention.wkv_b": "self_attn.kv_b_proj",
    "attention.wo": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "gate": "mlp.gate",
    "shared_experts.w1": "mlp.shared_experts.gate_proj",
    "shared_experts.w2": "mlp.shared_experts.down_proj",
    "shared_experts.w3": "mlp.shared_experts.up_proj",
}
_VISION_LAYER = {
    "attention_norm": "attention_norm",
    "attention.wq": "attention.q_proj",
    "attention.wk": "attention.k_proj",
    "attention.wv": "attention.v_proj",
    "attention.wo": "attention.o_proj",
    "ffn_norm": "ffn_norm",
    "feed_forward.w1": "feed_forward.gate_proj",
    "feed_forward.w2": "feed_forward.down_proj",
    "feed_forward.w3": "feed_forward.up_proj",
}
_LAYER = re.compile(r"(vision_encoder\.transformer\.)?(layers\.\d+\.)(.+)")
_ROTATED = re.compile(r"vision_tower.*\.[qk]_proj")


def to_transformers(a: Architecture, tensors: Tensors) -> Tensors:
    """Convert tensors of a checkpoint in Mistral's format to a state of `transformers_model`."""
    renamed = {transformers_name(name): t for name, t in tensors.items() if ".experts." not in name}
    for layer in range(a.n_layers):
        ours, theirs = f"layers.{layer}.experts", f"{_TEXT}layers.{layer}.mlp.experts"
        w1, w2, w3 = (
            torch.stack([tensors[f"{ours}.{e}.{w}.weight"] for e in range(a.moe.num_experts)])
            for w in ("w1", "w2", "w3")
        )
        renamed[f"{theirs}.gate_up_proj"] = torch.cat((w1, w3), dim=1)
        renamed[f"{theirs}.down_proj"] = w2
    return {
        name: _halves(tensor, a.vision_encoder.num_attention_heads)
        if _ROTATED.search(name)
        else tensor
        for name, tensor in renamed.items()
    }


def from_transformers(a: Architecture, state: Tensors) -> Iterator[tuple[str, torch.Tensor]]:
    """Convert a state back: yield `(name, tensor)` in the order of a checkpoint."""
    for name, _ in tensor_shapes(a):
        if ".experts." in name:
            yield name, _expert(name, state)
            continue
        theirs = transformers_name(name)
        tensor = state[theirs]
        if _ROTATED.search(theirs):
            tensor = _neighbours(tensor, a.vision_encoder.num_attention_heads)
        yield name, tensor


def _expert(name: str, state: Tensors) -> torch.Tensor:
    _, layer, _, expert, matrix, _ = name.split(".")
    theirs = f"{_TEXT}layers.{layer}.mlp.experts"
    if matrix == "w2":
        return state[f"{theirs}.down_proj"][int(expert)]
    return state[f"{theirs}.gate_up_proj"][int(expert)].chunk(2)[matrix == "w3"]


def transformers_name(name: str) -> str:
    """Return what transformers calls a tensor, other than an expert's."""
    stem = name.removesuffix(".weight")
    layer = _LAYER.fullmatch(stem)
    if layer is None:
        return _OUTSIDE[stem] + ".weight"
    vision, number, rest = layer.groups()
    if vision:
        return f"model.vision_tower.transformer.{number}{_VISION_LAYER[rest]}.weight"
    return f"{_TEXT}{number}{_TEXT_LAYER[rest]}.weight"


def _halves(matrix: torch.Tensor, heads: int) -> torch.Tensor:
    """Return rows (out, in) for a rotation of halves, from rows for a rotation of neighbours.

    For images, transformers rotates element i of a head with i + d/2, Mistral 2i with 2i + 1.
    """
    pairs = matrix.view(heads, -1, 2, matrix.shape[1])
    return pairs.transpose(1, 2).reshape(matrix.shape)


def _neighbours(matrix: torch.Tensor, heads: int) -> torch.Tensor:
    """Undo `_halves`."""
    pairs = matrix.view(heads, 2, -1, matrix.shape[1])
    return pairs.transpose(1, 2).reshape(matrix.shape)
