"""`small4 shard split --placement balanced`, and `show` of what it made."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from model_shards.nano import TRAINED_NANO
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import EXPERT_LOAD, ExpertLoad
from model_shards.shard_set.manifest import Manifest

_LOAD = TRAINED_NANO / EXPERT_LOAD
_GROUPS = 16


def _run(*words: object) -> str:
    result = CliRunner().invoke(app, ["shard", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("set")
    words = ("--expert-parallel", _GROUPS, "--placement", "balanced", "--expert-load", _LOAD)
    return out, _run("split", "--source", TRAINED_NANO, "--out", out, *words)


def test_experts_stand_where_a_balanced_order_puts_them(cut: tuple[Path, str]) -> None:
    manifest = Manifest.load(cut[0])
    load = ExpertLoad.load(_LOAD, layers=4, experts=128)
    assert manifest.placement == "balanced"
    assert manifest.expert_order == balanced_order(load, _GROUPS)


def test_the_load_before_and_after_is_shown_by_both(cut: tuple[Path, str]) -> None:
    out, said = cut
    table = said[said.index("Busiest rank") :]
    assert table in _run("show", out, "--expert-load", _LOAD)
    rows = [line.split()[0] for line in table.splitlines()]
    first = rows.index("layer")
    assert rows[first : first + 6] == ["layer", *"0123", "all"]
    assert table.count("even router") >= 3


@pytest.mark.parametrize("words", [["--placement", "balanced"], ["--expert-load", str(_LOAD)]])
def test_balanced_and_a_load_need_each_other(tmp_path: Path, words: list[str]) -> None:
    source = ["--source", str(TRAINED_NANO), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["shard", "split", *source, "--expert-parallel", "4", *words])
    assert result.exit_code == 2
    assert "need each other" in result.output


def test_replicas_are_chosen_with_the_placement_and_shown(tmp_path: Path) -> None:
    words = ("--expert-parallel", 8, "--placement", "balanced", "--expert-load", _LOAD)
    out = tmp_path / "set"
    said = _run("split", "--source", TRAINED_NANO, "--out", out, *words, "--replicas", 1)
    load = ExpertLoad.load(_LOAD, layers=4, experts=128)
    assert Manifest.load(out).expert_order == balanced_order(load, 8, replicas=1)
    (overall,) = [line for line in said.splitlines() if line.split()[:1] == ["all"]]
    assert overall.endswith("1.93 → 1.00 ")
    shown = " ".join(_run("show", out, "--expert-parallel", 8).split())
    assert "placement balanced, 1 of each group's slots for replicas" in shown
    assert "119–135" in shown


def test_several_loads_weigh_alike(tmp_path: Path) -> None:
    load = ExpertLoad.load(_LOAD, layers=4, experts=128)
    other = ExpertLoad(tokens=tuple(tuple(reversed(counts)) for counts in load.tokens))
    other.write(tmp_path / "other.json")
    words = ("--expert-parallel", 8, "--placement", "balanced", "--expert-load", _LOAD)
    both = (*words, "--expert-load", tmp_path / "other.json")
    _run("split", "--source", TRAINED_NANO, "--out", tmp_path / "set", *both)
    expected = balanced_order(ExpertLoad.mean([load, other]), 8)
    assert Manifest.load(tmp_path / "set").expert_order == expected


def test_replicas_need_a_load(tmp_path: Path) -> None:
    source = ["--source", str(TRAINED_NANO), "--out", str(tmp_path / "out")]
    words = ["--expert-parallel", "4", "--replicas", "1"]
    result = CliRunner().invoke(app, ["shard", "split", *source, *words])
    assert result.exit_code == 2
    assert "--replicas needs" in result.output
