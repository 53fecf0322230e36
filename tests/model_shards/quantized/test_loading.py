"""vLLM's real model of a quantised nano holds what the checkpoint has, tensor by tensor.

No CPU runs these kernels. What they are given is all there: experts, and the scales that all ranks
must share.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from configs.errors import ConfigError
from model_shards.nano import NANO, TRAINED_NANO
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import EXPERT_LOAD, ExpertLoad
from model_shards.placement.order import ExpertOrder, linear_order
from model_shards.quantized.calibration import load_tensors
from model_shards.quantized.names import Form
from model_shards.shard_set.split import split
from model_shards.transformers_weights import Tensors
from tests.model_shards.quantized.ranks import at_every_rank

_RANKS = 2
_GROUPS = 4
_EXPERTS = NANO.moe.num_experts
# vLLM's parameters, and the checkpoint's names of the same.
_PARAMETERS = {
    "fp8": {
        "weight": "weight",
        "weight_scale": "qscale_weight",
        "input_scale": "qscale_act",
    },
    "nvfp4": {
        "weight_packed": "weight_packed",
        "weight_scale": "weight_scale",
        "weight_global_scale": "weight_global_scale",
        "input_global_scale": "input_global_scale",
    },
}


@pytest.fixture(scope="session")
def balanced() -> ExpertOrder:
    load = ExpertLoad.load(TRAINED_NANO / EXPERT_LOAD, NANO.n_layers, _EXPERTS)
    return balanced_order(load, _GROUPS)


@pytest.fixture(scope="session")
def tensors(quantised_nano: Path) -> Tensors:
    return load_tensors(quantised_nano)


@pytest.fixture(scope="session", params=["mistral", "expert_shards"])
def found(
    request: pytest.FixtureRequest,
    quantised_nano: Path,
    balanced: ExpertOrder,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ExpertOrder, Any]:
    """Load the checkpoint, and a set of it in balanced order; return the order and each rank."""
    if request.param == "mistral":
        order = linear_order(NANO.n_layers, _EXPERTS)
        return order, at_every_rank(_RANKS, "loaded", quantised_nano)
    shards = tmp_path_factory.mktemp("quantised") / "set"
    split(quantised_nano, shards, balanced, _GROUPS)
    return balanced, at_every_rank(_RANKS, "loaded", shards, load_format="expert_shards")


def test_ranks_hold_their_experts_tensor_by_tensor(
    found: tuple[ExpertOrder, Any], form: Form, tensors: Tensors
) -> None:
    order, ranks = found
    for rank, (held, _) in enumerate(ranks):
        assert len(held) == NANO.n_layers * 2 * len(_PARAMETERS[form])
        for layer in range(NANO.n_layers):
            experts = order[layer][rank * _EXPERTS // _RANKS : (rank + 1) * _EXPERTS // _RANKS]
            for theirs, ours in _PARAMETERS[form].items():
                for name in (f"{layer}.w13_{theirs}", f"{layer}.w2_{theirs}"):
                    right = torch.stack([expected(tensors, name, ours, e) for e in experts])
                    assert torch.equal(as_bits(held[name]), as_bits(right)), name


def expected(tensors: Tensors, name: str, part: str, expert: int) -> torch.Tensor:
    """Return what vLLM keeps of an expert: w1 and w3 as one, of FP8's equal input scales one."""
    layer, _, product = name.split("_", maxsplit=1)[0].partition(".")
    w1, w2, w3 = (
        tensors[f"layers.{layer}.experts.{expert}.{matrix}.{part}"] for matrix in ("w1", "w2", "w3")
    )
    if product == "w2":
        return w2.squeeze()
    if part == "qscale_act":
        assert w1 == w3
        return w1
    return torch.cat((w1.reshape(-1, *w1.shape[1:]), w3.reshape(-1, *w3.shape[1:])))


def as_bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().view(torch.uint8)


def test_all_kernels_get_the_scales_of_the_whole_layer_whatever_the_order(
    found: tuple[ExpertOrder, Any], form: Form, tensors: Tensors
) -> None:
    kernel = "fp8" if form == "fp8" else "FLASHINFER_CUTEDSL"
    for _, layers in found[1]:
        for number, scales in enumerate(layers):
            assert scales[kernel].tolist() == largest(tensors, form, number)


def test_ranks_without_the_plugin_load_nothing(quantised_nano: Path, tmp_path: Path) -> None:
    """Whether it is small4 that starts the engine, or vLLM itself."""
    order = linear_order(NANO.n_layers, _EXPERTS)
    split(quantised_nano, tmp_path / "set", order, _GROUPS)
    with pytest.raises(ConfigError, match=r"VLLM_PLUGINS: .* 2 ranks"):
        at_every_rank(1, "configured", quantised_nano, plugin=False)
    with pytest.raises(ConfigError, match=r"VLLM_PLUGINS: .* 2 ranks"):
        at_every_rank(_RANKS, "loaded", tmp_path / "set", load_format="expert_shards", plugin=False)


def test_with_the_plugin_small4_starts_a_rank(quantised_nano: Path) -> None:
    at_every_rank(1, "configured", quantised_nano)


def largest(tensors: Tensors, form: Form, layer: int) -> list[float]:
    if form == "fp8":
        scales = {name: t for name, t in tensors.items() if name.endswith("qscale_act")}
    else:
        scales = {n: 1 / t for n, t in tensors.items() if n.endswith("input_global_scale")}
    return [
        max(
            scale.item()
            for name, scale in scales.items()
            if name.startswith(f"layers.{layer}.experts.") and f".{matrix}." in name
        )
        for matrix in ("w1", "w2")
    ]
