"""Names and shapes of every tensor in a checkpoint of Mistral's own format."""

from collections.abc import Iterator

from model_shards.architecture import Architecture, VisionEncoder

INDEX = "consolidated.safetensors.index.json"  # which file holds which tensor

Shape = tuple[int, ...]


def tensor_shapes(architecture: Architecture) -> Iterator[tuple[str, Shape]]:
    """Yield `(name, shape)` in the order a forward pass meets them; matrices are (out, in)."""
    yield "tok_embeddings.weight", (architecture.vocab_size, architecture.dim)
    for layer in range(architecture.n_layers):
        for name, shape in _layer(architecture):
            yield f"layers.{layer}.{name}.weight", shape
    yield "norm.weight", (architecture.dim,)
    yield "output.weight", (architecture.vocab_size, architecture.dim)
    yield from _vision(architecture.vision_encoder, architecture.dim)


def _layer(a: Architecture) -> Iterator[tuple[str, Shape]]:
    yield from attention_shapes(a)
    yield "ffn_norm", (a.dim,)
    yield "gate", (a.moe.num_experts, a.dim)
    hidden = a.moe.expert_hidden_dim
    for expert in range(a.moe.num_experts):
        yield from feed_forward_shapes(f"experts.{expert}", a.dim, hidden)
    yield from feed_forward_shapes("shared_experts", a.dim, hidden * a.moe.num_shared_experts)


def attention_shapes(a: Architecture) -> Iterator[tuple[str, Shape]]:
    """Yield `(name, shape)` of a layer's attention and its norm, without `.weight`."""
    head = a.qk_nope_head_dim + a.qk_rope_head_dim
    yield "attention_norm", (a.dim,)
    yield "attention.wq_a", (a.q_lora_rank, a.dim)
    yield "attention.q_a_norm", (a.q_lora_rank,)
    yield "attention.wq_b", (a.n_heads * head, a.q_lora_rank)
    yield "attention.wkv_a_with_mqa", (a.kv_lora_rank + a.qk_rope_head_dim, a.dim)
    yield "attention.kv_a_norm", (a.kv_lora_rank,)
    yield "attention.wkv_b", (a.n_heads * (a.qk_nope_head_dim + a.v_head_dim), a.kv_lora_rank)
    yield "attention.wo", (a.dim, a.n_heads * a.v_head_dim)


def feed_forward_shapes(prefix: str, dim: int, hidden: int) -> Iterator[tuple[str, Shape]]:
    """Yield `(name, shape)` of three gated matrices, without `.weight`."""
    yield f"{prefix}.w1", (hidden, dim)
    yield f"{prefix}.w2", (dim, hidden)
    yield f"{prefix}.w3", (hidden, dim)


def _vision(v: VisionEncoder, dim: int) -> Iterator[tuple[str, Shape]]:
    yield (
        "vision_encoder.patch_conv.weight",
        (v.hidden_size, v.num_channels, v.patch_size, v.patch_size),
    )
    yield "vision_encoder.ln_pre.weight", (v.hidden_size,)
    for layer in range(v.num_hidden_layers):
        prefix = f"vision_encoder.transformer.layers.{layer}"
        yield f"{prefix}.attention_norm.weight", (v.hidden_size,)
        for matrix in ("wq", "wk", "wv", "wo"):
            yield f"{prefix}.attention.{matrix}.weight", (v.hidden_size, v.hidden_size)
        yield f"{prefix}.ffn_norm.weight", (v.hidden_size,)
        for name, shape in feed_forward_shapes("feed_forward", v.hidden_size, v.intermediate_size):
            yield f"{prefix}.{name}.weight", shape
    yield "pre_mm_projector_norm.weight", (v.hidden_size,)
    merged = v.hidden_size * v.spatial_merge_size**2
    yield "patch_merger.merging_layer.weight", (v.hidden_size, merged)
    yield "vision_language_adapter.w_in.weight", (dim, v.hidden_size)
    yield "vision_language_adapter.w_out.weight", (dim, dim)
