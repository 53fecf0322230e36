"""The quantised experts in plain PyTorch: at every gang size the same numbers, or not."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from model_shards.nano import NANO, TRAINED_NANO
from model_shards.quantized.calibration import load_tensors
from model_shards.quantized.experts import Experts, Scales
from model_shards.quantized.names import Form
from tests.model_shards.quantized.ranks import at_every_rank

_TOKENS = 64


@pytest.fixture(scope="module", params=range(NANO.n_layers))
def experts(request: pytest.FixtureRequest, quantised_nano: Path, form: Form) -> Experts:
    return Experts(quantised_nano, form, request.param)


def whole(experts: Experts) -> list[Scales]:
    return [own.largest() for own in experts.scales(1)]


def error(found: torch.Tensor, right: torch.Tensor) -> float:
    return float((found - right).norm() / right.norm())


@pytest.mark.parametrize("ranks", [2, 4, 8])
def test_with_scales_of_their_own_experts_ranks_compute_other_numbers(
    experts: Experts, ranks: int
) -> None:
    tokens = experts.tokens(_TOKENS)
    own = [scales.largest() for scales in experts.scales(ranks)]
    assert error(experts(tokens, own), experts(tokens, whole(experts))) > 0.01


def test_with_the_plugins_scales_they_compute_the_same_to_the_bit(
    quantised_nano: Path, form: Form
) -> None:
    experts = Experts(quantised_nano, form, layer=3)
    tokens, all_scales = experts.tokens(_TOKENS), experts.scales(1)[0]
    kernel = "fp8" if form == "fp8" else "FLASHINFER_CUTEDSL"
    outputs = []
    for ranks in (1, 2, 4, 8):
        found = at_every_rank(ranks, "reduced", all_scales.w13, all_scales.w2)
        outputs.append(experts(tokens, [Scales(*rank[kernel]) for rank in found]))
    assert outputs[0].norm() > 0
    assert all(torch.equal(output, outputs[0]) for output in outputs)


def test_the_quantised_experts_are_near_to_those_they_were_made_of(
    quantised_nano: Path, form: Form
) -> None:
    """FP8 keeps four significant bits, NVFP4 two: a wrong scale or order would be far off."""
    experts = Experts(quantised_nano, form, layer=1)
    tokens = experts.tokens(_TOKENS)
    right = trained(tokens, layer=1)
    assert error(experts(tokens, whole(experts)), right) < {"fp8": 0.1, "nvfp4": 0.4}[form]


def trained(tokens: torch.Tensor, layer: int) -> torch.Tensor:
    """Compute the mixture of the trained weights, one token and expert at a time."""
    tensors = {name: tensor.float() for name, tensor in load_tensors(TRAINED_NANO).items()}
    logits = tokens @ tensors[f"layers.{layer}.gate.weight"].t()
    outputs = []
    for token, of_token in zip(tokens, logits, strict=True):
        chosen = of_token.topk(NANO.moe.num_experts_per_tok)
        terms = []
        for expert in chosen.indices.tolist():
            w1, w2, w3 = (
                tensors[f"layers.{layer}.experts.{expert}.{matrix}.weight"]
                for matrix in ("w1", "w2", "w3")
            )
            terms.append(w2 @ (functional.silu(w1 @ token) * (w3 @ token)))
        outputs.append(chosen.values.softmax(dim=0) @ torch.stack(terms))
    return torch.stack(outputs)
