"""Which engines start without the plugin; tests/model_shards/quantized shows what it does."""

from importlib.metadata import entry_points
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.model_executor.layers.quantization.utils import (
    flashinfer_fp4_moe,
    fp8_utils,
    quant_utils,
)

from configs.errors import ConfigError
from model_shards.loading import activation_scales

_REDUCING = quant_utils, fp8_utils, flashinfer_fp4_moe


@pytest.fixture(autouse=True)
def _undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give vLLM its own function, and again after the test."""
    own = quant_utils.amax_for_moe_activation_quant
    for module in _REDUCING:
        name = "amax_for_moe_activation_quant"
        monkeypatch.setattr(module, name, getattr(own, "__wrapped__", own))


def test_vllm_finds_the_plugin_by_its_name() -> None:
    (found,) = entry_points(group="vllm.general_plugins", name=activation_scales.PLUGIN)
    assert found.load() is activation_scales.register


def config(ranks: int = 2, workers: int = 1, quantised: bool = True) -> Any:
    parallel = SimpleNamespace(data_parallel_size=ranks, tensor_parallel_size=workers)
    return SimpleNamespace(
        parallel_config=parallel, quant_config=SimpleNamespace() if quantised else None
    )


@pytest.mark.parametrize(("ranks", "workers"), [(2, 1), (1, 2), (8, 2)])
def test_a_quantised_gang_without_the_plugin_is_refused(ranks: int, workers: int) -> None:
    with pytest.raises(ConfigError, match=f"VLLM_PLUGINS: .*{ranks * workers} ranks"):
        activation_scales.refuse_own_scales(config(ranks, workers))
    activation_scales.register()
    activation_scales.refuse_own_scales(config(ranks, workers))


def test_a_gang_that_has_it_in_part_is_refused() -> None:
    activation_scales.register()
    fp8_utils.amax_for_moe_activation_quant = quant_utils.amax_for_moe_activation_quant.__wrapped__
    with pytest.raises(ConfigError):
        activation_scales.refuse_own_scales(config())


@pytest.mark.parametrize("engine", [config(ranks=1), config(quantised=False)])
def test_who_exchanges_nothing_quantised_needs_no_plugin(engine: Any) -> None:
    activation_scales.refuse_own_scales(engine)


def test_registering_twice_wraps_once() -> None:
    activation_scales.register()
    once = [module.amax_for_moe_activation_quant for module in _REDUCING]
    activation_scales.register()
    assert [module.amax_for_moe_activation_quant for module in _REDUCING] == once
