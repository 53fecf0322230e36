"""The catalogue: which hardware a machine's name stands for, and what each kind of GPU can do."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from configs.errors import ConfigError
from configs.node_group import Hardware, NodeGroup

_MIB = 1 << 20
_TERA = 1e12


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind of GPU. Arithmetic is dense, by datasheets; `*_efficiency` is the share reached."""

    name: str
    memory_bytes: int  # as nvidia-smi and AWS's API state it
    bandwidth: float  # bytes/s of its memory
    bf16: float  # FLOP/s
    fp8: float
    fp4: float | None  # without it, vLLM multiplies NVFP4 weights as BF16
    nvlink: float  # bytes/s to the other GPUs of its machine, one way
    memory_efficiency: float = 0.9
    arithmetic_efficiency: float = 0.8


PCIE_GEN4 = 32e9  # bytes/s, 16 lanes, one way: where there is no NVLink

# NVIDIA's datasheets of the SXM boards, and of the L40S. Efficiencies are those measured on single
# H100s (copies at 3.0 TB/s, 8192³ products in BF16 at 798 TFLOP/s) and H200s (4.3 and 790); those
# of the others weren't measured, and are taken to be the same.
GPUS: Mapping[str, Gpu] = {
    gpu.name: gpu
    for gpu in (
        Gpu(
            *("H100", 81_920 * _MIB, 3.35 * _TERA, 989 * _TERA, 1979 * _TERA, None, 450e9),
            memory_efficiency=3.0 / 3.35,
            arithmetic_efficiency=798 / 989,
        ),
        Gpu(
            *("H200", 144_384 * _MIB, 4.8 * _TERA, 989 * _TERA, 1979 * _TERA, None, 450e9),
            memory_efficiency=4.3 / 4.8,
            arithmetic_efficiency=790 / 989,
        ),
        Gpu("B200", 183_359 * _MIB, 8 * _TERA, 2250 * _TERA, 4500 * _TERA, 9000 * _TERA, 900e9),
        Gpu("L40S", 45_776 * _MIB, 0.864 * _TERA, 362 * _TERA, 733 * _TERA, None, PCIE_GEN4),
    )
}


def _gpus(kind: str, cpus: int, memory_gib: float, disk_gb: float, network_gbps: float) -> Hardware:
    """Describe a machine with eight GPUs, as all GPU machines here have."""
    return Hardware(
        cpus=cpus,
        memory_gib=memory_gib,
        gpus=8,
        gpu=kind,
        nvlink=GPUS[kind].nvlink > PCIE_GEN4,
        network_gbps=network_gbps,
        disk_gb=disk_gb,
    )


def _cpus(cpus: int, memory_gib: float, network_gbps: float) -> Hardware:
    """Describe a machine without GPUs or a local disk; the 100 GB are what its image needs."""
    return Hardware(cpus=cpus, memory_gib=memory_gib, network_gbps=network_gbps, disk_gb=100)


# AWS: `aws ec2 describe-instance-types`. Google: accelerator-optimized machine types in Compute
# Engine's documentation, whose network is that of the NICs that GPUs use (A3 Ultra and A4 have
# another 400 Gb/s for the rest, which their 3,600 include), and whose memory is in GB there.
MACHINES: Mapping[str, Hardware] = {
    "p5.48xlarge": _gpus("H100", 192, 2048, 30_400, 3200),
    "p5en.48xlarge": _gpus("H200", 192, 2048, 30_400, 3200),
    "p6-b200.48xlarge": _gpus("B200", 192, 2048, 30_400, 3200),
    "g6e.48xlarge": _gpus("L40S", 192, 1536, 7_600, 400),
    "a3-highgpu-8g": _gpus("H100", 208, 1872, 6_000, 800),
    "a3-ultragpu-8g": _gpus("H200", 224, 2952, 12_000, 3200),
    "a4-highgpu-8g": _gpus("B200", 224, 3968, 12_000, 3200),
    # For heads and routers.
    "m7i.4xlarge": _cpus(16, 64, 12.5),
    "m7i.8xlarge": _cpus(32, 128, 12.5),
    "n2-standard-16": _cpus(16, 64, 32),
    "n2-standard-32": _cpus(32, 128, 32),
}


def hardware_of(group: NodeGroup) -> Hardware:
    """Return the group's own hardware, or that of its machine.

    Raises ConfigError if the machine isn't in the catalogue.
    """
    if group.hardware is not None:
        return group.hardware
    known = MACHINES.get(group.machine or "")
    if known is None:
        raise ConfigError(
            f"{group.name}.machine: {group.machine!r} isn't in the catalogue"
            f"{_like(group.machine or '', MACHINES)}. Describe it by `hardware`, or name one of "
            f"{', '.join(MACHINES)}."
        )
    return known


def gpu_of(group: NodeGroup) -> Gpu | None:
    """Return the kind of GPU that the group's machines have, if any.

    Raises ConfigError if the kind isn't in the catalogue.
    """
    kind = hardware_of(group).gpu
    if kind is not None and kind not in GPUS:
        raise ConfigError(
            f"{group.name}.hardware.gpu: {kind!r} isn't in the catalogue{_like(kind, GPUS)}. "
            f"It has {', '.join(GPUS)}."
        )
    return None if kind is None else GPUS[kind]


def _like(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""
