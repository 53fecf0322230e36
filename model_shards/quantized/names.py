"""Which matrices of a checkpoint are quantised, and what their scales are called.

FP8, of the real checkpoint: attention, shared experts and routed experts; a scale of the weight and
one of its input for each (42,741 tensors of the 119B). NVFP4, as compressed-tensors names it: the
routed experts; that these are all is inferred from the size of the 119B's checkpoint.
"""

import re
from collections.abc import Iterator
from typing import Any, Literal

from model_shards.architecture import Architecture
from model_shards.tensors import tensor_shapes

Form = Literal["fp8", "nvfp4"]

_QUANTISED = {
    "fp8": re.compile(
        r"layers\.\d+\.(attention\.w\w+|shared_experts\.w\d|experts\.\d+\.w\d)\.weight"
    ),
    "nvfp4": re.compile(r"layers\.\d+\.experts\.\d+\.w\d\.weight"),
}
_PARTS = {
    "fp8": ("weight", "qscale_weight", "qscale_act"),
    "nvfp4": ("weight_packed", "weight_scale", "weight_global_scale", "input_global_scale"),
}
_FOUR_BITS = {
    "num_bits": 4,
    "type": "float",
    "strategy": "tensor_group",
    "group_size": 16,
    "symmetric": True,
}
# What `params.json` says as `quantization`.
QUANTIZATION: dict[Form, dict[str, Any]] = {
    "fp8": {"qformat_weight": "fp8_e4m3", "qscheme_act": "TENSOR"},
    "nvfp4": {
        "quant_method": "compressed-tensors",
        "format": "nvfp4-pack-quantized",
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": {**_FOUR_BITS, "dynamic": False},
                "input_activations": {**_FOUR_BITS, "dynamic": "local"},
            }
        },
        "ignore": [
            *("re:.*self_attn.*", "re:.*shared_experts.*", "re:.*mlp.gate$", "lm_head"),
            *("re:.*vision.*", "re:.*patch_merger.*", "re:.*multi_modal_projector.*"),
        ],
    },
}


def quantised(architecture: Architecture, form: Form) -> Iterator[str]:
    """Yield the names of the matrices that a form quantises, without `.weight`."""
    for name, _ in tensor_shapes(architecture):
        if _QUANTISED[form].fullmatch(name):
            yield name.removesuffix(".weight")


def names(architecture: Architecture, form: Form) -> Iterator[str]:
    """Yield the name of every tensor of a checkpoint in this form."""
    matrices = set(quantised(architecture, form))
    for name, _ in tensor_shapes(architecture):
        stem = name.removesuffix(".weight")
        yield from (f"{stem}.{part}" for part in _PARTS[form]) if stem in matrices else (name,)
