"""FP8 as Mistral writes it: E4M3, with one static scale for each tensor."""

import torch

E4M3 = torch.float8_e4m3fn
LARGEST = torch.finfo(E4M3).max


def scale_of(largest: torch.Tensor) -> torch.Tensor:
    """Return the scale at which the largest magnitude of a tensor is FP8's largest number."""
    return (largest.float() / LARGEST).clamp_min(torch.finfo(torch.float32).tiny)


def quantise(values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return FP8 of the same shape; what the scale doesn't reach becomes the largest number."""
    return (values.float() / scale).clamp(-LARGEST, LARGEST).to(E4M3)


def dequantise(quantised: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return quantised.float() * scale
