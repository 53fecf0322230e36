"""The model's `params.json`, as data.

Field names are those of Mistral's own format, so a file can be read and written unchanged.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from configs.errors import CheckpointError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Llama4Scaling(_Section):
    """Query scaling by position: `1 + beta * log(1 + floor(position / original))`."""

    original_max_position_embeddings: int
    beta: float


class Yarn(_Section):
    """YaRN context extension; `alpha` and `beta` bound the interpolated rotations."""

    original_max_position_embeddings: int
    factor: float
    apply_scale: bool
    beta: float
    alpha: float


class MixtureOfExperts(_Section):
    """The routed experts of one layer, and the shared experts beside them."""

    route_every_n: int
    first_k_dense_replace: int
    num_experts: int
    num_experts_per_tok: int
    num_expert_groups: int
    num_expert_groups_per_tok: int
    routed_scale: float
    expert_hidden_dim: int
    num_shared_experts: int


class VisionEncoder(_Section):
    """The Pixtral encoder; sizes of images and patches are in pixels."""

    image_token_id: int
    image_break_token_id: int
    image_end_token_id: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    mm_projector_id: str
    spatial_merge_size: int
    hidden_size: int
    num_channels: int
    image_size: int
    max_image_size: int
    patch_size: int
    rope_theta: float
    add_pre_mm_projector_layer_norm: bool
    adapter_bias: bool


class Architecture(_Section):
    """The contents of a whole `params.json`."""

    dim: int
    n_layers: int
    head_dim: int
    hidden_dim: int
    n_heads: int
    n_kv_heads: int
    rope_theta: float
    norm_eps: float
    vocab_size: int
    tied_embeddings: bool
    max_position_embeddings: int
    q_lora_rank: int
    kv_lora_rank: int
    qk_rope_head_dim: int
    qk_nope_head_dim: int
    v_head_dim: int
    llama_4_scaling: Llama4Scaling
    yarn: Yarn
    moe: MixtureOfExperts
    vision_encoder: VisionEncoder

    @classmethod
    def load(cls, checkpoint: Path) -> "Architecture":
        """Read a checkpoint's `params.json`. Raises CheckpointError if it can't be read."""
        return cls.read(checkpoint / "params.json")

    @classmethod
    def read(cls, path: Path) -> "Architecture":
        """Read a `params.json`. Raises CheckpointError if it can't be read."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise CheckpointError(
                f"model: {path} can't be read ({error.strerror}). Point it at a checkpoint in "
                "Mistral format, or write the nano model with `small4 nano build`."
            ) from error
        except ValidationError as error:
            raise CheckpointError(f"model: {path} isn't a Mistral params.json: {error}") from error
