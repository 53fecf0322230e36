"""How ranks exchange tokens for their experts: vLLM's all-to-all backend, and why that one.

Read from vLLM 0.32's `config/parallel.py` and `distributed/device_communicators/all2all.py`.
"""

from configs.errors import ConfigError

DEFAULT = "allgather_reducescatter"
_GONE = ("naive", "pplx")
# What each backend needs that neither vLLM's wheel nor the lock file brings.
_NEEDS = {
    "deepep_high_throughput": "deep_ep",
    "deepep_low_latency": "deep_ep",
    "deepep_v2": "deep_ep",
    "nixl_ep": "nixl_ep",
    "mori_high_throughput": "mori and AMD's GPUs",
    "mori_low_latency": "mori and AMD's GPUs",
    "moonep": "moonep",
}
_FLASHINFER = ("flashinfer_nvlink_one_sided", "flashinfer_nvlink_two_sided")


def all2all(
    wanted: str | None, ranks: int, precision: str, on_gpus: bool = True
) -> tuple[str, str]:
    """Return the backend, and the reason for it.

    A default has to run from the lock file alone, within a machine and between machines, and take
    every precision. Raises ConfigError if the wanted backend can't work.
    """
    if wanted is None or wanted == DEFAULT:
        if ranks == 1:
            return DEFAULT, "one rank has nobody to exchange tokens with; it is vLLM's default"
        if not on_gpus:
            return DEFAULT, "vLLM's default, and the only one that works without GPUs (on gloo)"
        return DEFAULT, (
            "vLLM's default, on NCCL alone: DeepEP's and NIXL's kernels aren't in the lock file, "
            "and FlashInfer's one-sided ones don't take FP8 with a scale for each tensor"
        )
    name = "serving.deployment.engine.all2all_backend"
    if wanted in _GONE:
        raise ConfigError(f"{name}: {wanted} is gone from vLLM 0.32; leave it out for {DEFAULT}")
    if wanted in _NEEDS:
        return wanted, f"the manifest names it; it needs {_NEEDS[wanted]}, which you install"
    if wanted not in _FLASHINFER:
        raise ConfigError(
            f"{name}: {wanted!r} isn't one of vLLM 0.32's: {DEFAULT}, "
            f"{', '.join((*_FLASHINFER, *_NEEDS))}"
        )
    if wanted == _FLASHINFER[0] and precision == "fp8":
        raise ConfigError(
            f"{name}: {wanted} doesn't take FP8 with a scale for each tensor, as this checkpoint "
            f"has it; leave it out for {DEFAULT}, or serve nvfp4 or bf16"
        )
    return wanted, "the manifest names it; FlashInfer is in the lock file"
