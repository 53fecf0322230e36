"""`small4 shard split`, `verify` and `show` as they are typed."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli.shard import app
from model_shards.shard_set.manifest import Manifest
from tests.model_shards.shard_set.small_checkpoint import SmallCheckpoint


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], env={"NO_COLOR": "1", "COLUMNS": "200"}
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return SmallCheckpoint().write(tmp_path / "source")


@pytest.fixture
def shard_set(source: Path, tmp_path: Path) -> Path:
    out = tmp_path / "set"
    done = _run("split", "--source", source, "--out", out, "--expert-parallel", 4)
    assert "set: whole, 7 files; 0.0 MB written, 0.0 MB were there already" in done.stdout
    return out


def test_a_set_is_verified_file_by_file(shard_set: Path) -> None:
    whole = _run("verify", shard_set)
    assert whole.exit_code == 0
    assert "set: whole" in whole.stdout
    base, *experts = sorted(shard_set.glob("*.safetensors"))
    base.write_bytes(base.read_bytes()[:-1] + b"?")
    experts[0].unlink()
    experts[1].write_bytes(experts[1].read_bytes()[:-1])
    experts[2].write_bytes(experts[2].read_bytes() + b"?")
    result = _run("verify", shard_set)
    assert result.exit_code == 1
    named = [line.split(",")[0] for line in result.stdout.splitlines()]
    faults = ["altered", "missing", "short", "long"]
    files = [base, *experts[:3]]
    assert named == [f"{file.name}: {fault}" for file, fault in zip(files, faults, strict=True)]
    assert "4 files aren't as the manifest says" in result.stderr


def test_what_a_set_holds_and_what_each_rank_reads_is_shown(shard_set: Path) -> None:
    manifest = Manifest.load(shard_set)
    result = _run("show", shard_set)
    assert f"source: source, identity {manifest.source.identity}" in result.stdout
    assert "experts: 8 in each of 3 layers, 4 groups, placement linear" in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["base", "1", f"{manifest.base[0].size_bytes:,}"] in rows
    assert ["all", "7", f"{sum(file.size_bytes for file in manifest.files):,}"] in rows
    assert [row[:2] for row in rows[-3:]] == [["1", "8"], ["2", "4"], ["4", "2"]]
    ranks = [
        line.split() for line in _run("show", shard_set, "--expert-parallel", 2).stdout.splitlines()
    ]
    for rank, held in enumerate((["0–1", "0–3"], ["2–3", "4–7"])):
        read = sum(file.size_bytes for file in manifest.weights_of([rank], 2))
        assert [f"{rank}", *held, "3", f"{read:,}"] in ranks


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["--expert-parallel", "3"], 1, "one of 1, 2, 4, 8"),
        (["--expert-parallel", "4", "--placement", "balanced"], 2, "need each other"),
        (["--expert-parallel", "4", "--expert-load", "load.json"], 2, "need each other"),
        ([], 2, "expert-parallel"),
    ],
)
def test_what_can_not_be_split_is_explained(
    source: Path, tmp_path: Path, arguments: list[str], status: int, why: str
) -> None:
    result = _run("split", "--source", source, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == status
    assert why in result.stderr


def test_what_is_no_set_and_what_it_can_not_serve_is_explained(
    source: Path, shard_set: Path
) -> None:
    for command in ("verify", "show"):
        result = _run(command, source)
        assert result.exit_code == 1
        assert "manifest.json can't be read" in result.stderr
    result = _run("show", shard_set, "--expert-parallel", 3)
    assert result.exit_code == 1
    assert "only by 1, 2, 4" in result.stderr
