"""What a cluster serves: which model, in which precision, within which limits."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from configs.schema import PROJECT_ROOT, PositiveInt, Strict


class Serving(Strict):
    """Settings of what is served; names are vLLM's, and amounts are those of a rank.

    The plan chooses `ranks` and `tensor_parallel_size` if they aren't given.
    """

    params: Path = Field(
        default=Path("configs/models/mistral-small-4.json"),
        description="The model's params.json.",
        validate_default=True,
    )
    precision: Literal["fp8", "nvfp4", "bf16"] = "fp8"
    max_model_len: PositiveInt = 262144
    max_num_seqs: PositiveInt = 128
    max_num_batched_tokens: PositiveInt = 8192
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)] = 0.9
    ranks: PositiveInt | None = Field(default=None, description="Of a gang, data-parallel.")
    tensor_parallel_size: PositiveInt | None = Field(default=None, description="GPUs of a rank.")
    replicas: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Replicated experts of each GPU, where the shard set has them: those of a "
        "group, times the groups that a GPU reads.",
    )
    deployment: dict[str, Any] = Field(
        default_factory=dict,
        description="More of `configs.deployment`, such as access, admission, or "
        "gangs.autoscaling; goes before what is rendered.",
    )

    @field_validator("params")
    @classmethod
    def _absolute(cls, params: Path) -> Path:
        return PROJECT_ROOT / params.expanduser()
