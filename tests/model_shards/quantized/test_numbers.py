"""FP8 and NVFP4 numbers, against vLLM's own reference and compressed-tensors' packing."""

import torch
from compressed_tensors.compressors.nvfp4.helpers import pack_fp4_to_uint8
from vllm.model_executor.layers.quantization.utils.nvfp4_emulation_utils import ref_nvfp4_quant

from model_shards.quantized import fp8, nvfp4


def values() -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    rows = torch.randn(8, 64, generator=draw) * torch.logspace(-3, 2, 8)[:, None]
    rows[3, :16] = 0  # a block of zeros has a scale of zero
    return rows


def test_fp8_reaches_its_largest_number_and_no_further() -> None:
    given = values()
    scale = fp8.scale_of(given.abs().max())
    assert fp8.quantise(given, scale).float().abs().max() == fp8.LARGEST
    assert fp8.quantise(2 * given, scale).float().abs().max() == fp8.LARGEST
    near = fp8.dequantise(fp8.quantise(given, scale), scale)
    assert torch.allclose(near, given, rtol=1 / 16, atol=scale.item() * 2**-9)


def test_nvfp4_is_that_of_vllms_reference_in_compressed_tensors_order() -> None:
    given = values()
    scale = nvfp4.scale_of(given.abs().max())
    packed, block_scales = nvfp4.quantise(given, scale)
    numbers, right_scales = ref_nvfp4_quant(given.clone(), 1 / scale, nvfp4.BLOCK)
    assert torch.equal(block_scales.float(), right_scales)
    assert torch.equal(packed, pack_fp4_to_uint8(numbers))
    right = (numbers.unflatten(1, (-1, nvfp4.BLOCK)) * right_scales[..., None]).flatten(1) * scale
    assert torch.allclose(nvfp4.dequantise(packed, block_scales, scale), right)


def test_nvfp4_rounds_ties_to_the_even_code() -> None:
    ties = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, -0.25, -5.0, 6, *[0] * 6])
    packed, block_scales = nvfp4.quantise(ties[None], torch.tensor(1.0))
    right = [0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 0.0, -4.0, 6.0]
    assert nvfp4.dequantise(packed, block_scales, torch.tensor(1.0))[0, :10].tolist() == right
