"""`small4 cluster plan`."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from deployments.cli.app import app

MANIFEST = {
    "name": "two-machines",
    "provider": {"type": "on-prem", "ssh_user": "small4", "ssh_key": "~/.ssh/id_ed25519"},
    "head": {"name": "head", "machine": "m7i.4xlarge", "usd_per_hour": 1.0, "hosts": ["a"]},
    "groups": [
        {
            "name": "gpu",
            "machine": "p5en.48xlarge",
            "max_nodes": 2,
            "hosts": ["b", "c"],
            "usd_per_hour": 63.5,
        },
    ],
    "weights": {"format": "expert_shards", "source": "s3://bucket/prefix"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cluster.yaml"


def planned(path: Path, *options: str, **changes: object) -> Result:
    path.write_text(yaml.safe_dump(MANIFEST | changes))
    return CliRunner().invoke(app, ["cluster", "plan", str(path), *options])


def test_it_shows_the_layout_first_and_why(path: Path) -> None:
    done = planned(path)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "two-machines: mistral-small-4 in fp8, 2 gangs of 8 ranks"
    assert "1 to 2 × p5en.48xlarge" in lines[1]
    for text in (
        "a whole machine's 8 H200s",
        "16 of each layer on a rank",
        "allgather_reducescatter",
        "Memory of each H200, in GB",
        "Requests at once",
        "Read before serving, in GB",
        "← this plan",
        "USD/million",
        "All machines: 64.50 to 128.00 USD an hour",
    ):
        assert text in done.output, text


def test_programs_get_json(path: Path) -> None:
    plan = json.loads(planned(path, "--json").stdout)
    assert plan["layout"]["group"] == "gpu"
    assert plan["layout"]["all2all"] == "allgather_reducescatter"
    assert plan["memory"]["kv_tokens"] >= 262_144
    assert {rate["tokens"] for rate in plan["decode"]} == {4_096, 32_768, 262_144}
    assert plan["usd_per_hour"] == [64.5, 128.0]


def test_without_prices_and_gpus_nothing_is_said_of_cost_and_rates(path: Path) -> None:
    cpus = {"name": "cpu", "hosts": ["b"], "hardware": {"cpus": 2, "memory_gib": 12}}
    nano = {
        "params": "model_shards/nano_checkpoint/params.json",
        "precision": "bf16",
        "ranks": 2,
        "max_model_len": 4096,
    }
    done = planned(path, groups=[cpus], serving=nano)
    assert done.exit_code == 0, done.output
    assert "1 machine with no GPU" in done.output
    assert "USD" not in done.output
    assert "roofline" not in done.output


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"serving": {"ranks": 1, "precision": "bf16"}}, "serving.precision: fp8"),
        ({"serving": {"ranks": 1, "precision": "int4"}}, "serving.precision: Input should be"),
        ({"serving": {"params": "nowhere.json"}}, "nowhere.json can't be read"),
    ],
)
def test_what_does_not_fit_or_is_not_known_is_one_message(
    path: Path, changes: dict[str, object], message: str
) -> None:
    done = planned(path, **changes)
    assert done.exit_code == 1
    assert done.output.count("error:") == 1
    assert message in done.output
    assert "Traceback" not in done.output
