"""Properties that hold for any manifest."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from cluster.plan.nearest import nearest
from cluster.plan.plan import Plan, attempt
from configs.cluster_manifest import ClusterManifest
from configs.errors import ConfigError, FitError
from tests.cluster.plan.manifests import SMALL_4, gpus, manifest_of

KINDS = st.sampled_from(["L40S", "H100", "H200", "B200"])
POWERS = st.sampled_from([1, 2, 4, 8, 16])


@st.composite
def manifests(draw: st.DrawFn) -> ClusterManifest:
    group = gpus(draw(KINDS), draw(st.integers(1, 8)))
    serving: dict[str, Any] = {
        "precision": draw(st.sampled_from(["fp8", "nvfp4", "bf16"])),
        "max_model_len": draw(st.integers(1, 1_048_576)),
        "max_num_seqs": draw(st.integers(1, 1024)),
        "max_num_batched_tokens": draw(st.integers(256, 65_536)),
        "gpu_memory_utilization": draw(st.floats(0.1, 1)),
        "ranks": draw(st.none() | POWERS),
        "tensor_parallel_size": draw(st.none() | st.sampled_from([1, 2, 4])),
    }
    return manifest_of(group | {"max_nodes": draw(st.integers(1, 4))}, **serving)


def planned(manifest: ClusterManifest) -> Plan:
    try:
        return attempt(manifest, SMALL_4)
    except ConfigError:
        assume(False)
        raise


@given(manifests())
def test_what_is_planned_fits(manifest: ClusterManifest) -> None:
    plan = planned(manifest)
    memory, serving = plan.memory, manifest.serving
    assert memory.used <= memory.device * serving.gpu_memory_utilization
    assert memory.kv_tokens >= serving.max_model_len
    assert memory.kv_tokens * memory.kv_token <= memory.kv_cache
    assert all(room.of_rank >= 1 for room in plan.room)
    assert all(rate.sequences * rate.tokens <= memory.kv_tokens for rate in plan.decode)


@given(manifests())
def test_gangs_lie_on_whole_machines_or_within_one(manifest: ClusterManifest) -> None:
    layout, group = planned(manifest).layout, manifest.groups[0]
    assert layout.ranks == layout.ranks_per_node * layout.nodes_per_gang
    devices = layout.ranks_per_node * layout.tensor_parallel
    assert group.hardware is not None
    assert devices <= group.hardware.gpus
    assert SMALL_4.experts % (layout.ranks * layout.tensor_parallel) == 0
    assert layout.gangs >= 1
    if layout.nodes_per_gang > 1:
        assert layout.gangs * layout.nodes_per_gang <= group.max_nodes
    else:
        assert layout.gangs * devices <= group.hardware.gpus * group.max_nodes


@given(manifests(), st.floats(0.1, 1))
def test_with_more_memory_it_still_fits_and_holds_no_less(
    manifest: ClusterManifest, more: float
) -> None:
    before = planned(manifest)
    wider = max(more, manifest.serving.gpu_memory_utilization)
    update = {"gpu_memory_utilization": wider, "ranks": before.layout.ranks}
    serving = manifest.serving.model_copy(update=update)
    after = attempt(manifest.model_copy(update={"serving": serving}), SMALL_4)
    assert after.memory.kv_tokens >= before.memory.kv_tokens


@given(manifests())
def test_what_does_not_fit_has_a_nearest_manifest_that_does(manifest: ClusterManifest) -> None:
    try:
        attempt(manifest, SMALL_4)
    except FitError:
        changes = nearest(manifest, SMALL_4)
        assert changes
        for change in changes:
            attempt(change.manifest, SMALL_4)
    except ConfigError:
        assume(False)


@given(manifests())
def test_a_step_takes_longer_with_more_sequences(manifest: ClusterManifest) -> None:
    plan = planned(manifest)
    by_length: dict[int, list[float]] = {}
    for rate in plan.decode:
        by_length.setdefault(rate.tokens, []).append(rate.step_s)
    assert all(steps == sorted(steps) for steps in by_length.values())
