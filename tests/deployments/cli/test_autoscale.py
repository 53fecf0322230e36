"""`small4 autoscale simulate`."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from deployments.cli.app import app
from tests.deployments.simulation.scenarios import level, scenario


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    played = scenario(level(60, 60), autoscaling={"max_gangs": 2, "min_gangs": 0})
    file.write_text(
        yaml.safe_dump(
            played.model_dump(mode="json", by_alias=True, exclude={"traffic": {"recorded"}})
        )
    )
    return file


def test_it_shows_what_fixed_numbers_of_gangs_would_have_given(path: Path) -> None:
    done = CliRunner().invoke(app, ["autoscale", "simulate", str(path)])
    assert done.exit_code == 0
    assert "policy" in done.output
    assert "1 gang " in done.output
    assert "2 gangs" in done.output
    assert "good are those with a TTFT of 1 s and a TPOT of 50 ms" in done.output
    assert "0:00:02  1 gang" in done.output  # why it was woken, and when


def test_programs_get_json_and_people_a_picture(path: Path, tmp_path: Path) -> None:
    picture = tmp_path / "it.png"
    arguments = ["autoscale", "simulate", str(path), "--json", "--plot", str(picture)]
    done = CliRunner().invoke(app, arguments)
    runs = json.loads(done.stdout)
    assert list(runs) == ["policy", "1 gang", "2 gangs"]
    assert runs["2 gangs"]["good"] == runs["2 gangs"]["requests"]
    assert runs["policy"]["ttft_s"]["p99"] > runs["2 gangs"]["ttft_s"]["p99"]
    assert picture.exists()


def test_what_can_not_be_played_or_written_is_said(path: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["autoscale", "simulate", str(tmp_path / "none.yaml")])
    assert done.exit_code == 1
    assert "none.yaml can't be read" in done.output
    nowhere = str(tmp_path / "no" / "it.png")
    done = CliRunner().invoke(app, ["autoscale", "simulate", str(path), "--plot", nowhere])
    assert done.exit_code == 1
    assert "it.png can't be written" in done.output
