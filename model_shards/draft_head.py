"""The EAGLE head of a model: two dense layers that guess the next tokens from its hidden states.

Names are those that vLLM 0.32's `EagleMistralLarge3ForCausalLM` reads. The head has no embeddings
and no logits of its own. Mistral publishes 392 MB in FP8: two layers as wide as `hidden_dim` of the
model's params.json.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from configs.errors import CheckpointError
from model_shards.architecture import Architecture
from model_shards.tensors import Shape, attention_shapes, feed_forward_shapes

LAYERS = 2


def head_shapes(architecture: Architecture) -> Iterator[tuple[str, Shape]]:
    """Yield `(name, shape)` of the tensors of a model's head; matrices are (out, in)."""
    a = architecture
    yield "eagle_linear.weight", (a.dim, 2 * a.dim)
    for layer in range(LAYERS):
        for name, shape in (
            *attention_shapes(a),
            ("ffn_norm", (a.dim,)),
            *feed_forward_shapes("feed_forward", a.dim, a.hidden_dim),
        ):
            yield f"layers.{layer}.{name}.weight", shape
    yield "norm.weight", (a.dim,)


def require_draft(directory: Path, architecture: Architecture) -> None:
    """Raise CheckpointError unless a head or small model speaks the model's tokens."""
    path = directory / "params.json"
    try:
        vocabulary = json.loads(path.read_bytes())["vocab_size"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"draft: {path} isn't the params.json of a head in Mistral format: {error!r}. Download "
            "it again, or correct the path"
        ) from error
    if vocabulary != architecture.vocab_size:
        raise CheckpointError(
            f"draft: {path} has a vocab_size of {vocabulary}, and the model one of "
            f"{architecture.vocab_size}. It guesses for another model: name this model's"
        )
