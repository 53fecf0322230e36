"""How long a step takes at least: the slowest of reading memory, arithmetic and exchanging tokens.

A roofline (Williams, Waterman and Patterson, CACM 52(4), 2009) over one GPU of a gang, whose ranks
are equally busy and whose experts are chosen equally often. With b sequences a rank of c tokens
each, R ranks of t GPUs, E experts of which k act on a token, and L layers, a step of decoding

- reads the base without embeddings (over t), the share of the GPU's experts that any of the bR
  tokens has chosen, 1 − (1 − k/E)^(bR), and the cache of bc tokens, which t doesn't divide;
- multiplies b tokens with the base and the output matrix (over t), bRk/(Rt) tokens with an expert
  in each layer, and b queries of each head with c latents, and their weights with the same (MLA's
  absorbed form: 2(2 · latent + rotary) FLOP a pair);
- receives (R − 1)b hidden states a layer in the activations' type and as many in BF16, for
  allgather_reducescatter sends all tokens everywhere; between machines they pass once a machine,
  over all of its NICs. TP adds two all-reduces a layer.

A prompt's step is the same with all experts read, attention unabsorbed over half of the prompt on
average, and one row of logits. Memory and arithmetic are taken at the efficiency of `machines`.

What isn't in it: launching kernels, collectives' latency (72 a step), what lies between products,
small products' poor efficiency, and uneven experts. By how much that misses, plain PyTorch tells
(`make bench BENCH=roofline`; the faster of two ways for attention). vLLM's own kernels weren't
measured. It takes, times what is stated, in FP8 and BF16 alike unless both are given:

    a layer of                                                      one H100     one H200
    experts' products, decoding, a GPU holds half of them or all    1.1 to 1.2   1.3 to 1.5
    the same, it holds an eighth or less                            1.2 to 1.7   1.5 to 2.5
    latent attention with its matrices, decoding                    2.2 to 3.2   2.5 to 4.4
    experts' products, 8,192 tokens of prompts, BF16                1.8 to 1.9   1.9 to 2.0
    the same, FP8                                                   2.6 to 3.0   2.7 to 3.1

What lies between experts' products, which vLLM fuses, adds up to 60% in decoding, and 40% to 80%
in prompts. Of a large product in FP8, 1,441 TFLOP/s come out, not 1,597.

One rate is published: a stream of NVFP4 on a DGX Spark, whose memory gives 273 GB/s, gets 29
tokens/s, where this says 35.
"""

from dataclasses import dataclass

from cluster.machines import Gpu
from cluster.plan.model import Model, Weights
from cluster.plan.node import Node
from cluster.plan.shape import Shape

_BF16 = 2


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds that a step takes for memory, arithmetic or exchange, if it did nothing else."""

    memory_s: float
    arithmetic_s: float
    exchange_s: float = 0.0

    def __add__(self, other: "Step") -> "Step":
        return Step(
            self.memory_s + other.memory_s,
            self.arithmetic_s + other.arithmetic_s,
            self.exchange_s + other.exchange_s,
        )

    @property
    def seconds(self) -> float:
        return max(self.memory_s, self.arithmetic_s, self.exchange_s)

    @property
    def bound(self) -> str:
        """What bounds the step: memory, arithmetic or exchange."""
        names = {
            "memory": self.memory_s,
            "arithmetic": self.arithmetic_s,
            "exchange": self.exchange_s,
        }
        return max(names, key=lambda name: names[name])


@dataclass(frozen=True, slots=True)
class Roofline:
    """The least times of one gang's steps."""

    model: Model
    weights: Weights
    precision: str
    shape: Shape
    node: Node
    gpu: Gpu
    kv_token_bytes: int

    def decode(self, sequences: int, tokens: int) -> Step:
        """Return a step in which each rank has so many sequences, of so many tokens each."""
        parts = self.base(sequences, sequences) + self.experts(sequences)
        return parts + self.attention(sequences, tokens) + self._exchange(sequences)

    def prefill(self, batched_tokens: int, prompt_tokens: int) -> Step:
        """Return a step in which each rank computes so many tokens, of prompts of that length."""
        model, split = self.model, self.shape.tensor_parallel
        pairs = batched_tokens * prompt_tokens / 2 * model.layers * model.heads / split
        attention = self._step(
            max(batched_tokens, prompt_tokens) * self.kv_token_bytes,
            pairs * 2 * (model.query_dim + model.value_dim) / self.gpu.bf16,
        )
        prompts = max(1, batched_tokens // prompt_tokens)
        parts = self.base(batched_tokens, prompts) + self.experts(batched_tokens)
        return parts + attention + self._exchange(batched_tokens)

    def base(self, tokens: float, sampled: int) -> Step:
        """Return the base's part for a rank's tokens; for `sampled` of them logits are wanted."""
        model, split = self.model, self.shape.tensor_parallel
        products = 2 * tokens * model.token_parameters
        logits = 2 * sampled * model.vocabulary * model.hidden
        rate = self.gpu.fp8 if self.precision == "fp8" else self.gpu.bf16
        seconds = (products / rate + logits / self.gpu.bf16) / split
        return self._step(self.weights.step_bytes / split, seconds)

    def experts(self, tokens: float) -> Step:
        """Return the part of the routed experts that a GPU holds, in all layers.

        Each rank has `tokens` for them.
        """
        model, shape = self.model, self.shape
        idle = (1 - model.experts_per_token / model.experts) ** (tokens * shape.ranks)
        chosen = tokens * shape.ranks * model.experts_per_token * model.layers / shape.devices
        return self._step(
            self.weights.experts_bytes / shape.devices * (1 - idle),
            2 * chosen * model.expert_parameters / self._expert_rate(),
        )

    def attention(self, sequences: int, tokens: int) -> Step:
        """Return the part of latent attention in all layers, without attention's matrices.

        Each sequence has one new token, which attends to the sequence's cache.
        """
        model = self.model
        pairs = sequences * tokens * model.layers * model.heads / self.shape.tensor_parallel
        flop = pairs * 2 * (2 * model.latent_dim + model.rotary_dim)
        return self._step(sequences * tokens * self.kv_token_bytes, flop / self.gpu.bf16)

    def _step(self, size_bytes: float, arithmetic_s: float) -> Step:
        """Return a step without exchange; `arithmetic_s` is at the datasheet's rate."""
        gpu = self.gpu
        return Step(
            size_bytes / (gpu.bandwidth * gpu.memory_efficiency),
            arithmetic_s / gpu.arithmetic_efficiency,
        )

    def _expert_rate(self) -> float:
        rates = {"fp8": self.gpu.fp8, "nvfp4": self.gpu.fp4 or self.gpu.bf16}
        return rates.get(self.precision, self.gpu.bf16)

    def _exchange(self, tokens: int) -> Step:
        model, shape, node = self.model, self.shape, self.node
        row = model.hidden * (self.weights.activation_bytes + _BF16)
        received = (shape.ranks - 1) * tokens * row * model.layers
        split = shape.tensor_parallel
        reduced = 4 * (split - 1) / split * tokens * model.hidden * _BF16 * model.layers
        # A machine with one GPU of the gang has no link of its own to use.
        within = (received + reduced) / node.link if shape.ranks_per_node * split > 1 else 0.0
        if shape.nodes == 1:
            return Step(0, 0, within)
        between = received / (shape.ranks_per_node * split * node.network)
        return Step(0, 0, max(within, between))
