"""`params.json` as transformers' configuration of the same model, and the model itself."""

from transformers import (
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Mistral4Config,
    PixtralVisionConfig,
)

from model_shards.architecture import Architecture, VisionEncoder


def transformers_model(
    a: Architecture, attention: str = "eager"
) -> Mistral3ForConditionalGeneration:
    """Make the model with unset weights; `attention` names one of transformers' implementations.

    To transformers, Mistral Small 4 is a Mistral 3 with Mistral 4's text model in it.
    """
    model = Mistral3ForConditionalGeneration(_config(a, attention))
    # params.json doesn't give this epsilon. vLLM has 1e-5 here as in all norms of the vision
    # encoder, transformers only in those. The difference in the output is twice what float32's
    # rounding leaves otherwise.
    model.model.multi_modal_projector.norm.variance_epsilon = 1e-5
    return model


def _config(a: Architecture, attention: str) -> Mistral3Config:
    return Mistral3Config(
        text_config=_text(a, attention),
        vision_config=_vision(a.vision_encoder, attention),
        image_token_id=a.vision_encoder.image_token_id,
        spatial_merge_size=a.vision_encoder.spatial_merge_size,
        multimodal_projector_bias=a.vision_encoder.adapter_bias,
        vision_feature_layer=-1,
        tie_word_embeddings=a.tied_embeddings,
        attn_implementation=attention,
        experts_implementation="eager",
    )


def _text(a: Architecture, attention: str) -> Mistral4Config:
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
        attn_implementation=attention,
        experts_implementation="eager",
    )


def _rope(a: Architecture) -> dict[str, str | float]:
    if a.yarn.apply_scale:
        raise ValueError("yarn.apply_scale is true; this was written for checkpoints without")
    original_tokens = a.yarn.original_max_position_embeddings
    if original_tokens != a.llama_4_scaling.original_max_position_embeddings:
        raise ValueError("transformers knows one original length for YaRN and query scaling")
    # `apply_scale: false` forbids YaRN's magnitude correction. transformers' own converter writes
    # mscale_all_dim 1 all the same, which since its PR 47435 makes attention scores 2.2 times as
    # large: so that key stays out.
    return {
        "rope_type": "yarn",
        "rope_theta": a.rope_theta,
        "factor": a.yarn.factor,
        "original_max_position_embeddings": original_tokens,
        "beta_fast": a.yarn.beta,
        "beta_slow": a.yarn.alpha,
        "attention_factor": 1.0,
        "llama_4_scaling_beta": a.llama_4_scaling.beta,
    }


def _vision(v: VisionEncoder, attention: str) -> PixtralVisionConfig:
    return PixtralVisionConfig(
        hidden_size=v.hidden_size,
        intermediate_size=v.intermediate_size,
        num_hidden_layers=v.num_hidden_layers,
        num_attention_heads=v.num_attention_heads,
        num_channels=v.num_channels,
        image_size=v.image_size,
        patch_size=v.patch_size,
        hidden_act="silu",
        rope_parameters={"rope_type": "axial", "rope_theta": v.rope_theta},
        attn_implementation=attention,
    )
