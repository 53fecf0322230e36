"""What ranks would refuse when they start, found before there are machines.

Read from vLLM 0.32.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cluster.machines import gpu_of
from cluster.plan.layout import Layout
from configs.cluster_manifest import ClusterManifest
from configs.errors import ConfigError
from configs.weights import S3
from model_shards.shard_set.manifest import MANIFEST, Manifest

_ENGINE = "serving.deployment.engine"
# Engine arguments that place experts, with vLLM's defaults. The loader has a say in them.
_PLACING: dict[str, Any] = {
    "expert_placement_strategy": "linear",
    "enable_eplb": False,
    "eplb_config": {},
}
# Back ends that have an expert-parallel kernel, by precision and GPU; a test asks vLLM for them.
_FP8, _NVFP4 = {"triton", "marlin", "humming"}, {"marlin", "humming", "emulation"}
_HOPPER = _FP8 | {"flashinfer_cutlass"}
_FLASHINFER = {"flashinfer_trtllm", "flashinfer_cutlass"}
BACKENDS: dict[str, dict[str, set[str]]] = {
    "fp8": {"L40S": _FP8, "H100": _HOPPER, "H200": _HOPPER, "B200": _FP8 | _FLASHINFER},
    "nvfp4": {
        **dict.fromkeys(("L40S", "H100", "H200"), _NVFP4),
        "B200": _NVFP4 | _FLASHINFER | {"cutlass", "flashinfer_cutedsl"},
    },
}


def refuse_unloadable(manifest: ClusterManifest, layout: Layout) -> None:
    """Raise ConfigError or CheckpointError if a rank couldn't load what the manifest describes."""
    engine = manifest.serving.deployment.get("engine", {})
    _refuse_backend(engine.get("moe_backend", "auto"), manifest, layout)
    if manifest.weights.format != "expert_shards":
        return
    ranks = layout.ranks * layout.tensor_parallel
    if engine.keys() & _PLACING.keys():
        _refuse_moved(engine, ranks, manifest.serving.replicas * ranks)
    _refuse_groups(manifest, ranks)


def _refuse_backend(backend: str, manifest: ClusterManifest, layout: Layout) -> None:
    precision = manifest.serving.precision
    gpu = gpu_of(next(group for group in manifest.groups if group.name == layout.group))
    allowed = BACKENDS.get(precision, {}).get(gpu.name if gpu else "")
    if gpu is None or allowed is None or backend in {"auto", *allowed}:
        return
    raise ConfigError(
        f"{_ENGINE}.moe_backend: {backend!r} has no expert-parallel kernel for {precision} on "
        f"{gpu.name}s. Leave it out, or take one of {', '.join(sorted(allowed))}."
    )


def _refuse_moved(engine: dict[str, Any], ranks: int, replicas: int) -> None:
    # They bring in vLLM.
    from model_shards.loading.loader import refuse_moved_experts
    from model_shards.loading.redundant_experts import require_slots

    given = _PLACING | {"enable_eplb": replicas > 0} | engine
    eplb = {"num_redundant_experts": replicas} | given["eplb_config"]
    given |= {"eplb_config": SimpleNamespace(**eplb), "enable_expert_parallel": True}
    sizes = {"tensor_parallel_size": 1, "prefill_context_parallel_size": 1}
    parallel = SimpleNamespace(**given | sizes | {"data_parallel_size": ranks})
    try:
        refuse_moved_experts(parallel)
        require_slots(parallel, replicas)
    except ConfigError as error:
        raise ConfigError(f"serving.deployment.{error}") from error


def _refuse_groups(manifest: ClusterManifest, size: int) -> None:
    """Raise CheckpointError or ConfigError if a set that lies here isn't for so many ranks."""
    source = manifest.weights.source
    if source is None or source.startswith(S3) or not (Path(source) / MANIFEST).exists():
        return
    shard_set = Manifest.load(Path(source))
    shard_set.groups_of(0, size)
    given = manifest.serving.replicas * size
    if size > 1 and shard_set.replicas != given:
        raise ConfigError(
            f"serving.replicas: {manifest.serving.replicas} for each of {size} GPUs, and the shard "
            f"set in {source} has {shard_set.replicas} in all: give {shard_set.replicas / size:g}"
        )
