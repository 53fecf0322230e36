"""`python -m tests.cluster.render.vllm_configs DIR` asks whether vLLM takes deployments' arguments.

Stdin has lines of JSON: a GPU's compute capability, and a deployment's args. Each answer is a line:
`null`, or why it was refused. DIR has params.json and tekken.json.

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

    load_general_plugins()
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


def _refusal(gpus: Any, asked: dict[str, Any], directory: Path) -> str | None:
    from vllm.platforms.interface import DeviceCapability

    from deployments.vllm_config import rank_config, router_config

    gpus.capability = DeviceCapability(*asked["capability"])
    args = asked["args"] | {"model": {"source": str(directory)}}
    args.pop("weights", None)  # there are none
    deployment = Deployment.model_validate(args)
    try:
        for rank in range(deployment.gangs.ranks):
            config = rank_config(deployment, rank, "10.0.0.1", 2000, "tcp://127.0.0.1:2001")
            _require_kept(config, deployment.engine)
        router_config(deployment)
    except Exception as error:  # whatever vLLM raises is its refusal
        return f"{type(error).__name__}: {error}"
    return None


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
        print("answer", json.dumps(_refusal(PLATFORM, json.loads(line), Path(sys.argv[1]))))
