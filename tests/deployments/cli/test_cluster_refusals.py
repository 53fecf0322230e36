"""`small4 cluster plan` and `render` refuse what ranks would refuse when they start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from configs.schema import PROJECT_ROOT
from deployments.cli.app import app
from model_shards.nano import NANO, build_nano
from model_shards.placement.order import linear_order
from model_shards.shard_set.split import split

_CLUSTERS = PROJECT_ROOT / "configs" / "clusters"
_GROUPS = 4
_MACHINE = {"cpus": 32, "memory_gib": 64, "disk_gb": 100}  # has room for eight ranks of nano

Asked = Callable[..., Result]


@pytest.fixture(params=["plan", "render"])
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Asked:
    def ask(manifest: str, engine: dict[str, Any], **parts: Any) -> Result:
        described = yaml.safe_load((_CLUSTERS / f"{manifest}.yaml").read_text("utf-8"))
        described |= {name: described[name] | part for name, part in parts.items()}
        if described["provider"]["type"] == "local":
            for group in (described["head"], *described["groups"]):
                group["hardware"] = _MACHINE
        deployment = described["serving"].setdefault("deployment", {})
        deployment["engine"] = deployment.get("engine", {}) | engine
        path = tmp_path / "cluster.yaml"
        path.write_text(yaml.safe_dump(described), "utf-8")
        more = ["--out", str(tmp_path / "out")] if request.param == "render" else []
        return CliRunner().invoke(app, ["cluster", request.param, str(path), *more])

    return ask


@pytest.mark.parametrize(
    ("manifest", "engine", "complaint"),
    [
        (
            *("aws-p5en", {"expert_placement_strategy": "round_robin"}),
            "serving.deployment.engine.expert_placement_strategy: 'round_robin'",
        ),
        (
            *("aws-p5en", {"eplb_config": {"num_redundant_experts": 8}}),
            "serving.deployment.engine.",
        ),
        (
            *("aws-p5", {"moe_backend": "flashinfer_trtllm"}),
            "moe_backend: 'flashinfer_trtllm' has no expert-parallel kernel for fp8 on H100s",
        ),
        (
            *("aws-p6-b200", {"moe_backend": "triton"}),
            "moe_backend: 'triton' has no expert-parallel kernel for nvfp4 on B200s",
        ),
    ],
)
def test_engine_arguments(
    asked: Asked, manifest: str, engine: dict[str, Any], complaint: str
) -> None:
    done = asked(manifest, engine)
    assert done.exit_code == 1
    assert complaint in " ".join(done.output.split())
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("manifest", "engine"),
    [
        ("aws-p5en", {"expert_placement_strategy": "linear"}),
        ("aws-p5", {"moe_backend": "auto"}),
        ("aws-p6-b200", {"moe_backend": "flashinfer_cutedsl"}),
    ],
)
def test_engine_arguments_that_a_rank_takes(
    asked: Asked, manifest: str, engine: dict[str, Any]
) -> None:
    assert asked(manifest, engine).exit_code == 0


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nano = build_nano(tmp_path_factory.mktemp("refused") / "nano")
    order = linear_order(NANO.n_layers, NANO.moe.num_experts)
    split(nano, nano.with_name("set"), order, _GROUPS)
    return nano.with_name("set")


@pytest.mark.parametrize(("ranks", "code"), [(1, 0), (2, 0), (8, 1)])
def test_a_set_on_this_machine_that_is_cut_for_other_gangs(
    asked: Asked, shards: Path, ranks: int, code: int
) -> None:
    weights = {"format": "expert_shards", "source": str(shards)}
    done = asked("local-cpu", {}, weights=weights, serving={"ranks": ranks})
    assert done.exit_code == code, done.output
    assert ("4 expert groups can't be read by 8" in " ".join(done.output.split())) == bool(code)


def test_replicas_that_a_set_on_this_machine_lacks(asked: Asked, shards: Path) -> None:
    weights = {"format": "expert_shards", "source": str(shards)}
    done = asked("local-cpu", {}, weights=weights, serving={"ranks": 2, "replicas": 1})
    assert done.exit_code == 1
    assert "has 0 in all: give 0" in " ".join(done.output.split())


def test_what_a_directory_of_other_machines_holds_is_not_known(asked: Asked) -> None:
    assert asked("on-prem-two-nodes", {}, serving={"ranks": 8}).exit_code == 0
