"""Mistral Small 4's forward pass by transformers, on a checkpoint in Mistral's own format.

It shares no code with the engine or with `model_shards`, beyond reading `params.json`.
"""

import re
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import Mistral4Config, Mistral4ForCausalLM

from model_shards.architecture import Architecture

# Both sides keep rotary pairs interleaved (`rope_interleave`, `is_neox_style=False`), so no
# matrix of queries or keys is permuted.
_NAMES = {
    "tok_embeddings": "model.embed_tokens",
    "norm": "model.norm",
    "output": "lm_head",
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
# Text only: images meet the text model as embeddings, before the first expert.
_VISION = ("vision_encoder.", "vision_language_adapter.", "patch_merger.", "pre_mm_projector_norm.")

Tensors = dict[str, torch.Tensor]


def load_text_tensors(checkpoint: Path) -> Tensors:
    """Every tensor of the text model in float32, by its name in the checkpoint."""
    return {
        name: tensor.float()
        for file in sorted(checkpoint.glob("consolidated*.safetensors"))
        for name, tensor in load_file(file).items()
        if not name.startswith(_VISION)
    }


class Reference:
    """The model in float32, with the plainest of transformers' implementations."""

    def __init__(self, architecture: Architecture, tensors: Tensors) -> None:
        self.model = Mistral4ForCausalLM(_config(architecture)).eval()
        self.model.load_state_dict(_renamed(architecture, tensors), strict=True)

    @torch.inference_mode()
    def logprobs(self, token_ids: list[int]) -> torch.Tensor:
        """Log-probabilities of every token after each prefix, float32 (len - 1, vocab)."""
        logits: torch.Tensor = self.model(torch.tensor([token_ids]), use_cache=False).logits
        return logits[0, :-1].log_softmax(dim=-1)


def _config(a: Architecture) -> Mistral4Config:
    if a.yarn.apply_scale:
        raise ValueError("yarn.apply_scale: true; written for checkpoints that say false")
    if a.yarn.original_max_position_embeddings != (
        a.llama_4_scaling.original_max_position_embeddings
    ):
        raise ValueError("transformers knows one original length for YaRN and query scaling")
    return Mistral4Config(
        vocab_size=a.vocab_size,
        hidden_size=a.dim,
        intermediate_size=a.hidden_dim,
        moe_intermediate_size=a.moe.expert_hidden_dim,
        num_hidden_layers=a.n_layers,
        num_attention_heads=a.n_heads,
        num_key_value_heads=a.n_kv_heads,
        n_shared_experts=a.moe.num_shared_experts,
        n_routed_experts=a.moe.num_experts,
        num_experts_per_tok=a.moe.num_experts_per_tok,
        n_group=a.moe.num_expert_groups,
        topk_group=a.moe.num_expert_groups_per_tok,
        routed_scaling_factor=a.moe.routed_scale,
        first_k_dense_replace=a.moe.first_k_dense_replace,
        q_lora_rank=a.q_lora_rank,
        kv_lora_rank=a.kv_lora_rank,
        qk_rope_head_dim=a.qk_rope_head_dim,
        qk_nope_head_dim=a.qk_nope_head_dim,
        v_head_dim=a.v_head_dim,
        max_position_embeddings=a.max_position_embeddings,
        rms_norm_eps=a.norm_eps,
        tie_word_embeddings=a.tied_embeddings,
        rope_parameters=_rope(a),
        attn_implementation="eager",
        experts_implementation="eager",
    )


def _rope(a: Architecture) -> dict[str, str | float]:
    # `apply_scale: false` forbids YaRN's magnitude correction. transformers' own converter writes
    # mscale_all_dim 1 whatever `apply_scale` says, which since transformers PR 47435 multiplies
    # attention scores by 2.2: so that key stays out.
    return {
        "rope_type": "yarn",
        "rope_theta": a.rope_theta,
        "factor": a.yarn.factor,
        "original_max_position_embeddings": a.yarn.original_max_position_embeddings,
        "beta_fast": a.yarn.beta,
        "beta_slow": a.yarn.alpha,
        "attention_factor": 1.0,
        "llama_4_scaling_beta": a.llama_4_scaling.beta,
    }


def _renamed(a: Architecture, tensors: Tensors) -> Tensors:
    experts = re.compile(r"layers\.\d+\.experts\.")
    renamed = {_name(name): t for name, t in tensors.items() if not experts.match(name)}
    for layer in range(a.n_layers):
        ours, theirs = f"layers.{layer}.experts", f"model.layers.{layer}.mlp.experts"
        w1, w2, w3 = (
            torch.stack([tensors[f"{ours}.{e}.{w}.weight"] for e in range(a.moe.num_experts)])
            for w in ("w1", "w2", "w3")
        )
        renamed[f"{theirs}.gate_up_proj"] = torch.cat((w1, w3), dim=1)
        renamed[f"{theirs}.down_proj"] = w2
    return renamed


def _name(name: str) -> str:
    if layer := re.match(r"layers\.\d+\.", name):
        return f"model.{layer[0]}{_NAMES[name[layer.end() : -len('.weight')]]}.weight"
    return _NAMES[name.removesuffix(".weight")] + ".weight"
