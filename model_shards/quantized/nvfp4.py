"""NVFP4: four bits (E2M1) a number, an FP8 scale for 16 of them, and one scale for a tensor.

A tensor's scale is such that the largest block's scale is FP8's largest number.
"""

import torch

from model_shards.quantized.fp8 import E4M3
from model_shards.quantized.fp8 import LARGEST as LARGEST_SCALE

BLOCK = 16
LARGEST = 6.0
_MAGNITUDES = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, LARGEST])
_SIGN = 8


def scale_of(largest: torch.Tensor) -> torch.Tensor:
    """Return a tensor's scale; compressed-tensors keeps the inverse, as `global_scale`."""
    smallest = torch.finfo(torch.float32).tiny
    return (largest.float() / (LARGEST * LARGEST_SCALE)).clamp_min(smallest)


def quantise(values: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `(packed, block scales)` of a matrix (rows, columns).

    Packed are bytes (rows, columns / 2), the first number in the lower half; block scales are FP8
    (rows, columns / 16).
    """
    blocks = values.float().reshape(len(values), -1, BLOCK) / scale
    largest = blocks.abs().amax(dim=2)
    block_scales = (largest / LARGEST).clamp(max=LARGEST_SCALE).to(E4M3)
    divisor = block_scales.float()[:, :, None]
    codes = _codes(torch.where(divisor > 0, blocks / divisor, 0)).flatten(1)
    return codes[:, ::2] | codes[:, 1::2] << 4, block_scales


def dequantise(
    packed: torch.Tensor, block_scales: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Return float32 (rows, columns)."""
    codes = torch.stack((packed & 0xF, packed >> 4), dim=2).flatten(1)
    magnitudes = _MAGNITUDES.to(packed.device)[(codes & 7).long()]
    numbers = torch.where(codes >= _SIGN, -magnitudes, magnitudes)
    blocks = numbers.reshape(len(packed), -1, BLOCK)
    return (blocks * (block_scales.float() * scale)[:, :, None]).flatten(1)


def _codes(numbers: torch.Tensor) -> torch.Tensor:
    """Return the nearest of the sixteen numbers, as its code; a tie goes to the even code."""
    magnitudes = _MAGNITUDES.to(numbers.device)
    between = (magnitudes[1:] + magnitudes[:-1]) / 2
    size = numbers.abs().contiguous()
    below, above = (torch.bucketize(size, between, right=right) for right in (False, True))
    code = torch.where(below % 2 == 0, below, above)
    return (code + _SIGN * (numbers < 0)).to(torch.uint8)
