from pathlib import Path

import pytest

from configs.errors import ConfigError
from configs.schema import PROJECT_ROOT
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.bench.launch import (
    engine_environment,
    require_one_rank,
    small4_launch,
    vllm_launch,
)

CONFIG = PROJECT_ROOT / "configs" / "serve" / "bench.yaml"
METADATA = Path("/metadata")


@pytest.fixture(scope="module")
def file() -> ServeFile:
    return ServeFile.load(CONFIG)


def test_the_config_differs_from_the_local_one_in_ranks_and_weights_alone(file: ServeFile) -> None:
    require_one_rank(CONFIG, file)
    local = ServeFile.load(DEFAULT_CONFIG)
    assert engine_environment(file) == engine_environment(local)
    gangs = local.deployment.gangs.model_copy(update={"ranks": 1})
    noise = local.deployment.model.model_copy(update={"source": file.deployment.model.source})
    alike = local.deployment.model_copy(
        update={"gangs": gangs, "model": noise, "weights": file.deployment.weights}
    )
    assert file.deployment == alike


def test_two_ranks_are_no_match_for_vllm_serve() -> None:
    with pytest.raises(ConfigError, match=r"gangs\.ranks 2.*set all three to 1"):
        require_one_rank(DEFAULT_CONFIG, ServeFile.load(DEFAULT_CONFIG))


def test_small4_is_served_as_users_serve_it(file: ServeFile) -> None:
    launch = small4_launch(CONFIG, file)
    assert launch.command[1:] == ["serve", str(CONFIG)]
    assert launch.url == "http://127.0.0.1:8000"


@pytest.mark.parametrize("parsers", [True, False])
def test_vllm_gets_the_same_engine(file: ServeFile, parsers: bool) -> None:
    launch = vllm_launch(file, 8101, METADATA, parsers=parsers)
    words = " ".join(launch.command)
    assert str(file.deployment.checkpoint) in launch.command
    for flags in (
        "--served-model-name mistral-small-4",
        "--tokenizer-mode mistral --config-format mistral --load-format mistral",
        "--dtype float32 --max-model-len 4096 --max-num-seqs 64 --enforce-eager",
    ):
        assert flags in words
    recommended = "--tool-call-parser mistral --enable-auto-tool-choice --reasoning-parser mistral"
    assert (recommended in words) is parsers
    assert ("parser" in words) is parsers


def test_vllm_gets_the_same_environment_but_none_of_our_plugins(file: ServeFile) -> None:
    environment = vllm_launch(file, 8101, METADATA, parsers=False).environment
    assert environment["PYTHONPATH"].startswith("/metadata")
    assert environment["VLLM_PLUGINS"] == ""
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment.items() >= engine_environment(file).items()
