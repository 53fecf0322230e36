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

What isn't in it: launching kernels, collectives' latency (72 a step), small products' poor
efficiency, and uneven experts. Real steps take longer, small ones by much; no GPU was at hand to
measure by how much. Published is one stream of NVFP4 on a DGX Spark, whose memory gives 273 GB/s:
29 tokens/s, where this says 35.
"""

from dataclasses import dataclass

from cluster.machines import Gpu
from cluster.plan.model import Model, Weights
from cluster.plan.node import Node
from cluster.plan.shape import Shape

_BF16 = 2


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds that a step spends on each, if it did nothing else."""

    memory_s: float
    arithmetic_s: float
    exchange_s: float

    @property
    def seconds(self) -> float:
        return max(self.memory_s, self.arithmetic_s, self.exchange_s)

    @property
    def bound(self) -> str:
        """By what."""
        names = {
            "memory": self.memory_s,
            "arithmetic": self.arithmetic_s,
            "exchange": self.exchange_s,
        }
        return max(names, key=lambda name: names[name])


@dataclass(frozen=True, slots=True)
class Roofline:
    """Of one gang."""

    model: Model
    weights: Weights
    precision: str
    shape: Shape
    node: Node
    gpu: Gpu
    kv_token_bytes: int

    def decode(self, sequences: int, tokens: int) -> Step:
        """Each rank has so many sequences, of so many tokens each."""
        model, split = self.model, self.shape.tensor_parallel
        pairs = sequences * tokens * model.layers * model.heads / split
        attention = pairs * 2 * (2 * model.latent_dim + model.rotary_dim)
        cache_bytes = sequences * tokens * self.kv_token_bytes
        return Step(
            memory_s=self._reading(self._weight_bytes(sequences) + cache_bytes),
            arithmetic_s=self._arithmetic(sequences, sequences, attention),
            exchange_s=self._exchange(sequences),
        )

    def prefill(self, batched_tokens: int, prompt_tokens: int) -> Step:
        """Each rank computes so many tokens, of prompts of that length."""
        model, split = self.model, self.shape.tensor_parallel
        pairs = batched_tokens * prompt_tokens / 2 * model.layers * model.heads / split
        attention = pairs * 2 * (model.query_dim + model.value_dim)
        cache_bytes = max(batched_tokens, prompt_tokens) * self.kv_token_bytes
        prompts = max(1, batched_tokens // prompt_tokens)
        return Step(
            memory_s=self._reading(self._weight_bytes(batched_tokens) + cache_bytes),
            arithmetic_s=self._arithmetic(batched_tokens, prompts, attention),
            exchange_s=self._exchange(batched_tokens),
        )

    def _weight_bytes(self, tokens: int) -> float:
        model, shape = self.model, self.shape
        idle = (1 - model.experts_per_token / model.experts) ** (tokens * shape.ranks)
        experts = self.weights.experts_bytes / shape.devices * (1 - idle)
        return self.weights.step_bytes / shape.tensor_parallel + experts

    def _reading(self, size_bytes: float) -> float:
        return size_bytes / (self.gpu.bandwidth * self.gpu.memory_efficiency)

    def _arithmetic(self, tokens: int, sampled: int, attention: float) -> float:
        model, shape, gpu = self.model, self.shape, self.gpu
        base = 2 * tokens * model.token_parameters / shape.tensor_parallel
        logits = 2 * sampled * model.vocabulary * model.hidden / shape.tensor_parallel
        chosen = tokens * shape.ranks * model.experts_per_token * model.layers / shape.devices
        experts = 2 * chosen * model.expert_parameters
        seconds = base / (gpu.fp8 if self.precision == "fp8" else gpu.bf16)
        seconds += experts / self._expert_rate() + (logits + attention) / gpu.bf16
        return seconds / gpu.arithmetic_efficiency

    def _expert_rate(self) -> float:
        rates = {"fp8": self.gpu.fp8, "nvfp4": self.gpu.fp4 or self.gpu.bf16}
        return rates.get(self.precision, self.gpu.bf16)

    def _exchange(self, tokens: int) -> float:
        model, shape, node = self.model, self.shape, self.node
        row = model.hidden * (self.weights.activation_bytes + _BF16)
        received = (shape.ranks - 1) * tokens * row * model.layers
        split = shape.tensor_parallel
        reduced = 4 * (split - 1) / split * tokens * model.hidden * _BF16 * model.layers
        # A machine with one GPU of the gang has no link of its own to use.
        within = (received + reduced) / node.link if shape.ranks_per_node * split > 1 else 0.0
        if shape.nodes == 1:
            return within
        return max(within, received / (shape.ranks_per_node * split * node.network))
