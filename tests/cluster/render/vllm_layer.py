"""One expert layer of the 119B as vLLM lays it out at a rank, without a GPU; nothing writes to it.

vLLM chooses the kernel by the platform, and allocates what the kernel's method wants. FlashInfer
isn't installed beside vLLM for CPUs, but it is beside vLLM for GPUs. Read from vLLM 0.32.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from model_shards.shard_set.manifest import Manifest, ShardFile, Source

_EXPERTS = 128
_PRESENT = (
    "has_flashinfer",
    "has_flashinfer_moe",
    "has_flashinfer_trtllm_fused_moe",
    "has_flashinfer_cutlass_fused_moe",
    "has_flashinfer_cutedsl_moe_nvfp4",
    "has_flashinfer_cutedsl_grouped_gemm_nt_masked",
)


def with_flashinfer() -> None:
    """Let vLLM find FlashInfer; call this before vLLM's kernels are imported."""
    from vllm.utils import flashinfer

    for name in _PRESENT:
        setattr(flashinfer, name, lambda: True)


def kernel_of(config: Any) -> str | None:
    """Send a layer through the loader's checks; return the name of its kernel's back end.

    Raises ConfigError or CheckpointError if the loader refuses it.
    """
    from vllm.config import set_current_vllm_config
    from vllm.distributed import parallel_state
    from vllm.model_executor.layers.fused_moe.layer import FusedMoEFactory
    from vllm.model_executor.layers.fused_moe.routed_experts import RoutedExperts

    from model_shards.loading.loader import place_of

    parallel = config.parallel_config
    tensor, data = parallel.tensor_parallel_size, parallel.data_parallel_size
    parallel_state._TP = SimpleNamespace(rank_in_group=0, world_size=tensor)
    parallel_state._DP = SimpleNamespace(rank_in_group=parallel.data_parallel_rank, world_size=data)
    parallel_state._PCP = SimpleNamespace(rank_in_group=0, world_size=1)
    config.compilation_config.static_forward_context.clear()  # of layers' names
    with set_current_vllm_config(config):
        layer = FusedMoEFactory(
            num_experts=_EXPERTS,
            top_k=4,
            hidden_size=4096,
            intermediate_size=2048,
            renormalize=True,
            quant_config=config.quant_config,
            prefix="model.layers.0.mlp.experts",
        )
    assert place_of(layer, _manifest(16)) == (parallel.data_parallel_rank * tensor, data * tensor)
    (method,) = (m.quant_method for m in layer.modules() if isinstance(m, RoutedExperts))
    backend = getattr(method, "nvfp4_backend", None) or getattr(method, "fp8_backend", None)
    return backend and str(backend.name)


def kernels_among(config: Any, backends: Iterable[str]) -> list[str]:
    """Return those of vLLM's `moe_backend`s that it takes for this rank."""
    taken = []
    for backend in backends:
        config.kernel_config.moe_backend = backend
        try:
            kernel_of(config)
        except ValueError as refusal:
            if "MoE" not in str(refusal):
                raise
        else:
            taken.append(backend)
    return taken


def _manifest(groups: int) -> Manifest:
    files = (
        ShardFile(name=f"experts-{group}.safetensors", size_bytes=0, sha256="0" * 64)
        for group in range(groups)
    )
    return Manifest(
        source=Source(name="the 119B", identity="0" * 64),
        placement="linear",
        num_experts=_EXPERTS,
        expert_order=(tuple(range(_EXPERTS)),),
        companions=(),
        base=(),
        groups=tuple((file,) for file in files),
    )
