"""Writes nano in the real checkpoint's FP8 form, or in an NVFP4 form, from trained weights."""

from collections.abc import Iterator
from pathlib import Path

import torch

from model_shards.architecture import Architecture
from model_shards.nano import TRAINED_NANO, write_nano
from model_shards.quantized import fp8, nvfp4
from model_shards.quantized.calibration import largest_inputs, load_tensors
from model_shards.quantized.names import QUANTIZATION, Form, quantised
from model_shards.tensors import tensor_shapes
from model_shards.transformers_weights import Tensors


def build_quantized(out: Path, form: Form, source: Path = TRAINED_NANO) -> Path:
    """Write the nano of `source` to `out` in a quantised form; the same bytes each time."""
    tensors = _quantised_tensors(source, form, largest_inputs(source))
    return write_nano(out, tensors, QUANTIZATION[form])


def _quantised_tensors(
    source: Path, form: Form, inputs: Tensors
) -> Iterator[tuple[str, torch.Tensor]]:
    architecture, tensors = Architecture.load(source), load_tensors(source)
    matrices = set(quantised(architecture, form))
    for name, _ in tensor_shapes(architecture):
        stem = name.removesuffix(".weight")
        if stem not in matrices:
            yield name, tensors[name]
            continue
        largest = _largest_weight(stem, tensors)
        write = _fp8 if form == "fp8" else _nvfp4
        for part, tensor in write(tensors[name], largest, inputs[stem]).items():
            yield f"{stem}.{part}", tensor


def _largest_weight(stem: str, tensors: Tensors) -> torch.Tensor:
    """Return a matrix's largest magnitude; w1 and w3, which kernels join, share the larger one."""
    start, _, matrix = stem.rpartition(".")
    joined = ("w1", "w3") if matrix in ("w1", "w3") else (matrix,)
    return torch.stack([tensors[f"{start}.{one}.weight"].abs().max() for one in joined]).max()


def _fp8(weight: torch.Tensor, largest: torch.Tensor, largest_input: torch.Tensor) -> Tensors:
    scale = fp8.scale_of(largest)
    return {
        "weight": fp8.quantise(weight, scale),
        "qscale_weight": scale,
        "qscale_act": fp8.scale_of(largest_input),
    }


def _nvfp4(weight: torch.Tensor, largest: torch.Tensor, largest_input: torch.Tensor) -> Tensors:
    scale = nvfp4.scale_of(largest)
    packed, block_scales = nvfp4.quantise(weight, scale)
    return {
        "weight_packed": packed,
        "weight_scale": block_scales,
        "weight_global_scale": (1 / scale).reshape(1),
        "input_global_scale": (1 / nvfp4.scale_of(largest_input)).reshape(1),
    }
