import torch

from model_shards.nano import NANO
from model_shards.tensors import tensor_shapes
from model_shards.transformers_weights import from_transformers, to_transformers


def test_the_way_back_gives_every_tensor_as_it_was() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in tensor_shapes(NANO)}
    back = dict(from_transformers(NANO, to_transformers(NANO, tensors)))
    assert list(back) == list(tensors)
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())
