"""What the loader accepts; tests/system/parity shows that what it loads is right."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from safetensors.torch import save_file
from vllm.config import LoadConfig, VllmConfig, set_current_vllm_config
from vllm.model_executor.layers.fused_moe.expert_map_manager import determine_expert_map
from vllm.model_executor.model_loader import default_loader as vllm_loader
from vllm.model_executor.model_loader import get_model_loader

from configs.errors import CheckpointError, ConfigError
from model_shards.loading import loader
from model_shards.loading.loader import ExpertShardLoader, Options
from model_shards.shard_set.manifest import MANIFEST, Manifest, ShardFile, Source

EXPERTS = 128


def manifest(groups: int, experts: int = EXPERTS) -> Manifest:
    return Manifest(
        source=Source(name="noise", identity="0" * 64),
        placement="linear",
        num_experts=experts,
        expert_order=(tuple(range(experts)),),
        companions=(),
        base=(),
        groups=tuple((file(f"experts-{group}.safetensors"),) for group in range(groups)),
    )


def file(name: str) -> ShardFile:
    return ShardFile(name=name, size_bytes=0, sha256="0" * 64)


def model(
    rank: int, size: int, placement: str = "linear", experts: int = EXPERTS, scales: int = 0
) -> torch.nn.Module:
    """Return a model with one layer that vLLM has laid out like this, for so many scales."""
    _, expert_map, _ = determine_expert_map(size, rank, experts, placement)
    held = [*range(experts)] if expert_map is None else (expert_map >= 0).nonzero().flatten()
    layer: Any = torch.nn.Module()
    if scales:
        layer.w13_input_scale = torch.nn.Parameter(torch.ones(scales, 2), requires_grad=False)
    layer.expert_map_manager = SimpleNamespace(
        ep_rank=rank,
        ep_size=size,
        global_num_experts=experts,
        get_local_expert_ids=lambda: [int(expert) for expert in held],
    )
    return torch.nn.Sequential(layer)


def parallel(**changes: Any) -> SimpleNamespace:
    usual: dict[str, Any] = {
        "expert_placement_strategy": "linear",
        "enable_eplb": False,
        "enable_expert_parallel": True,
        "tensor_parallel_size": 1,
        "prefill_context_parallel_size": 1,
        "data_parallel_size": 8,
        "eplb_config": SimpleNamespace(num_redundant_experts=0),
    }
    return SimpleNamespace(**{**usual, **changes})


def test_vllm_finds_it_by_its_name_however_often_it_is_registered() -> None:
    loader.register()
    loader.register()
    registered = get_model_loader(LoadConfig(load_format="expert_shards"))
    assert isinstance(registered, ExpertShardLoader)


@pytest.mark.parametrize("groups", [1, 2, 8, 128])
@pytest.mark.parametrize("size", [1, 2, 4, 8, 32])
def test_a_rank_reads_what_vllm_places_there_or_it_is_an_error(groups: int, size: int) -> None:
    for rank in range(size):
        if groups % size:
            with pytest.raises(CheckpointError, match=f"--expert-parallel {size}"):
                loader.place_of(model(rank, size), manifest(groups))
        else:
            assert loader.place_of(model(rank, size), manifest(groups)) == (rank, size)


def test_with_replicas_ranks_hold_slots_and_one_rank_experts() -> None:
    order = ((*range(64), 99, *range(64, 128), 0),)
    replicated = manifest(2).model_copy(update={"expert_order": order})
    assert loader.place_of(model(1, 2, experts=130), replicated) == (1, 2)
    assert loader.place_of(model(0, 1), replicated) == (0, 1)
    with pytest.raises(CheckpointError, match="has 130, for that rank those from 65 to 129"):
        loader.place_of(model(1, 2), replicated)


@pytest.mark.parametrize(
    ("laid_out", "complaint"),
    [
        (model(1, 2, "round_robin"), "of 128, from 1 to 127; .* 64 to 127"),
        (model(0, 2, experts=130), "holds 65 experts of 130, .* has 128, .* 0 to 63"),
        (model(0, 1, experts=64), "holds 64 experts of 64"),
        (torch.nn.Sequential(model(0, 2), model(1, 2)), "in one way"),
        (torch.nn.Linear(1, 1), "weights.format: mistral"),
    ],
)
def test_layers_that_are_laid_out_otherwise(laid_out: torch.nn.Module, complaint: str) -> None:
    with pytest.raises(CheckpointError, match=complaint):
        loader.place_of(laid_out, manifest(8))


@pytest.mark.parametrize(("size", "scales"), [(1, EXPERTS), (2, EXPERTS // 2), (8, EXPERTS // 8)])
def test_scales_of_a_ranks_own_experts_are_all_that_a_layer_may_want(
    size: int, scales: int
) -> None:
    assert loader.place_of(model(0, size, scales=scales), manifest(8)) == (0, size)
    with pytest.raises(ConfigError, match=f"wants those of {scales + 1}. .*moe_backend: marlin"):
        loader.place_of(model(0, size, scales=scales + 1), manifest(8))


def test_what_moves_experts_is_refused() -> None:
    loader.refuse_moved_experts(parallel())
    with pytest.raises(ConfigError, match=r"'round_robin'.*--placement balanced"):
        loader.refuse_moved_experts(parallel(expert_placement_strategy="round_robin"))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"verified": False}, "verified"),
        ({"verify": "no"}, "verify"),
        ({"source": 7}, "source"),
        ([], r"\[\]"),
    ],
)
def test_options_that_are_none(given: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"which takes source, .*, verify.*\n*.*{complaint}"):
        Options.parse(given)


def test_a_draft_model_is_read_as_mistral_writes_it(tmp_path: Path) -> None:
    save_file({"draft": torch.ones(3)}, tmp_path / "consolidated.safetensors")
    config = SimpleNamespace(model=str(tmp_path), revision=None, runner_type="draft")
    extra = {"source": "s3://bucket/the-target", "verify": False}
    load_config = LoadConfig(load_format="expert_shards", model_loader_extra_config=extra)
    loaded = dict(ExpertShardLoader(load_config).get_all_weights(config, torch.nn.Module()))
    assert torch.equal(loaded["draft"], torch.ones(3))


@pytest.fixture
def incomplete(tmp_path: Path) -> Path:
    """Write a set of four groups without the only file of the last group."""
    (tmp_path / MANIFEST).write_text(manifest(4).model_dump_json())
    for group in range(3):
        (tmp_path / f"experts-{group}.safetensors").touch()
    return tmp_path


def engine(directory: Path, rank: int, ranks: int, workers: int, *, shared: bool = True) -> Any:
    return SimpleNamespace(
        parallel_config=parallel(
            enable_expert_parallel=shared,
            data_parallel_rank=rank,
            data_parallel_size=ranks,
            tensor_parallel_size=workers,
            prefill_context_parallel_size=1,
        ),
        load_config=SimpleNamespace(model_loader_extra_config={}),
        model_config=SimpleNamespace(model=str(directory)),
        speculative_config=None,
    )


@pytest.mark.parametrize(
    ("rank", "ranks", "workers"),
    [(0, 2, 1), (0, 2, 2), (0, 4, 1), (1, 4, 1), (2, 4, 1)],
)
def test_an_engine_can_start_without_the_files_of_others(
    incomplete: Path, rank: int, ranks: int, workers: int
) -> None:
    loader.check(engine(incomplete, rank, ranks, workers))


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ((1, 2, 1), "experts-3.safetensors is missing"),
        ((1, 2, 2), "experts-3.safetensors is missing"),
        ((0, 1, 4), "experts-3.safetensors is missing"),
        ((0, 3, 1), "by 3 expert-parallel ranks, only by 1, 2, 4"),
        ((0, 4, 2), "by 8 expert-parallel ranks"),
    ],
)
def test_an_engine_does_not_start_without_its_own(
    incomplete: Path, asked: tuple[int, int, int], complaint: str
) -> None:
    with pytest.raises(CheckpointError, match=complaint):
        loader.check(engine(incomplete, *asked))


def test_eplb_without_redundant_experts_may_start(incomplete: Path) -> None:
    """Ranks read their own experts, and vLLM moves them afterwards."""
    config = engine(incomplete, 0, 4, 1)
    config.parallel_config.enable_eplb = True
    loader.check(config)
    config.parallel_config.eplb_config.num_redundant_experts = 4
    with pytest.raises(ConfigError, match=r"num_redundant_experts: 4.* has 0 replicated"):
        loader.check(config)


def test_without_expert_parallelism_every_rank_reads_all_groups(incomplete: Path) -> None:
    with pytest.raises(CheckpointError, match="experts-3"):
        loader.check(engine(incomplete, 0, 2, 1, shared=False))


def test_vllm_says_how_long_the_weights_took_not_how_long_it_runs(tmp_path: Path) -> None:
    """Reads vLLM's own line; the draft's path needs no engine, and counts from the same place."""
    save_file({"draft": torch.ones(3)}, tmp_path / "consolidated.safetensors")
    config: Any = SimpleNamespace(
        model=str(tmp_path), revision=None, runner_type="draft", quantization=None,
        multimodal_config=None, is_moe=False,
    )  # fmt: skip
    model: Any = SimpleNamespace(load_weights=lambda weights: dict(weights) and None)
    began_s = time.perf_counter()
    with set_current_vllm_config(VllmConfig()), patch.object(vllm_loader, "logger") as logged:
        ExpertShardLoader(LoadConfig(load_format="expert_shards")).load_weights(model, config)
    line, took_s = logged.info_once.call_args.args
    assert line == "Loading weights took %.2f seconds"
    assert 0 < took_s <= time.perf_counter() - began_s
