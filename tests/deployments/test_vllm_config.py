from pathlib import Path

import pytest

from configs.deployment import Deployment
from configs.errors import CheckpointError, ConfigError
from deployments.cli.shard_set import prepare
from deployments.vllm_config import rank_config, router_config, serve_arguments
from model_shards.nano import TRAINED_NANO, build_nano
from model_shards.shard_set.split import split


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nano(tmp_path_factory.mktemp("checkpoint") / "nano")


def test_a_checkpoint_is_loaded_as_mistral_writes_it(checkpoint: Path) -> None:
    arguments = serve_arguments(Deployment.model_validate({"model": {"source": checkpoint}}))
    assert (arguments.model, arguments.load_format) == (str(checkpoint), "mistral")
    assert arguments.model_loader_extra_config == {}


def test_a_shard_set_brings_its_own_params_and_tokenizer(checkpoint: Path, tmp_path: Path) -> None:
    weights = {"format": "expert_shards", "source": str(tmp_path / "set"), "verify": False}
    args = {"model": {"source": checkpoint}, "weights": weights}
    deployment = Deployment.model_validate(args)
    with pytest.raises(CheckpointError, match=r"manifest\.json can't be read"):
        serve_arguments(deployment)
    prepare(deployment)
    arguments = serve_arguments(deployment)
    assert (arguments.model, arguments.load_format) == (weights["source"], "expert_shards")
    assert arguments.model_loader_extra_config == {
        "source": weights["source"],
        "cache": str(deployment.weights.cache),
        "verify": False,
    }


@pytest.mark.parametrize("length", ["auto", -1])
def test_a_length_that_routers_cannot_know_is_refused(checkpoint: Path, length: str | int) -> None:
    args = {"model": {"source": checkpoint}, "engine": {"max_model_len": length}}
    with pytest.raises(ConfigError, match=r"engine\.max_model_len: auto .* give a number"):
        serve_arguments(Deployment.model_validate(args))


@pytest.mark.parametrize(("ranks", "redundant"), [(1, 0), (2, 2)])
def test_replicas_of_a_set_are_vllms_redundant_experts(
    tmp_path: Path, ranks: int, redundant: int
) -> None:
    split(TRAINED_NANO, tmp_path, ((*range(64), 100, *range(64, 128), 3),) * 4, groups=2)
    weights = {"format": "expert_shards", "source": str(tmp_path)}
    args = {"model": {}, "weights": weights, "gangs": {"ranks": ranks}}
    arguments = serve_arguments(Deployment.model_validate(args))
    assert bool(arguments.enable_eplb) == (redundant > 0)
    assert arguments.eplb_config.num_redundant_experts == redundant


def test_replicas_on_cpus_are_refused_with_what_to_do(tmp_path: Path) -> None:
    split(TRAINED_NANO, tmp_path, ((*range(64), 100, *range(64, 128), 3),) * 4, groups=2)
    weights = {"format": "expert_shards", "source": str(tmp_path)}
    deployment = Deployment.model_validate({"model": {}, "weights": weights, "gangs": {"ranks": 2}})
    with pytest.raises(ConfigError, match=r"enable_eplb: true.*without replicas.*gangs\.ranks: 1"):
        rank_config(deployment, 0, "127.0.0.1", 29500, "inproc://events")
    _, routers = router_config(deployment)
    assert not routers.parallel_config.enable_eplb
