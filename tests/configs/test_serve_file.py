from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from configs.deployment import Deployment
from configs.errors import ConfigError
from configs.schema import PROJECT_ROOT
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from configs.weights import Weights

SHIPPED = sorted((PROJECT_ROOT / "configs" / "serve").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_file_loads_here_and_in_ray(path: Path) -> None:
    file = ServeFile.load(path)
    schema = ServeDeploySchema.model_validate(file.raw)
    assert [application.name for application in schema.applications] == [file.application]


def test_the_default_is_one_gang_of_two_ranks_on_loopback() -> None:
    file = ServeFile.load(DEFAULT_CONFIG)
    assert (file.host, file.port) == ("127.0.0.1", 8000)
    gangs = file.deployment.gangs
    assert (gangs.count, gangs.ranks) == (1, 2)


def test_a_relative_source_is_below_the_project_root() -> None:
    source = ServeFile.load(DEFAULT_CONFIG).deployment.model.source
    assert source == PROJECT_ROOT / "model_shards/nano_checkpoint"


def test_weights_are_a_directory_below_the_project_root_or_in_s3() -> None:
    def source(given: str) -> str | None:
        return Weights(format="expert_shards", source=given).source

    assert source(".cache/set") == str(PROJECT_ROOT / ".cache/set")
    assert source("/models/set") == "/models/set"
    assert source("s3://bucket/prefix") == "s3://bucket/prefix"
    assert Weights().cache == PROJECT_ROOT / ".cache/shard-sets"


def test_a_shard_set_needs_no_checkpoint() -> None:
    weights = {"format": "expert_shards", "source": "s3://bucket/prefix"}
    deployment = Deployment.model_validate({"model": {}, "weights": weights})
    with pytest.raises(ConfigError, match=r"model\.source: give"):
        _ = deployment.checkpoint


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"gangs": {"ranks": 0}}, "args.gangs.ranks: Input should be greater than or equal to 1"),
        ({"gang": {}}, "args.gang: Extra inputs are not permitted"),
        ({"model": {"name": "x"}, "weights": {}}, "model.source: give it, or weights"),
        ({"weights": {"source": "models/set"}}, "a source goes with format: expert_shards"),
        ({"weights": {"format": "expert_shards"}}, "format expert_shards needs a source"),
        (
            {"weights": {"format": "expert_shards", "source": "gs://bucket/set"}},
            "args.weights.source: Value error, give a directory or s3://bucket/prefix",
        ),
        ({"weights": {"format": "expert_shards", "source": ""}}, "give a directory or s3://"),
        ({"weights": {"format": "safetensors"}}, "args.weights.format: Input should be 'mistral'"),
        ({"weights": {"verify": "no"}}, "args.weights.verify: Input should be a valid boolean"),
        ({"weights": {"sources": "models/set"}}, "args.weights.sources: Extra inputs are not"),
        ({"engine": {"load_format": "dummy"}}, "engine.load_format: `weights` says it already"),
        ({"engine": {"model_loader_extra_config": {}}}, "engine.model_loader_extra_config: "),
        ({"survival": {"deadline_s": -1}}, "args.survival.deadline_s"),
    ],
)
def test_bad_arguments_are_named_with_their_value(
    tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    config = yaml.safe_load(DEFAULT_CONFIG.read_text("utf-8"))
    config["applications"][0]["args"] |= change
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        ServeFile.load(path)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "isn't YAML"),
        ("- 1", "import_path: deployments.app:build"),
        ("applications: [{import_path: other:app}]", "import_path: deployments.app:build"),
    ],
)
def test_a_file_that_is_no_config_of_ours(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=complaint):
        ServeFile.load(path)


def test_a_missing_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"such as configs/serve/local-cpu\.yaml"):
        ServeFile.load(tmp_path / "none.yaml")
