"""`python -m deployments.bench.roofline`: a GPU's real steps beside the plan's."""

import sys
from collections.abc import Iterator

import torch

from cluster.machines import GPUS, Gpu
from configs.schema import PROJECT_ROOT
from deployments.bench.roofline.bench import Timed, attention, experts
from deployments.bench.roofline.timing import moved_per_s, product_flops
from deployments.model_spec import model_spec
from model_shards.architecture import Architecture

_PARAMS = PROJECT_ROOT / "configs" / "models" / "mistral-small-4.json"
_TERA = 1e12


def main() -> None:
    """Print every figure as it comes, and then how far the plan is off."""
    if not torch.cuda.is_available():
        sys.exit("This needs a GPU that torch sees; `small4 cluster plan` does not.")
    name = torch.cuda.get_device_name()
    gpu = next((gpu for kind, gpu in GPUS.items() if kind in name), None)
    if gpu is None:
        sys.exit(f"{name} isn't in the catalogue, which has {', '.join(GPUS)}.")
    print(f"{name}, torch {torch.__version__}")
    print_ceilings(gpu)
    parts = []
    print(f"\n{'':32}{'':18}{'measured':>10}{'stated':>10}   ratio")
    for part in timed(gpu):
        parts.append(part)
        measured_us, stated_us = part.measured_s * 1e6, part.stated.seconds * 1e6
        figures = f"{measured_us:8.0f}µs{stated_us:8.0f}µs{part.ratio:8.2f}  {part.stated.bound}"
        print(f"{part.what:32}{part.size:18}{figures}", flush=True)
    print_summary(parts)


def timed(gpu: Gpu) -> Iterator[Timed]:
    model, sizes = model_spec(_PARAMS), Architecture.read(_PARAMS)
    yield from experts(model, gpu, "fp8")
    yield from experts(model, gpu, "bf16")
    yield from attention(model, sizes, gpu)


def print_ceilings(gpu: Gpu) -> None:
    """Print which rates the GPU reaches, and which the catalogue says it does."""
    bandwidth = gpu.bandwidth * gpu.memory_efficiency
    for what, measured, stated in (
        ("memory, TB/s", moved_per_s(), bandwidth),
        ("BF16, TFLOP/s", product_flops(fp8=False), gpu.bf16 * gpu.arithmetic_efficiency),
        ("FP8, TFLOP/s", product_flops(fp8=True), gpu.fp8 * gpu.arithmetic_efficiency),
    ):
        print(f"{what:15}{measured / _TERA:8.2f}, the catalogue says {stated / _TERA:.2f}")


def print_summary(parts: list[Timed]) -> None:
    print("\nTimes what the plan states:")
    kinds = dict.fromkeys((part.what, part.kind) for part in parts)
    for what, kind in sorted(kinds, key=lambda both: both[0]):
        ratios = [part.ratio for part in parts if (part.what, part.kind) == (what, kind)]
        print(f"{what:32}{kind:30}{min(ratios):6.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
