"""What fills one GPU, by part, and what is left of it for the KV cache."""

from dataclasses import dataclass

from cluster.plan.activations import Load, activation_bytes
from cluster.plan.engine import Engine
from cluster.plan.held_experts import held_bytes
from cluster.plan.model import Model, Weights
from cluster.plan.node import Node
from cluster.plan.shape import Shape
from configs.serving import Serving

_GIB = 1 << 30
# Not derived, but on the safe side: what logs of models of this size show for captured graphs, and
# for CUDA and NCCL themselves. A process without a GPU needs a GiB for Python, torch and vLLM.
_GRAPHS_BYTES = 1 * _GIB
_RUNTIME_BYTES = 2 * _GIB
_PROCESS_BYTES = 1 * _GIB
_BLOCK_TOKENS = 64  # of the cache; vLLM's own is 16 to 128, by the attention kernel


@dataclass(frozen=True, slots=True)
class Memory:
    """Parts of one GPU's memory, in bytes; `kv_cache` is what is left of the budget, or negative.

    vLLM's `determine_available_memory` does the same sum with what it has measured.
    """

    device: int
    budget: int  # the part that the engine may use
    base: int
    experts: int
    head: int  # that guesses tokens
    activations: int
    graphs: int
    runtime: int
    kv_cache: int
    kv_token: int

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds, in whole blocks."""
        return max(0, self.kv_cache // (self.kv_token * _BLOCK_TOKENS) * _BLOCK_TOKENS)

    @property
    def needed(self) -> int:
        """Bytes of all parts besides the KV cache."""
        weights = self.base + self.experts + self.head
        return weights + self.activations + self.graphs + self.runtime

    @property
    def used(self) -> int:
        """Bytes of all parts, the KV cache included."""
        return self.needed + max(0, self.kv_cache)


def one_request_bytes(memory: Memory, tokens: int) -> int:
    """Return the bytes of KV cache that a sequence of so many tokens takes."""
    return -(-tokens // _BLOCK_TOKENS) * _BLOCK_TOKENS * memory.kv_token


def kv_token_bytes(model: Model, node: Node, engine: Engine) -> int:
    """Return a token's bytes in the cache of each GPU of a rank; CPU kernels have no MLA."""
    elements = model.latent_elements if node.gpu else model.full_elements
    layers = model.layers + (model.head.layers if engine.drafts else 0)
    return elements // model.layers * layers * engine.cache_element_bytes


def weights_of(model: Model, serving: Serving, engine: Engine) -> Weights:
    """Return the weights as memory holds them: a float32 engine widens a checkpoint in BF16."""
    widened = engine.element_bytes == 4 and serving.precision == "bf16"
    return model.weights["fp32" if widened else serving.precision]


def memory(model: Model, shape: Shape, node: Node, serving: Serving, engine: Engine) -> Memory:
    """Return what fills each of the gang's GPUs, which are alike."""
    weights = weights_of(model, serving, engine)
    load = Load(
        ranks=shape.ranks,
        tensor_parallel=shape.tensor_parallel,
        batched_tokens=serving.max_num_batched_tokens,
        sequences=serving.max_num_seqs,
        most_tokens=serving.max_model_len,
    )
    budget = int(node.memory_bytes * serving.gpu_memory_utilization)
    base = weights.split_bytes // shape.tensor_parallel + weights.whole_bytes + model.added_bytes
    experts = held_bytes(model, weights, shape, serving, engine)
    head = 0
    if engine.drafts:
        split_bytes = model.head.split_bytes // shape.tensor_parallel
        head = split_bytes + model.head.whole_bytes + model.head.added_bytes
    activations = activation_bytes(model, weights, load)
    graphs = _GRAPHS_BYTES if node.gpu and not engine.eager else 0
    runtime = _RUNTIME_BYTES if node.gpu else _PROCESS_BYTES
    left = budget - base - experts - head - activations - graphs - runtime
    if engine.kv_cache_bytes is not None:
        left = min(left, engine.kv_cache_bytes)
    kv_token = kv_token_bytes(model, node, engine)
    return Memory(
        device=node.memory_bytes,
        budget=budget,
        base=base,
        experts=experts,
        head=head,
        activations=activations,
        graphs=graphs,
        runtime=runtime,
        kv_cache=left,
        kv_token=kv_token,
    )
