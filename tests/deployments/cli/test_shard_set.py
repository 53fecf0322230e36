"""`small4 serve` makes sure of its weights before it deploys."""

import json
from pathlib import Path
from typing import Any

import pytest

from configs.deployment import Deployment
from configs.errors import CheckpointError, ConfigError
from deployments.cli.shard_set import prepare
from model_shards.nano import build_nano
from model_shards.shard_set.manifest import MANIFEST, Manifest


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nano(tmp_path_factory.mktemp("checkpoint") / "nano")


def deployment(source: Path | None, weights: Path | str, ranks: int = 2) -> Deployment:
    return Deployment.model_validate(
        {
            "model": {"source": source},
            "weights": {"format": "expert_shards", "source": str(weights)},
            "gangs": {"ranks": ranks},
        }
    )


@pytest.mark.parametrize(("ranks", "groups"), [(1, 8), (4, 8), (16, 16)])
def test_a_missing_set_is_cut_once(
    checkpoint: Path, tmp_path: Path, ranks: int, groups: int
) -> None:
    directory = tmp_path / "set"
    prepare(deployment(checkpoint, directory, ranks))
    assert len(Manifest.load(directory).groups) == groups
    written = {path: path.stat().st_mtime_ns for path in directory.iterdir()}
    prepare(deployment(checkpoint, directory, ranks))
    assert {path: path.stat().st_mtime_ns for path in directory.iterdir()} == written
    prepare(deployment(None, directory, ranks))


@pytest.fixture(scope="module")
def cut(checkpoint: Path) -> Path:
    directory = checkpoint.with_name("cut")
    prepare(deployment(checkpoint, directory))
    return directory


def test_a_set_that_this_gang_can_not_read(cut: Path) -> None:
    with pytest.raises(CheckpointError, match="by 3 expert-parallel ranks, only by 1, 2, 4, 8"):
        prepare(deployment(None, cut, ranks=3))


def test_a_set_of_another_checkpoint(checkpoint: Path, cut: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    other = json.loads((cut / MANIFEST).read_bytes())
    other["source"]["identity"] = "0" * 64
    (tmp_path / "set" / MANIFEST).write_text(json.dumps(other))
    with pytest.raises(ConfigError, match=r"another checkpoint .* Delete the directory"):
        prepare(deployment(checkpoint, tmp_path / "set"))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"model": {"source": "nowhere"}}, r"nowhere/params\.json can't be read"),
        (
            {"model": {}, "weights": {"format": "expert_shards", "source": "nowhere"}},
            "nowhere/manifest.json can't be read.*small4 shard split",
        ),
    ],
)
def test_there_is_nothing_to_load(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CheckpointError, match=complaint):
        prepare(Deployment.model_validate(given))


def test_what_is_in_s3_is_left_to_the_nodes() -> None:
    prepare(deployment(None, "s3://bucket/that-nobody-asks-for"))
