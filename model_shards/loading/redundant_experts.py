"""Serves a shard set's replicas through vLLM's own map of redundant experts.

vLLM's load balancer (EPLB) has the map, of experts to slots on ranks, and its routers give each
token a copy by the hash of its row. Here the map is the set's, and stays as it is: nothing is
counted or moved while serving. Read from vLLM 0.32.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from configs.errors import ConfigError
from model_shards.placement.order import ExpertOrder
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.tensor_file import Named

_SLOT = re.compile(r"layers\.(\d+)\.experts\.(\d+)\.(.+)")


def engine_arguments(manifest: Manifest, ranks: int) -> dict[str, Any]:
    """Return vLLM's arguments for a set's replicas; one rank has no use for them."""
    if not manifest.replicas or ranks == 1:
        return {}
    eplb = {"num_redundant_experts": manifest.replicas, "use_async": False, "window_size": 1}
    return {"enable_eplb": True, "eplb_config": eplb}


def require_slots(parallel_config: Any, replicas: int) -> None:
    """Raise ConfigError unless the engine's layers have as many slots as a set with replicas."""
    p = parallel_config
    ranks = p.tensor_parallel_size * p.prefill_context_parallel_size * p.data_parallel_size
    wanted = replicas if p.enable_expert_parallel and ranks > 1 else 0
    given = p.eplb_config.num_redundant_experts
    if given != wanted or (wanted and not p.enable_eplb):
        raise ConfigError(
            f"engine.eplb_config.num_redundant_experts: {given}, with engine.enable_eplb: "
            f"{p.enable_eplb}; for {ranks} ranks this shard set has {wanted} replicated experts. "
            "Leave both out: they follow from the set."
        )


def hold(manifest: Manifest, size: int) -> None:
    """Have vLLM map experts to the slots of a set that `size` ranks of this engine have loaded."""
    if not manifest.replicas or size == 1:
        return
    from vllm.distributed.eplb.eplb_state import EplbState

    add_model = getattr(EplbState.add_model, "__wrapped__", EplbState.add_model)
    EplbState.add_model = _mapped(add_model, manifest.expert_order)
    EplbState.step = _still


def named_for_vllm(tensors: Iterable[Named], manifest: Manifest, size: int) -> Iterator[Named]:
    """Rename tensors, which a set names by slot, so that vLLM puts each where it belongs.

    While it loads, vLLM takes slot S for expert S, and those beyond the last expert for experts
    0, 1 and so on. No rank has both slots of one name. One rank has no slots, and reads each
    expert's first.
    """
    if not manifest.replicas:
        yield from tensors
        return
    for name, tensor in tensors:
        if not (match := _SLOT.fullmatch(name)):
            yield name, tensor
            continue
        layer, slot = int(match[1]), int(match[2])
        order = manifest.expert_order[layer]
        if size == 1 and order.index(order[slot]) != slot:
            continue
        expert = order[slot] if size == 1 else slot % manifest.num_experts
        yield f"layers.{layer}.experts.{expert}.{match[3]}", tensor


def _mapped(add_model: Callable[..., None], order: ExpertOrder) -> Callable[..., None]:
    @functools.wraps(add_model)
    def wrapped(self: Any, model: Any, model_config: Any, *args: Any, **kwargs: Any) -> None:
        add_model(self, model, model_config, *args, **kwargs)
        # A draft model isn't of the set: vLLM's own map is the one that it was loaded with.
        if model_config.runner_type != "draft":
            slots = torch.tensor(order[-model.num_moe_layers :])  # the first layers may be dense
            self.update_mapping(model_config, slots)
            self.should_record_tensor.fill_(False)

    return wrapped


def _still(_state: Any, *_args: Any, **_kwargs: Any) -> None:
    """Stand in for a step of EPLB, which would count loads and move experts."""
