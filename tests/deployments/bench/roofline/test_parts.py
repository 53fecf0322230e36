"""The bench times what it says it does: checked in small sizes on CPUs; only GPUs are timed."""

import pytest
import torch

from deployments.bench.roofline.attention import LatentAttention, products
from deployments.bench.roofline.experts import ExpertLayer, Routed
from model_shards.nano import NANO


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("held", [16, 4])
def test_experts_add_what_they_would_one_by_one(held: int) -> None:
    layer = ExpertLayer(held, 64, 32, fp8=False, device="cpu")
    batch = torch.randn(40, 64, dtype=torch.bfloat16)
    routed = Routed.evenly(40, held, experts=16, chosen=4, device="cpu")
    expected = layer.expected(batch, routed)
    assert expected.norm() > 1
    assert (layer(batch, routed) - expected).norm() < 0.02 * expected.norm()


def test_each_token_has_its_experts_once() -> None:
    routed = Routed.evenly(40, held=16, experts=16, chosen=4, device="cpu")
    assert torch.bincount(routed.tokens).tolist() == [4] * 40
    assert routed.ends[-1] == 160
    start = 0
    for end in routed.ends.tolist():
        rows = routed.tokens[start:end].tolist()
        assert len(set(rows)) == len(rows)
        start = end


def test_attention_is_that_of_keys_and_values_made_of_latents() -> None:
    """Compare it unabsorbed, in float32; on GPUs, the bench compares their kernel with this one."""
    layer = LatentAttention(NANO, device="cpu")
    latent, plain = NANO.kv_lora_rank, NANO.qk_nope_head_dim
    cache = torch.randn(3, 20, latent + NANO.qk_rope_head_dim, dtype=torch.bfloat16)
    hidden = torch.randn(3, NANO.dim, dtype=torch.bfloat16)
    attended = layer(hidden, cache, products)

    matrices = {
        name: value.float() for name, value in vars(layer).items() if torch.is_tensor(value)
    }
    query = hidden.float() @ matrices["_query_down"] @ matrices["_query_up"]
    query = query.view(3, NANO.n_heads, -1)
    keys = torch.einsum("btl,hnl->bhtn", cache[..., :latent].float(), matrices["_to_latent"])
    values = torch.einsum("btl,hlv->bhtv", cache[..., :latent].float(), matrices["_to_value"])
    scores = torch.einsum("bhn,bhtn->bht", query[..., :plain], keys)
    scores += torch.einsum("bhr,btr->bht", query[..., plain:], cache[..., latent:].float())
    weights = (scores * query.shape[-1] ** -0.5).softmax(-1)
    expected = torch.einsum("bht,bhtv->bhv", weights, values).flatten(1) @ matrices["_out"]
    assert (attended - expected).norm() < 0.02 * expected.norm()
