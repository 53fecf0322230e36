"""A vLLM plugin: one activation scale for all experts of a layer, at every number of ranks.

Static scales of activations differ between experts, and vLLM's kernels take one for a layer: the
maximum. Without EPLB vLLM 0.32 takes it over the rank's own experts. A rank that sends a token to
another rank has then quantised it with a scale that the other rank doesn't know. With this plugin
the maximum is that of all ranks, by the collective that vLLM has for EPLB.

Read from vLLM 0.32. All its FP8 kernels, and those NVFP4 kernels that get tokens already
quantised, take the scale from `amax_for_moe_activation_quant`. Its other NVFP4 kernels quantise
tokens where the expert is (`expects_unquantized_inputs`), or not at all (Marlin).
"""

import functools
from collections.abc import Callable
from typing import Any

import torch

from configs.errors import ConfigError

PLUGIN = "small4_activation_scales"
_REDUCTION = "amax_for_moe_activation_quant"
# Parameters of an expert layer, of both its products: FP8's and ModelOpt's, compressed-tensors'.
_SCALES = ("w13_input_scale", "w2_input_scale", "w13_input_global_scale", "w2_input_global_scale")


def register() -> None:
    """Make vLLM's maximum that of all ranks which share the experts.

    Entry point of `vllm.general_plugins`; vLLM calls it in every process, maybe twice.
    """
    for module in _reducing():
        if not _is_shared(module):
            setattr(module, _REDUCTION, _over_all_ranks(getattr(module, _REDUCTION)))


def registered() -> bool:
    """Tell whether this process has the plugin."""
    return all(map(_is_shared, _reducing()))


def refuse_own_scales(vllm_config: Any) -> None:
    """Raise ConfigError if ranks of this engine would quantise tokens with scales of their own.

    What matters is whether the process has the plugin: workers have the plugins that it has.
    """
    parallel = vllm_config.parallel_config
    ranks = parallel.data_parallel_size * parallel.tensor_parallel_size
    if vllm_config.quant_config is None or ranks == 1 or registered():
        return
    raise ConfigError(
        f"VLLM_PLUGINS: vLLM's plugin {PLUGIN} isn't loaded, and without it {ranks} ranks of a "
        "quantised model exchange tokens in scales that differ. Add it to VLLM_PLUGINS, or unset "
        "that; if it isn't installed, run `make setup`."
    )


def refuse_foreign_scales(layer: torch.nn.Module, own_experts: int) -> None:
    """Raise ConfigError if a layer wants the scales of more experts than a rank's own.

    So do vLLM's ModelOpt layers, for FlashInfer's NVFP4 kernels: `[global_num_experts]`.
    """
    for name in _SCALES:
        scales = getattr(layer, name, None)
        if scales is not None and len(scales) > own_experts:
            raise ConfigError(
                f"weights.format: expert_shards reads the scales of a rank's {own_experts} experts "
                f"only, and the engine's {name} wants those of {len(scales)}. Take an NVFP4 "
                "checkpoint in compressed-tensors form, set engine.moe_backend: marlin, or "
                "weights.format: mistral."
            )


def _reducing() -> tuple[Any, ...]:
    """Return the modules that name vLLM's function, its own the first."""
    from vllm.model_executor.layers.quantization.utils import (
        flashinfer_fp4_moe,
        fp8_utils,
        quant_utils,
    )

    return quant_utils, fp8_utils, flashinfer_fp4_moe


def _is_shared(module: Any) -> bool:
    return hasattr(getattr(module, _REDUCTION), "__wrapped__")


def _over_all_ranks(reduce: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    @functools.wraps(reduce)
    def wrapped(a_scale: torch.Tensor, enable_eplb: bool) -> torch.Tensor:
        from vllm.distributed import get_ep_group

        return reduce(a_scale, enable_eplb or get_ep_group().world_size > 1)

    return wrapped
