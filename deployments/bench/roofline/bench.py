"""Parts of a step as a GPU takes them, each beside the time that the plan states."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, product

import torch
from torch import Tensor

from cluster.machines import Gpu
from cluster.plan.model import Model
from cluster.plan.node import Node
from cluster.plan.roofline import Roofline, Step
from cluster.plan.shape import Shape
from deployments.bench.roofline.attention import KERNELS, LatentAttention
from deployments.bench.roofline.experts import ExpertLayer, Routed
from deployments.bench.roofline.timing import noise, seconds
from model_shards.architecture import Architecture

EXPERT_PARALLEL = 1, 2, 8, 16
BATCHES = 1, 8, 32, 128, 512, 2048, 8192  # tokens of all ranks
CONTEXTS = (1, 4096), (8, 4096), (64, 4096), (256, 4096), (1, 32768), (8, 32768), (64, 32768)
_HALVES, _FEW_TOKENS, _PROMPT_TOKENS = 2, 32, 8192  # where one kind of step ends
_LAYERS, _ROUTINGS = 4, 4
_ATTENTION_LAYERS = 8  # 56 MB each: together they don't stay in a GPU's cache
_MOST_CACHE_BYTES = 24 << 30
_TOLERANCE = {"fp8": 0.08, "bf16": 0.02}  # of the norm: FP8 has three bits of mantissa


@dataclass(frozen=True, slots=True)
class Timed:
    """A part of one layer's step, as measured and as the plan states it."""

    what: str
    size: str
    kind: str  # of step, of which there are several sizes
    measured_s: float
    stated: Step

    @property
    def ratio(self) -> float:
        return self.measured_s / self.stated.seconds


def experts(model: Model, gpu: Gpu, precision: str) -> Iterator[Timed]:
    """Time the experts of each share of a layer that a GPU holds."""
    for parallel in EXPERT_PARALLEL:
        held = model.experts // parallel
        layers = [
            ExpertLayer(held, model.hidden, model.expert_hidden, fp8=precision == "fp8")
            for _ in range(_LAYERS)
        ]
        roofline = _roofline(model, gpu, precision, parallel)
        _require_right(layers[0], _routed(model, 256, held), model, precision)
        for tokens in BATCHES:
            if tokens >= parallel:
                stated = _layer(roofline.experts(tokens / parallel), model)
                size = f"{held} of {model.experts}, {tokens:,}"
                for suffix, calls in _calls(layers, model, tokens, held).items():
                    yield Timed(
                        f"experts, {precision}{suffix}",
                        size,
                        f"{_share(parallel)}, {_kind(tokens)}",
                        seconds(calls),
                        stated,
                    )
        del layers
        torch.cuda.empty_cache()


def _share(parallel: int) -> str:
    return "half or all" if parallel <= _HALVES else "an eighth or less"


def _kind(tokens: int) -> str:
    if tokens < _FEW_TOKENS:
        return "few tokens"
    return "decoding" if tokens < _PROMPT_TOKENS else "prompts"


def _calls(
    layers: list[ExpertLayer], model: Model, tokens: int, held: int
) -> dict[str, list[Callable[[], object]]]:
    batch = noise(tokens, model.hidden)
    routings = [_routed(model, tokens, held) for _ in range(_ROUTINGS)]
    # Every layer is called once before the first is called again.
    pairs = [(layer, routed) for routed, layer in product(routings, layers)]
    return {
        ", products alone": [layer.products(batch, routed) for layer, routed in pairs],
        "": [partial(layer, batch, routed) for layer, routed in pairs],
    }


def _routed(model: Model, tokens: int, held: int) -> Routed:
    return Routed.evenly(tokens, held, model.experts, model.experts_per_token, "cuda")


def _require_right(layer: ExpertLayer, routed: Routed, model: Model, precision: str) -> None:
    """Raise ArithmeticError unless the layer that is timed computes what it should."""
    batch = noise(256, model.hidden)
    expected = layer.expected(batch, routed)
    off = (layer(batch, routed) - expected).norm() / expected.norm()
    if not off < _TOLERANCE[precision]:
        raise ArithmeticError(f"experts in {precision} are off by {off:.3f}")


def attention(model: Model, sizes: Architecture, gpu: Gpu) -> Iterator[Timed]:
    """Time a layer's attention, its matrices in BF16, with each kernel and size of cache."""
    layers = [LatentAttention(sizes) for _ in range(_ATTENTION_LAYERS)]
    roofline = _roofline(model, gpu, "bf16", 1)
    for sequences, tokens in CONTEXTS:
        matrices = _matrices(gpu, layers[0].parameters, sequences)
        stated = _layer(roofline.attention(sequences, tokens), model) + matrices
        width = model.latent_dim + model.rotary_dim
        fit = _MOST_CACHE_BYTES // (sequences * tokens * width * 2)
        caches = [noise(sequences, tokens, width) for _ in range(min(len(layers), fit))]
        hidden = noise(sequences, model.hidden)
        _require_agreement(layers[0], hidden, caches[0])
        for name, kernel in KERNELS.items():
            calls = [
                partial(layer, hidden, cache, kernel)
                for layer, cache in zip(layers, cycle(caches), strict=False)
            ]
            size = f"{sequences} × {tokens:,}"
            yield Timed(f"attention, {name}", size, "decoding", seconds(calls), stated)
        del caches
        torch.cuda.empty_cache()


def _require_agreement(layer: LatentAttention, hidden: Tensor, cache: Tensor) -> None:
    first, *others = (layer(hidden, cache, kernel).float() for kernel in KERNELS.values())
    for other in others:
        if not (off := (other - first).norm() / first.norm()) < _TOLERANCE["bf16"]:
            raise ArithmeticError(f"kernels of attention differ by {off:.3f}")


def _matrices(gpu: Gpu, parameters: int, tokens: int) -> Step:
    return Step(
        2 * parameters / (gpu.bandwidth * gpu.memory_efficiency),
        2 * parameters * tokens / (gpu.bf16 * gpu.arithmetic_efficiency),
    )


def _roofline(model: Model, gpu: Gpu, precision: str, ranks: int) -> Roofline:
    """Return the roofline of a gang of `ranks` GPUs on one machine."""
    return Roofline(
        model=model,
        weights=model.weights[precision],
        precision=precision,
        shape=Shape(ranks, 1, 1),
        node=Node(ranks, gpu.memory_bytes, gpu, network=0, link=gpu.nvlink),
        gpu=gpu,
        kv_token_bytes=2 * model.latent_elements,
    )


def _layer(step: Step, model: Model) -> Step:
    return replace(
        step, memory_s=step.memory_s / model.layers, arithmetic_s=step.arithmetic_s / model.layers
    )
