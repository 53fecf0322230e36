"""One layer's latent attention (MLA) over a cache, for a token of each sequence."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from deployments.bench.roofline.timing import noise
from model_shards.architecture import Architecture

_BLOCKS = 256  # that run at once: two for each of a Hopper's multiprocessors
_FEWEST_TOKENS = 128  # of a part

Kernel = Callable[[Tensor, Tensor, int, float], Tensor]


class LatentAttention:
    """A layer's attention, its matrices absorbed: queries meet latents, not keys.

    Norms and rotation are left out.
    """

    def __init__(self, sizes: Architecture, device: str = "cuda") -> None:
        self._heads, self._latent = sizes.n_heads, sizes.kv_lora_rank
        self._plain = sizes.qk_nope_head_dim
        query = sizes.qk_nope_head_dim + sizes.qk_rope_head_dim
        self._scale = query**-0.5

        def matrix(*shape: int) -> Tensor:
            return noise(*shape, device=device).div(shape[-2] ** 0.5)

        self._query_down = matrix(sizes.dim, sizes.q_lora_rank)
        self._query_up = matrix(sizes.q_lora_rank, self._heads * query)
        self._latent_down = matrix(sizes.dim, self._latent + sizes.qk_rope_head_dim)
        self._to_latent = matrix(self._heads, self._plain, self._latent)
        self._to_value = matrix(self._heads, self._latent, sizes.v_head_dim)
        self._out = matrix(self._heads * sizes.v_head_dim, sizes.dim)

    @property
    def parameters(self) -> int:
        """Number of parameters, all of which a step reads."""
        return sum(value.numel() for value in vars(self).values() if isinstance(value, Tensor))

    def __call__(self, hidden: Tensor, cache: Tensor, kernel: Kernel) -> Tensor:
        """Return what attention adds to `hidden` [sequences, dim].

        The new token becomes the last of `cache` [sequences, tokens, latent + rotary].
        """
        cache[:, -1] = hidden @ self._latent_down
        query = (hidden @ self._query_down @ self._query_up).view(len(hidden), self._heads, -1)
        plain, rotary = query[..., : self._plain], query[..., self._plain :]
        absorbed = torch.bmm(plain.transpose(0, 1), self._to_latent).transpose(0, 1)
        attended = kernel(torch.cat((absorbed, rotary), -1), cache, self._latent, self._scale)
        values = torch.bmm(attended.transpose(0, 1), self._to_value).transpose(0, 1)
        return values.flatten(1) @ self._out


def products(query: Tensor, cache: Tensor, latent: int, scale: float) -> Tensor:
    """Return [sequences, heads, latent] by batched products, which read the cache twice."""
    scores = torch.bmm(query, cache.transpose(1, 2))
    return torch.bmm((scores * scale).softmax(-1), cache[..., :latent])


def split(query: Tensor, cache: Tensor, latent: int, scale: float) -> Tensor:
    """Return the same by PyTorch's fused kernel, which reads the cache once; GPUs only.

    It runs over parts of each sequence, as many as keep all of a GPU busy. Heads pass as the rows
    of one head.
    """
    sequences, tokens, width = cache.shape
    parts = min(max(1, _BLOCKS // sequences), max(1, tokens // _FEWEST_TOKENS))
    keys = cache.view(sequences * parts, 1, tokens // parts, width)
    attended, log_sums, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
        query.repeat_interleave(parts, 0).unsqueeze(1),
        keys,
        keys[..., :latent],
        None,
        compute_log_sumexp=True,
        scale=scale,
    )
    heads = query.shape[1]
    shares = log_sums[..., :heads].view(sequences, parts, heads).softmax(1).to(attended.dtype)
    merged: Tensor = (attended.view(sequences, parts, heads, latent) * shares.unsqueeze(-1)).sum(1)
    return merged


KERNELS: Mapping[str, Kernel] = {"products": products, "split": split}
