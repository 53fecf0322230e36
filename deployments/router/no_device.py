"""The vLLM platform of routers: one without a device, whatever the node has.

Routers compute nothing, and may run on a node without a GPU. There vLLM's CUDA build finds no
platform and makes no config. vLLM's CPU platform would make another config than the ranks': with
MLA, without prefix caching. The CUDA platform would miss the GPUs that a router isn't given.
Read from vLLM 0.32.
"""

from vllm.platforms.interface import Platform, PlatformEnum

from configs.environment import has_no_device


def platform() -> str | None:
    """Return the name of vLLM's platform class for this process; None leaves the choice to vLLM.

    This is an entry point of `vllm.platform_plugins`, which go before the platforms that vLLM finds
    by itself.
    """
    return f"{__name__}.{NoDevice.__name__}" if has_no_device() else None


class NoDevice(Platform):
    """A platform that takes every config as it is.

    The options that vLLM takes only on platforms named as GPUs are off in `router_config`.
    """

    _enum = PlatformEnum.OOT
    device_name = device_type = "cpu"  # where images are made ready

    @classmethod
    def import_kernels(cls) -> None:
        """Import none: the kernels of vLLM's builds need a driver, or a CPU with AVX-512."""

    @classmethod
    def support_hybrid_kv_cache(cls) -> bool:
        return True  # or a config that asks for it is refused
