"""nano as transformers trains it: fresh weights, and the loss on answers."""

import math

import torch
from torch.nn import functional
from transformers import Mistral3ForConditionalGeneration

from model_shards.architecture import Architecture
from model_shards.training.batches import Batch
from model_shards.transformers_config import transformers_model

# Images are encoded a few at a time: the encoder compares every patch with every other of a call.
_IMAGES_AT_ONCE = 4
_WEIGHT_OF_GIVEN = 0.3
_WEIGHT_OF_FIRST = 8.0


def fresh_model(architecture: Architecture, seed: int) -> Mistral3ForConditionalGeneration:
    """Make a model whose weights keep activations near unit size."""
    torch.manual_seed(seed)
    model = transformers_model(architecture, attention="sdpa")
    model.model.language_model.set_experts_implementation("grouped_mm")
    # Two sums per layer flow into the residual stream; each starts small.
    into_residual = 1 / math.sqrt(2 * architecture.n_layers)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 1:
                weight.fill_(1)
                continue
            fan_in = weight[0].numel() if weight.dim() != 3 else weight.shape[-1]
            std = 1 / math.sqrt(fan_in)
            if name.endswith(("o_proj.weight", "down_proj", "down_proj.weight")):
                std *= into_residual
            if name.endswith("embed_tokens.weight"):
                std = 0.5
            weight.normal_(0, std)
    return model


def logits_at(
    model: Mistral3ForConditionalGeneration, batch: Batch, places: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits (tokens, vocab) and the tokens that are right there, in order of `batch`.

    `places` marks the tokens of `batch` to predict, (conversations, longest).
    """
    text = model.model.language_model
    embedded = text.embed_tokens(batch.ids)
    if batch.images:
        shown = batch.ids == model.config.image_token_id
        embedded = embedded.masked_scatter(shown[..., None], _image_features(model, batch.images))
    hidden = text(inputs_embeds=embedded, use_cache=False).last_hidden_state
    before, right = places[:, 1:], batch.ids[:, 1:]
    return model.lm_head(hidden[:, :-1][before]), right[before]


def loss(model: Mistral3ForConditionalGeneration, batch: Batch) -> torch.Tensor:
    """Return the mean cross entropy in nats: an answer's first token weighs most, questions least.

    The first token decides between an answer and a call. Words that repeat in a question teach to
    copy, as those of an answer do.
    """
    places = batch.answer | batch.given
    losses = functional.cross_entropy(*logits_at(model, batch, places), reduction="none")
    first = batch.answer[:, 1:] & ~batch.answer[:, :-1]
    weights = batch.answer + _WEIGHT_OF_GIVEN * batch.given
    weights[:, 1:][first] = _WEIGHT_OF_FIRST
    weights = weights[:, 1:][places[:, 1:]]
    return (losses * weights).sum() / weights.sum()


def _image_features(
    model: Mistral3ForConditionalGeneration, images: list[torch.Tensor]
) -> torch.Tensor:
    features: list[torch.Tensor] = []
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        group = images[start : start + _IMAGES_AT_ONCE]
        sizes = torch.tensor([image.shape[1:] for image in group])
        height, width = sizes.amax(dim=0).tolist()
        padded = [
            functional.pad(image, (0, width - image.shape[2], 0, height - image.shape[1]))
            for image in group
        ]
        outputs = model.model.get_image_features(
            pixel_values=torch.stack(padded), image_sizes=sizes, return_dict=True
        )
        features += outputs.pooler_output
    return torch.cat(features)
