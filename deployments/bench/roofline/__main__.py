"""`python -m deployments.bench.roofline`."""

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
    """Prints every figure as it comes, and then how far the plan is off."""
    if not torch.cuda.is_available():
        sys.exit("This needs a GPU that torch sees; `small4 cluster plan` does not.")
    name = torch.cuda.get_device_name()
    gpu = next((gpu for kind, gpu in GPUS.items() if kind in name), None)
    if gpu is None:
        sys.exit(f"{name} isn't in the catalogue, which has {', '.join(GPUS)}.")
    print(f"{name}, torch {torch.__version__}")
    print_ceilings(gpu)
    found = []
    print(f"\n{'':32}{'':18}{'measured':>10}{'stated':>10}   ratio")
    for one in timed(gpu):
        found.append(one)
        measured_us, stated_us = one.measured_s * 1e6, one.stated.seconds * 1e6
        figures = f"{measured_us:8.0f}µs{stated_us:8.0f}µs{one.ratio:8.2f}  {one.stated.bound}"
        print(f"{one.what:32}{one.size:18}{figures}", flush=True)
    print_summary(found)


def timed(gpu: Gpu) -> Iterator[Timed]:
    model, sizes = model_spec(_PARAMS), Architecture.read(_PARAMS)
    yield from experts(model, gpu, "fp8")
    yield from experts(model, gpu, "bf16")
    yield from attention(model, sizes, gpu)


def print_ceilings(gpu: Gpu) -> None:
    """What the catalogue takes for reached, and what is."""
    bandwidth = gpu.bandwidth * gpu.memory_efficiency
    for what, measured, stated in (
        ("memory, TB/s", moved_per_s(), bandwidth),
        ("BF16, TFLOP/s", product_flops(fp8=False), gpu.bf16 * gpu.arithmetic_efficiency),
        ("FP8, TFLOP/s", product_flops(fp8=True), gpu.fp8 * gpu.arithmetic_efficiency),
    ):
        print(f"{what:15}{measured / _TERA:8.2f}, the catalogue says {stated / _TERA:.2f}")


def print_summary(found: list[Timed]) -> None:
    print("\nTimes what the plan states:")
    kinds = dict.fromkeys((one.what, one.kind) for one in found)
    for what, kind in sorted(kinds, key=lambda both: both[0]):
        ratios = [one.ratio for one in found if (one.what, one.kind) == (what, kind)]
        print(f"{what:32}{kind:30}{min(ratios):6.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
