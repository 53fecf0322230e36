from pathlib import Path

import pytest

from configs.deployment import Deployment
from configs.errors import CheckpointError, ConfigError
from deployments.cli.shard_set import prepare
from deployments.vllm_config import serve_arguments
from model_shards.nano import build_nano


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
