"""vLLM's platform in a router: none, whatever the node has.

Routers compute nothing, and may land where there is no GPU. There vLLM's CUDA build finds no
platform and makes no config. On its CPU platform it would make one of another kind than the ranks':
with MLA, without prefix caching. On CUDA it would miss the GPUs that a router isn't given.
Read from vLLM 0.32.
"""

from vllm.platforms.interface import Platform, PlatformEnum

from configs.environment import has_no_device


def platform() -> str | None:
    """Entry point of `vllm.platform_plugins`, which go before what vLLM finds by itself."""
    return f"{__name__}.{NoDevice.__name__}" if has_no_device() else None


class NoDevice(Platform):
    """Takes every config as it is, but for what vLLM allows on GPUs by name (`router_config`)."""

    _enum = PlatformEnum.OOT
    device_name = device_type = "cpu"  # where images are made ready

    @classmethod
    def import_kernels(cls) -> None:
        """Those of vLLM's builds want a driver, or a CPU with AVX-512."""

    @classmethod
    def support_hybrid_kv_cache(cls) -> bool:
        return True  # or a config that asks for it is refused
