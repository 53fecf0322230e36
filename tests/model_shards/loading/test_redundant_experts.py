"""Replicas through vLLM's own functions: its names, its expert maps and its EPLB state.

vLLM runs EPLB on GPUs only, where a kernel gives each token a copy. Its rule is written out here.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from vllm.distributed.eplb import eplb_state
from vllm.distributed.eplb.eplb_state import EplbLayerState, EplbState
from vllm.model_executor.layers.fused_moe.expert_map_manager import determine_expert_map
from vllm.model_executor.layers.fused_moe.routed_experts import RoutedExperts
from vllm.model_executor.models.interfaces import MixtureOfExperts

from configs.errors import ConfigError
from model_shards.loading.redundant_experts import (
    engine_arguments,
    hold,
    named_for_vllm,
    require_slots,
)
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import ExpertLoad
from model_shards.shard_set.manifest import Manifest, ShardFile, Source

EXPERTS, LAYERS, GROUPS, DIM = 16, 3, 4, 5
LOAD = ExpertLoad(
    tokens=tuple(
        tuple((7 * e + 5 * n) % 31 ** (1 + n) for e in range(EXPERTS)) for n in range(LAYERS)
    )
)
ORDER = balanced_order(LOAD, GROUPS, replicas=1)
SLOTS = EXPERTS + GROUPS


def _manifest(order: Any = ORDER) -> Manifest:
    return Manifest(
        source=Source(name="noise", identity="0" * 64),
        placement="balanced",
        num_experts=EXPERTS,
        expert_order=order,
        companions=(),
        base=(),
        groups=tuple(
            (ShardFile(name=f"experts-{group}", size_bytes=0, sha256="0" * 64),)
            for group in range(GROUPS)
        ),
    )


MANIFEST = _manifest()


def _weight(layer: int, expert: int) -> torch.Tensor:
    return torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(100 * layer + expert))


def _read(rank: int, size: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield what a rank's files have: one expert's matrix for each slot of each layer."""
    yield "norm.weight", torch.ones(1)
    for layer, order in enumerate(ORDER):
        for slot in range(rank * SLOTS // size, (rank + 1) * SLOTS // size):
            yield f"layers.{layer}.experts.{slot}.w1.weight", _weight(layer, order[slot])


def _loaded(rank: int, size: int) -> dict[tuple[int, int], torch.Tensor]:
    """Return matrices by (layer, local expert), put there by vLLM's names and expert map."""
    slots = SLOTS if size > 1 else EXPERTS
    _, expert_map, _ = determine_expert_map(size, rank, slots)
    mapping = RoutedExperts.build_expert_params_mapping("w1", "w2", "w3", EXPERTS, slots - EXPERTS)
    loaded: dict[tuple[int, int], torch.Tensor] = {}
    for name, tensor in named_for_vllm(_read(rank, size), MANIFEST, size):
        for _, part, slot, _ in mapping:
            local = slot if expert_map is None else int(expert_map[slot])
            if part in name and local >= 0:
                at = int(name.split(".")[1]), local
                assert at not in loaded
                loaded[at] = tensor
                break
    return loaded


class _Layer:
    """A layer as EPLB sees it."""

    def __init__(self) -> None:
        self.eplb_state = EplbLayerState()
        self.set_eplb_state = self.eplb_state.set_layer_state

    def get_expert_weights(self) -> list[torch.Tensor]:
        return [torch.zeros(SLOTS // GROUPS, 1)]


class _Model:
    """A model as EPLB sees it."""

    num_moe_layers = LAYERS
    num_expert_groups = 1
    num_logical_experts = num_routed_experts = EXPERTS
    num_physical_experts = SLOTS
    num_redundant_experts = GROUPS
    set_eplb_state = MixtureOfExperts.set_eplb_state

    def __init__(self) -> None:
        self.moe_layers = [_Layer() for _ in range(LAYERS)]


def _config(runner_type: str) -> Any:
    return SimpleNamespace(
        model=runner_type, runner_type=runner_type, compute_hash=lambda: runner_type
    )


@pytest.fixture
def eplb(monkeypatch: pytest.MonkeyPatch) -> EplbState:
    """Return vLLM's state, which `hold` may change until the test ends; nothing is ever moved."""
    monkeypatch.setattr(EplbState, "add_model", EplbState.add_model)
    monkeypatch.setattr(EplbState, "step", EplbState.step)
    monkeypatch.setattr(eplb_state, "get_eplb_group", lambda: None)
    monkeypatch.setattr(eplb_state, "create_eplb_communicator", lambda **_: None)
    config = SimpleNamespace(
        use_async=False, window_size=1, step_interval=4, policy="default", communicator="torch_gloo"
    )
    parallel = SimpleNamespace(eplb_config=config, enable_elastic_ep=False, num_ubatches=0)
    return EplbState(parallel, torch.device("cpu"))


def _slot(state: EplbLayerState, expert: int, token: int) -> int:
    """Return the slot of a token's expert, as `_eplb_map_and_record_i32_kernel` chooses it."""
    assert state.logical_replica_count is not None
    assert state.logical_to_physical_map is not None
    turn = (token * 2654435769 & 0xFFFFFFFF) % int(state.logical_replica_count[expert])
    return int(state.logical_to_physical_map[expert, turn])


@pytest.mark.parametrize("size", [2, 4])
def test_ranks_together_compute_what_one_rank_does(eplb: EplbState, size: int) -> None:
    hold(MANIFEST, size)
    eplb.add_model(_Model(), _config("generate"))
    model = eplb.model_states["generate"].model
    ranks = [_loaded(rank, size) for rank in range(size)]
    assert all(len(loaded) == LAYERS * SLOTS // size for loaded in ranks)
    tokens = torch.randn(40, DIM, generator=torch.Generator().manual_seed(1))
    used: set[int] = set()
    for layer, state in enumerate(layer.eplb_state for layer in model.moe_layers):
        for token, hidden in enumerate(tokens):
            for expert in (token % EXPERTS, (token * 7 + 3) % EXPERTS):
                slot = _slot(state, expert, token)
                rank, local = divmod(slot, SLOTS // size)
                used.add(slot)
                expected = hidden @ _weight(layer, expert)
                assert torch.equal(hidden @ ranks[rank][layer, local], expected)
    assert len(used) == SLOTS  # copies take turns, so all of them were used


def test_one_rank_reads_each_expert_once_under_its_number() -> None:
    loaded = _loaded(0, 1)
    assert loaded.keys() == {(layer, e) for layer in range(LAYERS) for e in range(EXPERTS)}
    assert all(torch.equal(tensor, _weight(*at)) for at, tensor in loaded.items())


def test_without_replicas_names_are_left_alone() -> None:
    plain = _manifest(tuple(tuple(reversed(range(EXPERTS))) for _ in range(LAYERS)))
    tensors = [("layers.0.experts.3.w1.weight", torch.ones(1))]
    assert [*named_for_vllm(tensors, plain, 2)] == tensors


def test_a_draft_model_keeps_the_map_that_vllm_gave_it(eplb: EplbState) -> None:
    hold(MANIFEST, 4)
    eplb.add_model(_Model(), _config("draft"))
    eplb.add_model(_Model(), _config("generate"))
    first = [*range(EXPERTS), *range(GROUPS)]
    draft = eplb.model_states["draft"].physical_to_logical_map
    assert draft.tolist() == [first] * LAYERS
    target = eplb.model_states["generate"].physical_to_logical_map
    assert target.tolist() == [list(order) for order in ORDER]


def test_layers_before_the_first_with_experts_are_skipped(eplb: EplbState) -> None:
    hold(_manifest((tuple(range(EXPERTS)) + (5,) * GROUPS, *ORDER)), 4)
    eplb.add_model(_Model(), _config("generate"))
    target = eplb.model_states["generate"].physical_to_logical_map
    assert target.tolist() == [list(order) for order in ORDER]


def test_nothing_is_counted_or_moved(eplb: EplbState, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    monkeypatch.setattr(EplbState, "rearrange", lambda *_, **options: moved.append(options))
    hold(MANIFEST, 4)
    eplb.add_model(_Model(), _config("generate"))
    for _ in range(10):
        eplb.step()
    assert not moved
    assert eplb.should_record_tensor is not None
    assert not eplb.should_record_tensor


@pytest.mark.parametrize(("order", "size"), [(ORDER, 1), (((*range(EXPERTS),),) * LAYERS, 4)])
def test_without_replicas_or_ranks_vllms_balancer_is_left_alone(
    eplb: EplbState, order: Any, size: int
) -> None:
    before = EplbState.add_model, EplbState.step
    hold(_manifest(order).model_copy(update={"placement": "balanced"}), size)
    assert (EplbState.add_model, EplbState.step) == before


def _parallel(ranks: int, redundant: int, *, eplb: bool, experts: bool = True) -> Any:
    return SimpleNamespace(
        tensor_parallel_size=1,
        prefill_context_parallel_size=1,
        data_parallel_size=ranks,
        enable_expert_parallel=experts,
        enable_eplb=eplb,
        eplb_config=SimpleNamespace(num_redundant_experts=redundant),
    )


def test_an_engine_gets_the_slots_that_its_set_has() -> None:
    arguments = engine_arguments(MANIFEST, ranks=4)
    assert arguments["enable_eplb"] is True
    assert arguments["eplb_config"]["num_redundant_experts"] == GROUPS
    require_slots(_parallel(4, GROUPS, eplb=True), MANIFEST.replicas)
    assert engine_arguments(MANIFEST, ranks=1) == {}
    require_slots(_parallel(1, 0, eplb=False), MANIFEST.replicas)
    require_slots(_parallel(4, 0, eplb=False, experts=False), MANIFEST.replicas)


@pytest.mark.parametrize(
    ("parallel", "complaint"),
    [
        (_parallel(4, 0, eplb=False), "num_redundant_experts: 0.* for 4 ranks .* has 4 replicated"),
        (_parallel(4, 8, eplb=True), "num_redundant_experts: 8"),
        (_parallel(4, GROUPS, eplb=False), "enable_eplb: False"),
        (_parallel(1, GROUPS, eplb=True), "for 1 ranks this shard set has 0"),
    ],
)
def test_an_engine_with_other_slots_is_refused(parallel: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        require_slots(parallel, MANIFEST.replicas)
