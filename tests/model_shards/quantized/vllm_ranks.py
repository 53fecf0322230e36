"""vLLM's own layers and functions at one rank of a gang, whose ranks are processes.

Importing this module imports vLLM: ranks are forked from a server that has done so once. Read from
vLLM 0.32.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from vllm.config import set_current_vllm_config
from vllm.distributed import init_distributed_environment, initialize_model_parallel, parallel_state
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.layers.fused_moe.activation import MoEActivation
from vllm.model_executor.layers.fused_moe.oracle.nvfp4 import (
    NvFp4MoeBackend,
    convert_to_nvfp4_moe_kernel_format,
)
from vllm.model_executor.layers.fused_moe.routed_experts import RoutedExperts
from vllm.model_executor.layers.quantization.compressed_tensors.compressed_tensors_moe import (
    compressed_tensors_moe_w4a4_nvfp4 as nvfp4_method,
)
from vllm.model_executor.layers.quantization.utils import flashinfer_fp4_moe
from vllm.model_executor.layers.quantization.utils.fp8_utils import (
    process_fp8_input_tensor_strategy_moe,
)
from vllm.model_executor.model_loader import get_model_loader
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.model_executor.models import (
    mistral_large_3,  # noqa: F401 - imported once, here
    pixtral,  # noqa: F401
)

from configs.deployment import Deployment
from deployments.vllm_config import rank_config

Tensors = dict[str, torch.Tensor]

_NVFP4 = ("FLASHINFER_CUTLASS", "FLASHINFER_CUTEDSL")


def reduced(rank: int, size: int, port: int, w13: torch.Tensor, w2: torch.Tensor) -> Tensors:
    """Return the scales that kernels of this rank get, from all experts' scales (experts,)."""
    init_distributed_environment(size, rank, f"tcp://127.0.0.1:{port}", rank, "gloo")
    parallel_state._EP = parallel_state.init_model_parallel_group(
        [list(range(size))], rank, "gloo", group_name="ep"
    )
    return _reduced(w13.chunk(size)[rank], w2.chunk(size)[rank])


def loaded(
    rank: int, size: int, port: int, checkpoint: Path, **loading: Any
) -> tuple[Tensors, list[Tensors]]:
    """Load nano's real model at one data-parallel rank.

    Return the tensors that its expert layers then hold, and the scales that their kernels get.
    """
    config = _engine_config(checkpoint, rank, size, port, **loading)
    with set_current_vllm_config(config):
        init_distributed_environment(1, 0, f"tcp://127.0.0.1:{port}", 0, "gloo")
        initialize_model_parallel()
        torch.set_default_dtype(torch.bfloat16)
        model = initialize_model(config)
        get_model_loader(config.load_config).load_weights(model, config.model_config)
    held: Tensors = {}
    kernels = []
    for number, layer in enumerate(m for m in model.modules() if isinstance(m, RoutedExperts)):
        named = {name: tensor.detach() for name, tensor in layer.named_parameters()}
        held |= {f"{number}.{name}": tensor for name, tensor in named.items()}
        kernels.append(_reduced(*_input_scales(named)))
    return held, kernels


def configured(rank: int, size: int, port: int, checkpoint: Path) -> None:
    """Make the config of one of two ranks, as a shard does before it starts its engine."""
    deployment = Deployment.model_validate(
        {
            "model": {"source": checkpoint},
            "gangs": {"ranks": 2},
            "engine": {"max_model_len": 1024, "kv_cache_memory_bytes": 64 << 20},
        }
    )
    rank_config(deployment, rank, "127.0.0.1", port, "tcp://127.0.0.1:1")


def _engine_config(checkpoint: Path, rank: int, size: int, port: int, **loading: Any) -> Any:
    # No NVFP4 kernel is for CPUs; what is allocated is the same for all of FlashInfer's.
    nvfp4_method.select_nvfp4_moe_backend = lambda **_: (NvFp4MoeBackend.FLASHINFER_CUTLASS, None)
    config = EngineArgs(
        model=str(checkpoint),
        tokenizer_mode="mistral",
        config_format="mistral",
        dtype="bfloat16",
        enable_expert_parallel=True,
        enforce_eager=True,
        max_model_len=1024,
        kv_cache_memory_bytes=64 << 20,
        data_parallel_size=size,
        data_parallel_rank=rank if size > 1 else None,
        data_parallel_address="127.0.0.1",
        **{"load_format": "mistral", **loading},
    ).create_engine_config()
    config.parallel_config.data_parallel_master_port = port
    config.parallel_config._data_parallel_master_port_list = []
    return config


def _input_scales(layer: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
    if "w13_input_scale" in layer:
        return layer["w13_input_scale"], layer["w2_input_scale"]
    return 1 / layer["w13_input_global_scale"], 1 / layer["w2_input_global_scale"]


def _reduced(w13: torch.Tensor, w2: torch.Tensor) -> Tensors:
    """Reduce this rank's scales as vLLM does for its FP8 kernels and two of its NVFP4 kernels."""
    given = {"fp8": process_fp8_input_tensor_strategy_moe(w13.flatten(), w2, enable_eplb=False)}
    for backend in _NVFP4:
        kernel = _nvfp4_scales(NvFp4MoeBackend[backend], w13, w2)
        given[backend] = tuple(_only(of_experts) for of_experts in kernel)
    return {
        name: torch.stack([scale.reshape(()) for scale in pair]) for name, pair in given.items()
    }


def _only(scales: torch.Tensor) -> torch.Tensor:
    """Return the one scale that all of this rank's experts have got."""
    (scale,) = set(scales.tolist())
    return torch.tensor(scale, dtype=torch.float32)  # the default is the model's


def _nvfp4_scales(
    backend: NvFp4MoeBackend, w13: torch.Tensor, w2: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give vLLM's preparation these scales, and the smallest experts that it takes."""
    flashinfer_fp4_moe.swizzle_blockscale = lambda block_scales: block_scales  # needs a GPU
    experts, hidden, intermediate = len(w2), 256, 64
    layer = SimpleNamespace(
        activation=MoEActivation.SILU,
        moe_config=SimpleNamespace(
            moe_parallel_config=SimpleNamespace(enable_eplb=False),
            hidden_dim=hidden,
            hidden_dim_unpadded=None,
        ),
    )
    packed = torch.zeros(experts, 2 * intermediate, hidden // 2, dtype=torch.uint8)
    down = torch.zeros(experts, hidden, intermediate // 2, dtype=torch.uint8)
    ones = torch.ones(experts)
    prepared = convert_to_nvfp4_moe_kernel_format(
        nvfp4_backend=backend,
        layer=layer,
        w13=packed,
        w13_scale=torch.zeros(experts, 2 * intermediate, hidden // 16).to(torch.float8_e4m3fn),
        w13_scale_2=ones,
        a13_scale=w13,
        w2=down,
        w2_scale=torch.zeros(experts, hidden, intermediate // 16).to(torch.float8_e4m3fn),
        w2_scale_2=ones,
        a2_scale=w2,
        is_act_and_mul=True,
    )
    return prepared[3], prepared[7]
