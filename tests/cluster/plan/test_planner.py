"""Layouts, refusals and their remedies."""

from typing import Any

import pytest

from cluster.plan.nearest import nearest
from cluster.plan.plan import attempt
from cluster.plan.planner import plan
from configs.errors import ConfigError, FitError
from deployments.model_spec import model_spec
from model_shards.nano import TRAINED_NANO
from tests.cluster.plan.manifests import RECIPE, SMALL_4, gpus, manifest_of

P5EN = {"machine": "p5en.48xlarge"}


@pytest.mark.parametrize(
    ("group", "serving", "lies"),
    [
        (P5EN, {}, (8, 8, 1, 1)),
        (P5EN | {"max_nodes": 3}, {}, (8, 8, 1, 3)),
        (P5EN | {"max_nodes": 3}, {"ranks": 2}, (2, 2, 1, 12)),
        (P5EN | {"max_nodes": 3}, {"ranks": 16}, (16, 8, 2, 1)),
        (P5EN, {"tensor_parallel_size": 2}, (4, 4, 1, 1)),
        # Six GPUs: three gangs of two leave none idle, one of four leaves two.
        (gpus("H200", 6), {}, (2, 2, 1, 3)),
        # Where two don't hold the model, four do.
        (gpus("H100", 6), RECIPE, (4, 4, 1, 1)),
        # A gang spans machines only if it must.
        (gpus("H100", 1) | {"max_nodes": 4}, RECIPE, (4, 1, 4, 1)),
        (gpus("L40S", 4) | {"max_nodes": 5}, {}, (8, 4, 2, 2)),
    ],
)
def test_how_gangs_lie_on_machines(
    group: dict[str, Any], serving: dict[str, Any], lies: tuple[int, int, int, int]
) -> None:
    """Compare ranks, those on a machine, machines of a gang, and gangs on all machines."""
    layout = plan(manifest_of(group, **serving), SMALL_4).layout
    on_machines = (layout.ranks_per_node, layout.nodes_per_gang)
    assert (layout.ranks, *on_machines, layout.gangs) == lies
    assert layout.tensor_parallel == serving.get("tensor_parallel_size", 1)


def test_gangs_are_on_the_first_group_that_holds_one() -> None:
    manifest = manifest_of(P5EN)
    routers = manifest.groups[0].model_copy(update={"name": "routers", "machine": "m7i.8xlarge"})
    small = manifest.groups[0].model_copy(update={"name": "small", "machine": "g6e.48xlarge"})
    serving = manifest.serving.model_copy(update={"precision": "bf16"})
    update = {"groups": (routers, small, *manifest.groups), "serving": serving}
    assert plan(manifest.model_copy(update=update), SMALL_4).layout.group == "gpu"


EAGLE = {"method": "eagle", "num_speculative_tokens": 3}


