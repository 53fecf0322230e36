from types import SimpleNamespace
from typing import Any

import pytest
import vllm.platforms
from vllm.config import CompilationMode, CUDAGraphMode

from deployments.shard.countable import counts_in_graphs, uncountable
from deployments.vllm_config import COUNT_EXPERTS


def engine_config(*, compiled: bool = False, graphs: bool = False, **options: Any) -> Any:
    """Make a VllmConfig of those fields that the code reads."""
    return SimpleNamespace(
        additional_config={COUNT_EXPERTS: options.get("wanted", False)},
        aux_output_config=SimpleNamespace(
            enable_return_routed_experts=options.get("returned", False)
        ),
        compilation_config=SimpleNamespace(
            mode=CompilationMode.VLLM_COMPILE if compiled else CompilationMode.NONE,
            cudagraph_mode=CUDAGraphMode.FULL_AND_PIECEWISE if graphs else CUDAGraphMode.NONE,
        ),
        parallel_config=SimpleNamespace(
            pipeline_parallel_size=options.get("pipeline", 1),
            use_ubatching=options.get("halves", False),
        ),
    )


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = SimpleNamespace(is_cpu=lambda: False)
    monkeypatch.setattr(vllm.platforms, "_current_platform", elsewhere)


@pytest.mark.parametrize("wanted", [False, True])
def test_an_eager_engine_counts_when_asked(wanted: bool) -> None:
    assert uncountable(engine_config(wanted=wanted)) is None
    assert not counts_in_graphs(engine_config(wanted=wanted))


@pytest.mark.usefixtures("on_a_gpu")
@pytest.mark.parametrize(("compiled", "graphs"), [(True, True), (True, False), (False, True)])
def test_graphs_hold_the_counter_if_the_config_says_so(compiled: bool, graphs: bool) -> None:
    with_counter = engine_config(compiled=compiled, graphs=graphs, wanted=True)
    assert uncountable(with_counter) is None
    assert counts_in_graphs(with_counter)
    without = engine_config(compiled=compiled, graphs=graphs)
    assert "gangs.count_experts: true" in str(uncountable(without))
    assert not counts_in_graphs(without)


def test_a_compiled_engine_on_a_cpu_cannot_count() -> None:
    config = engine_config(compiled=True, wanted=True)
    assert "engine.enforce_eager: true" in str(uncountable(config))
    assert not counts_in_graphs(config)


@pytest.mark.parametrize(
    ("config", "remedy"),
    [
        (engine_config(pipeline=2), "engine.pipeline_parallel_size: 1"),
        (engine_config(halves=True), "engine.enable_dbo: false"),
        (engine_config(returned=True), "engine.enable_return_routed_experts: false"),
    ],
)
def test_an_engine_that_works_otherwise_cannot_count(config: Any, remedy: str) -> None:
    assert remedy in str(uncountable(config))
