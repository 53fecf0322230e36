"""Memory that a step needs besides weights and KV cache, as vLLM's start-up profile measures it.

vLLM 0.32 runs the model once on `max_num_batched_tokens` tokens and on as many images as those
hold, samples for `max_num_seqs`, and reserves the peak that it measured (`gpu_worker.py`,
`determine_available_memory`; `gpu_model_runner.py`, `profile_run`). The terms below are the large
tensors of that run, by their shapes in its sources; kernels' own scratch isn't among them.
"""

from dataclasses import dataclass

from cluster.plan.model import Model, Weights

_BF16 = 2
_LOGIT_BYTES = 24  # BF16, float32, its softmax, and what sorting for top-p needs
_CONTEXT_TOKENS = 64 * 1024  # of context, that a chunk of prompt attends to at once


@dataclass(frozen=True, slots=True)
class Load:
    """The batch that vLLM profiles one rank with, and the ranks that exchange tokens."""

    ranks: int
    tensor_parallel: int
    batched_tokens: int
    sequences: int
    most_tokens: int  # of a sequence


def activation_bytes(model: Model, weights: Weights, load: Load) -> int:
    """Return the bytes on one GPU: tensors that stay, and the largest that come and go."""
    passing = max(
        _experts(model, weights, load),
        _attention(model, load),
        _images(model, load),
        load.sequences * model.vocabulary * _LOGIT_BYTES,
    )
    hidden = 6 * load.batched_tokens * model.hidden * _BF16  # residuals, and images' embeddings
    return int(_workspaces(model, load) + hidden + passing)


def _gathered(load: Load) -> int:
    """Return how many tokens each GPU's experts see: all ranks' (allgather_reducescatter)."""
    return load.batched_tokens * load.ranks


def _workspaces(model: Model, load: Load) -> int:
    """Return the bytes of two workspaces for the experts, and of one for the context's latents.

    The experts' are those of `fused_moe/experts/cutlass_moe.py`.
    """
    widest = max(model.hidden, 2 * model.expert_hidden)
    chosen = _gathered(load) * model.experts_per_token
    return 2 * chosen * widest * _BF16 + _context_tokens(load) * _latent(model) * _BF16


def _experts(model: Model, weights: Weights, load: Load) -> float:
    """Return the bytes of one layer's experts.

    These are gathered tokens, the same sorted by expert, what lies between the products, and the
    sum.
    """
    gathered, width = _gathered(load), weights.activation_bytes
    chosen = gathered * model.experts_per_token
    inputs = (gathered + chosen) * model.hidden * width
    return inputs + chosen * model.expert_hidden * width + gathered * model.hidden * _BF16


def _attention(model: Model, load: Load) -> int:
    """Return the bytes of attention.

    These are queries, keys, values and outputs of new tokens, and keys and values of the context.
    """
    new = 2 * load.batched_tokens * (model.query_dim + model.value_dim)
    seen = _context_tokens(load) * (2 * model.query_dim - model.rotary_dim + model.value_dim)
    return (new + seen) * model.heads * _BF16 // load.tensor_parallel


def _images(model: Model, load: Load) -> int:
    """Return the bytes of one block of the image encoder.

    These are input, residual, queries, keys, values, output, and its MLP.
    """
    vision = model.vision
    images = max(1, load.batched_tokens // vision.image_tokens)
    return images * vision.image_patches * (8 * vision.hidden + 3 * vision.intermediate) * _BF16


def _context_tokens(load: Load) -> int:
    """Return what vLLM's `determine_chunked_prefill_workspace_size` does for long contexts."""
    return min(8 * load.most_tokens, _CONTEXT_TOKENS)


def _latent(model: Model) -> int:
    return model.latent_dim + model.rotary_dim
