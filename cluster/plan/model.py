"""A model as the planner needs it: sizes, whatever they were counted from."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes of a model's tensors in one precision."""

    split_bytes: int  # of the base: each GPU of a tensor-parallel rank holds its part
    whole_bytes: int  # of the base: each GPU holds it
    experts_bytes: int  # all routed ones, of all layers
    step_bytes: int  # of the base, that each step reads: neither tokens' embeddings nor images'
    activation_bytes: float  # of a number that experts are multiplied with

    @property
    def base_bytes(self) -> int:
        """Bytes that every rank reads besides its experts."""
        return self.split_bytes + self.whole_bytes

    @property
    def checkpoint_bytes(self) -> int:
        return self.base_bytes + self.experts_bytes


@dataclass(frozen=True, slots=True)
class Vision:
    """Sizes of the image encoder, for the largest image."""

    image_patches: int
    image_tokens: int  # after merging, with what separates rows
    hidden: int
    intermediate: int


@dataclass(frozen=True, slots=True)
class Head:
    """The model's EAGLE head, in FP8 as it is published."""

    layers: int
    split_bytes: int  # each GPU of a tensor-parallel rank holds its part
    whole_bytes: int  # each GPU holds it
    added_bytes: int  # tensors that an engine derives and keeps

    @property
    def file_bytes(self) -> int:
        return self.split_bytes + self.whole_bytes


@dataclass(frozen=True, slots=True)
class Model:
    """A mixture of experts with latent attention (MLA); sizes without units are in elements."""

    name: str
    layers: int
    hidden: int
    vocabulary: int
    most_tokens: int  # of a sequence
    heads: int
    query_dim: int  # of a head, keys alike
    value_dim: int
    latent_dim: int  # all heads' keys and values in the cache, without the rotated key
    rotary_dim: int
    experts: int  # of a layer, routed
    experts_per_token: int
    expert_hidden: int
    expert_parameters: int  # of one expert, in one layer
    token_parameters: int  # that each token is multiplied with, without routed experts and logits
    latent_elements: int  # of a token in the KV cache, all layers
    full_elements: int  # the same without MLA
    added_bytes: int  # tensors that an engine derives from the base and keeps
    vision: Vision
    weights: Mapping[str, Weights]  # by precision
    head: Head
