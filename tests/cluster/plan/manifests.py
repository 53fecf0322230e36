"""Manifests with one group of GPUs, and the model that ships."""

from typing import Any

from cluster.plan.model import Model
from configs.cluster_manifest import ClusterManifest
from configs.schema import PROJECT_ROOT
from deployments.model_spec import model_spec

SMALL_4: Model = model_spec(PROJECT_ROOT / "configs/models/mistral-small-4.json")

# https://recipes.vllm.ai/mistralai/Mistral-Small-4-119B-2603
RECIPE = {
    "max_model_len": 262_144,
    "max_num_batched_tokens": 16_384,
    "max_num_seqs": 128,
    "gpu_memory_utilization": 0.8,
}


def gpus(kind: str, number: int) -> dict[str, Any]:
    """Describe a group of machines with so many GPUs of a kind."""
    return {"hardware": {"cpus": 64, "memory_gib": 1000, "gpus": number, "gpu": kind}}


def manifest_of(group: dict[str, Any], **serving: Any) -> ClusterManifest:
    return ClusterManifest.model_validate(
        {
            "name": "test",
            "provider": {"type": "local"},
            "head": {"name": "head", "machine": "m7i.4xlarge"},
            "groups": [{"name": "gpu"} | group],
            "weights": {"format": "expert_shards", "source": "s3://bucket/prefix"},
            "serving": serving,
        }
    )