@pytest.mark.parametrize(
    "deployment", [{"model": {"speculative": EAGLE}}, {"engine": {"speculative_config": EAGLE}}]
)
def test_a_draft_head_takes_memory_and_two_layers_of_cache(deployment: dict[str, Any]) -> None:
    plain, drafting, halved = (
        plan(manifest_of(P5EN, deployment=given, tensor_parallel_size=split), SMALL_4).memory
        for given, split in (({}, 1), (deployment, 1), (deployment, 2))
    )
    assert plain.head == 0
    assert drafting.head == pytest.approx(392e6, rel=0.02)  # with what MLA derives
    assert drafting.head / 2 < halved.head < 0.6 * drafting.head
    assert (plain.kv_token, drafting.kv_token) == (23_040, 23_040 * 38 // 36)
    assert plain.kv_cache - drafting.kv_cache == drafting.head
    assert drafting.needed - plain.needed == drafting.head


def test_every_rank_reads_the_whole_head() -> None:
    deployment = {"model": {"speculative": EAGLE}}
    plain, drafting = (
        plan(manifest_of(P5EN, deployment=given), SMALL_4).download for given in ({}, deployment)
    )
    for part in ("rank", "node", "checkpoint"):
        added_bytes = getattr(drafting, part) - getattr(plain, part)
        assert added_bytes == pytest.approx(392e6, rel=0.002)


def test_ngrams_take_no_memory() -> None:
    ngram = {"model": {"speculative": {"method": "ngram", "num_speculative_tokens": 3}}}
    assert plan(manifest_of(P5EN, deployment=ngram), SMALL_4) == plan(manifest_of(P5EN), SMALL_4)


@pytest.mark.parametrize(
    ("speculative", "message"),
    [
        ({"method": "eagle"}, r"model\.speculative\.num_speculative_tokens: Field required"),
        (EAGLE | {"method": "owl"}, r"model\.speculative\.method: Input should be .*'owl'"),
        (EAGLE | {"method": "draft_model"}, r"can't count the memory of 'draft_model'"),
    ],
)
def test_guesses_that_a_plan_cant_count_are_named(
    speculative: dict[str, Any], message: str
) -> None:
    deployment = {"model": {"speculative": speculative}}
    with pytest.raises(ConfigError, match=message):
        plan(manifest_of(P5EN, deployment=deployment), SMALL_4)


def test_a_misfit_names_the_draft_head() -> None:
    deployment = {"model": {"speculative": EAGLE}}
    with pytest.raises(FitError, match=r"draft head 0\.4, activations"):
        plan(manifest_of(gpus("L40S", 1), deployment=deployment), SMALL_4)


def test_a_gang_of_more_ranks_reads_less_and_holds_more_on_each() -> None:
    of_8, of_4 = (plan(manifest_of(P5EN, ranks=ranks), SMALL_4) for ranks in (8, 4))
    assert of_8.memory.experts * 2 == of_4.memory.experts
    assert of_8.memory.kv_tokens > of_4.memory.kv_tokens
    assert of_8.experts_per_rank == 16
    assert of_8.download.rank < of_4.download.rank
    assert of_8.download.node == of_8.download.checkpoint == of_4.download.node


def test_a_gang_over_machines_is_downloaded_in_parts() -> None:
    planned = plan(manifest_of(P5EN | {"max_nodes": 2}, ranks=16), SMALL_4)
    assert planned.download.rank < planned.download.node < 0.6 * planned.download.checkpoint


def test_prices_are_told_of_machines_and_tokens() -> None:
    priced = manifest_of(P5EN | {"usd_per_hour": 60, "max_nodes": 2}, ranks=4)
    head = priced.head.model_copy(update={"usd_per_hour": 1.0})
    planned = plan(priced.model_copy(update={"head": head}), SMALL_4)
    assert planned.usd_per_hour == (61, 121)
    rate = planned.decode[-1]
    assert rate.usd_per_million == pytest.approx(30 / rate.tokens_per_s / 3600 * 1e6)


@pytest.mark.parametrize(
    ("group", "serving", "message"),
    [
        (P5EN, {"ranks": 3}, "serving.ranks: 3 × 1 GPUs don't divide the 128 experts"),
        (P5EN, {"tensor_parallel_size": 16}, "more than a machine's 8 H200"),
        (gpus("H200", 6), {"tensor_parallel_size": 3}, "doesn't divide the 32 heads"),
        (P5EN, {"max_model_len": 2_000_000}, "more than the model's 1,048,576"),
        ({"machine": "p5en.48xlarg"}, {}, r"did you mean p5en.48xlarge\?"),
        (gpus("H300", 8), {}, "gpu.hardware.gpu: 'H300' isn't in the catalogue"),
        (P5EN, {"deployment": {"engine": {"all2all_backend": "pplx"}}}, "pplx is gone"),
        (P5EN, {"deployment": {"engine": {"all2all_backend": "deep"}}}, "isn't one of vLLM"),
        (
            P5EN,
            {"deployment": {"engine": {"all2all_backend": "flashinfer_nvlink_one_sided"}}},
            "doesn't take FP8",
        ),
        (
            P5EN,
            {"deployment": {"engine": {"kv_cache_dtype": "int2"}}},
            "kv_cache_dtype: Input should",
        ),
    ],
)
def test_what_can_not_be_planned_is_refused(
    group: dict[str, Any], serving: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(manifest_of(group, **serving), SMALL_4)


def test_engine_arguments_count() -> None:
    def engine(**arguments: Any) -> Any:
        return plan(manifest_of(P5EN, deployment={"engine": arguments}), SMALL_4)

    usual, halved = engine(), engine(kv_cache_dtype="fp8")
    assert halved.memory.kv_tokens == pytest.approx(2 * usual.memory.kv_tokens, rel=1e-3)
    assert engine(kv_cache_memory_bytes=10**10).memory.kv_cache == 10**10
    assert engine(enforce_eager=True).memory.kv_cache > usual.memory.kv_cache
    assert engine(all2all_backend="deepep_low_latency").layout.all2all == "deepep_low_latency"
    with pytest.raises(FitError):
        engine(kv_cache_memory_bytes=10**12)


def test_replicas_and_eplb_take_memory() -> None:
    """An expert of all layers is 36 × 3 × 4096 × 2048 bytes in FP8; EPLB's maps are some MB."""
    expert = 36 * 3 * 4096 * 2048

    def planned(replicas: int = 0, **engine: Any) -> Any:
        deployment = {"engine": engine}
        return plan(manifest_of(P5EN, ranks=8, replicas=replicas, deployment=deployment), SMALL_4)

    usual, replicated, moved = planned(), planned(replicas=1), planned(enable_eplb=True)
    assert usual.memory.experts == 16 * expert
    buffer = 17 * expert // 36
    added = replicated.memory.experts - usual.memory.experts
    assert expert + buffer < added < expert + buffer + 50e6
    assert (
        16 * expert // 36 < moved.memory.experts - usual.memory.experts < 16 * expert // 36 + 90e6
    )
    assert replicated.memory.kv_cache == usual.memory.kv_cache - added
    assert replicated.download.rank - usual.download.rank == expert
    assert replicated.download.node - usual.download.node == 8 * expert
    assert (usual.experts_per_rank, replicated.experts_per_rank) == (16, 17)
    assert moved.download == usual.download


@pytest.mark.parametrize(
    ("group", "serving", "change"),
    [
        (P5EN, {"ranks": 1, "gpu_memory_utilization": 0.8}, "serving.ranks: 2"),
        (gpus("H200", 1), RECIPE, "serving.precision: nvfp4"),
        (gpus("H100", 1), {"precision": "bf16"}, "gpu.hardware.gpus: 8"),
        (gpus("H200", 1), {"max_model_len": 524_288}, "serving.max_model_len: 262,144"),
        (gpus("B200", 1), {"precision": "bf16"}, "serving.precision: fp8"),
        ({"machine": "p5.48xlarge"}, {"ranks": 1, "precision": "nvfp4"}, "machine: p5en.48xlarge"),
        ({"machine": "g6e.48xlarge"}, {"max_num_batched_tokens": 65_536}, "batched_tokens: 8,192"),
    ],
)
def test_what_does_not_fit_is_told_with_what_would(
    group: dict[str, Any], serving: dict[str, Any], change: str
) -> None:
    manifest = manifest_of(group, **serving)
    with pytest.raises(FitError) as error:
        plan(manifest, SMALL_4)
    assert f"{change}\n" in f"{error.value}\n"
    remedies = nearest(manifest, SMALL_4)
    assert any(change in remedy.told for remedy in remedies)
    for remedy in remedies:
        attempt(remedy.manifest, SMALL_4)


def test_without_gpus_ranks_share_machines_by_their_cpus() -> None:
    """Their cache has keys and values of each head, for CPU kernels have no MLA."""
    machine = {"hardware": {"cpus": 2, "memory_gib": 8}, "max_nodes": 2}
    nano = model_spec(TRAINED_NANO / "params.json")
    serving = {"precision": "bf16", "ranks": 2, "max_model_len": 4096}
    planned = plan(manifest_of(machine, **serving), nano)
    assert (planned.layout.ranks_per_node, planned.layout.gangs) == (2, 2)
    assert planned.memory.device == 4 << 30
    assert planned.memory.kv_token == 2 * 4 * 128 * 2 * 4
    assert not planned.decode
    machine["hardware"] = {"cpus": 1, "memory_gib": 8}
    planned = plan(manifest_of(machine, **serving), nano)
    assert (planned.layout.ranks_per_node, planned.layout.nodes_per_gang) == (1, 2)


def test_too_little_memory_without_gpus_is_told_with_what_would_do() -> None:
    machine = {"hardware": {"cpus": 2, "memory_gib": 2}}
    nano = model_spec(TRAINED_NANO / "params.json")
    with pytest.raises(FitError, match=r"each CPU is .* GB short") as error:
        plan(manifest_of(machine, precision="bf16", ranks=2), nano)
    assert "gpu.hardware.memory_gib:" in str(error.value)


def test_too_few_machines_for_the_ranks_are_told() -> None:
    with pytest.raises(FitError, match="max_nodes: 1 is fewer than the 2 machines") as error:
        plan(manifest_of(P5EN, ranks=16), SMALL_4)
    assert "gpu.max_nodes: 2" in str(error.value)
