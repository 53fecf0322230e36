"""`python -m tests.cluster.render.vllm_configs DIR` asks whether vLLM takes deployments' arguments.

Stdin has lines of JSON: a GPU's compute capability, a precision, and a deployment's args. Each
answer is a line: the kernel of each rank's experts, or why it was refused; and, of `backends` that
were given, those that vLLM takes for the last rank. DIR has a directory for
each precision, with params.json and tekken.json.

vLLM asks its platform everything about GPUs before it makes an engine. So once its modules were
imported for the CPU, the platform becomes CUDA's, with what one GPU would have answered. Nothing of
CUDA is called; its kernels are an empty module. Read from vLLM 0.32.
"""

import importlib
import json
import sys
import types
from pathlib import Path
from typing import Any

from configs.deployment import Deployment
from tests.cluster.render.vllm_layer import kernel_of, kernels_among, with_flashinfer

_READ_ON_CPU = (
    "vllm.entrypoints.launchers.cli_args",
    "vllm.model_executor.models.mistral_large_3",
    "vllm.model_executor.models.pixtral",
)


def _become_cuda() -> type:
    """Make the platform one of CUDA, and return its class."""
    for module in _READ_ON_CPU:
        importlib.import_module(module)
    from vllm.model_executor.layers.quantization import get_quantization_config
    from vllm.platforms import current_platform
    from vllm.plugins import load_general_plugins

    from model_shards.loading import activation_scales

    load_general_plugins()
    activation_scales.register()
    with_flashinfer()
    for name in ("fp8", "compressed-tensors", "modelopt"):
        get_quantization_config(name)
    sys.modules["vllm._C_stable_libtorch"] = types.ModuleType("vllm._C_stable_libtorch")
    from vllm.platforms.cuda import NonNvmlCudaPlatform
    from vllm.platforms.interface import DeviceCapability

    class Gpus(NonNvmlCudaPlatform):
        """Eight GPUs, joined by NVLink."""

        capability = DeviceCapability(9, 0)

        @classmethod
        def get_device_capability(cls, device_id: int = 0) -> Any:
            return cls.capability

        @classmethod
        def get_device_name(cls, device_id: int = 0) -> str:
            return "NVIDIA"

        @classmethod
        def get_device_total_memory(cls, device_id: int = 0) -> int:
            return 80 << 30

        @classmethod
        def is_fully_connected(cls, physical_device_ids: list[int]) -> bool:
            return True

        @classmethod
        def device_count(cls) -> int:
            return 8

    current_platform.__class__ = Gpus
    return Gpus


def _answer(gpus: Any, asked: dict[str, Any], directory: Path) -> dict[str, Any]:
    from vllm.platforms.interface import DeviceCapability

    from deployments.vllm_config import rank_config, router_config
    from model_shards.loading.loader import refuse_moved_experts

    gpus.capability = DeviceCapability(*asked["capability"])
    args = asked["args"] | {"model": {"source": str(directory / asked["precision"])}}
    args.pop("weights", None)  # there are none
    deployment = Deployment.model_validate(args)
    kernels = set()
    try:
        for rank in range(deployment.gangs.ranks):
            config = rank_config(deployment, rank, "10.0.0.1", 2000, "tcp://127.0.0.1:2001")
            _require_kept(config, deployment.engine)
            refuse_moved_experts(config.parallel_config)
            kernels.add(kernel_of(config))
        router_config(deployment)
    except Exception as error:  # whatever vLLM raises is its refusal
        return {"refusal": f"{type(error).__name__}: {error}"}
    taken = {"taken": kernels_among(config, asked["backends"])} if "backends" in asked else {}
    return {"kernels": sorted(kernels), **taken}


def _require_kept(config: Any, engine: dict[str, Any]) -> None:
    """Raise ValueError if vLLM has replaced a value; it does so with a warning at most."""
    parts = (config.parallel_config, config.scheduler_config, config.cache_config)
    for name, value in engine.items():
        for part in parts:
            if getattr(part, name, value) != value:
                raise ValueError(f"{name}: {value!r} became {getattr(part, name)!r}")


if __name__ == "__main__":
    PLATFORM = _become_cuda()
    for line in sys.stdin:
        print("answer", json.dumps(_answer(PLATFORM, json.loads(line), Path(sys.argv[1]))))
