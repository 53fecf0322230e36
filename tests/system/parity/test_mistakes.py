"""What the tolerance is worth: a model with one thing wrong is far outside of it."""

from collections.abc import Callable

import pytest
import torch

from model_shards.architecture import Architecture
from model_shards.transformers_weights import Tensors
from tests.system.parity.agreement import FLOAT32_LARGEST, differences
from tests.system.parity.generation import Outcome
from tests.system.parity.reference import Reference

Mistake = Callable[[Architecture, Tensors], Reference]


def swapped_experts(architecture: Architecture, tensors: Tensors) -> Reference:
    """Swap two of 512 experts, held by different ranks, in the layer with the least influence."""
    last = architecture.n_layers - 1
    swapped = dict(tensors)
    for matrix in ("w1", "w2", "w3"):
        first, last_expert = (f"layers.{last}.experts.{e}.{matrix}.weight" for e in (0, 127))
        swapped[first], swapped[last_expert] = tensors[last_expert], tensors[first]
    return Reference(architecture, swapped)


def stronger_expert(architecture: Architecture, tensors: Tensors) -> Reference:
    name = "layers.1.experts.5.w2.weight"
    return Reference(architecture, tensors | {name: tensors[name] * 1.01})


def lost_shared_expert(architecture: Architecture, tensors: Tensors) -> Reference:
    name = "layers.2.shared_experts.w2.weight"
    return Reference(architecture, tensors | {name: torch.zeros_like(tensors[name])})


def one_expert_too_few(architecture: Architecture, tensors: Tensors) -> Reference:
    moe = architecture.moe.model_copy(update={"num_experts_per_tok": 3})
    return Reference(architecture.model_copy(update={"moe": moe}), tensors)


def rotated_halves(architecture: Architecture, tensors: Tensors) -> Reference:
    """Rotate the pairs (i, i + 32) where the checkpoint means (2i, 2i + 1)."""
    reference = Reference(architecture, tensors)
    reference.model.config.text_config.rope_interleave = False
    return reference


def no_yarn(architecture: Architecture, tensors: Tensors) -> Reference:
    yarn = architecture.yarn.model_copy(update={"factor": 1.0})
    return Reference(architecture.model_copy(update={"yarn": yarn}), tensors)


def swapped_colours(architecture: Architecture, tensors: Tensors) -> Reference:
    name = "vision_encoder.patch_conv.weight"
    return Reference(architecture, tensors | {name: tensors[name].flip(1)})


def unscaled_queries(architecture: Architecture, tensors: Tensors) -> Reference:
    scaling = architecture.llama_4_scaling.model_copy(update={"beta": 0.0})
    return Reference(architecture.model_copy(update={"llama_4_scaling": scaling}), tensors)


@pytest.mark.parametrize(
    "mistake",
    [
        swapped_experts,
        stronger_expert,
        lost_shared_expert,
        one_expert_too_few,
        rotated_halves,
        no_yarn,
        unscaled_queries,
        swapped_colours,
    ],
)
def test_a_mistake_is_far_outside_of_the_tolerance(
    mistake: Mistake, architecture: Architecture, tensors: Tensors, one_rank: Outcome
) -> None:
    found = differences(mistake(architecture, tensors), one_rank.generations)
    assert found.max().item() > 50 * FLOAT32_LARGEST
