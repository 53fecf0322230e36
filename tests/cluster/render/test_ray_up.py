"""The file for `ray up`, checked by Ray's own schema, and its commands by a shell."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.session import get_session
from botocore.validate import ParamValidator

from configs.cluster_manifest import ClusterManifest
from configs.environment import node_environment
from configs.errors import ConfigError
from configs.providers import Aws, OnPrem
from configs.request_limits import RequestLimits
from tests.cluster.render import shipped

CLUSTERS = shipped.with_file("ray-up.yaml")


def _cluster(name: str) -> dict[str, Any]:
    return _loaded(shipped.files(name))


def _loaded(files: dict[str, str]) -> dict[str, Any]:
    cluster: dict[str, Any] = yaml.safe_load(files["ray-up.yaml"])
    return cluster


@pytest.mark.parametrize("name", CLUSTERS)
def test_ray_takes_it(name: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    cluster = _cluster(name)
    prepared = prepare_config(cluster)
    validate_config(prepared)
    assert prepared["head_start_ray_commands"] == cluster["head_start_ray_commands"]
    most = sum(group.max_nodes for group in shipped.manifest(name).groups)
    doubles = cluster["provider"]["type"] == "local"  # the head's host is one of the group's
    assert prepared["max_workers"] == most - doubles


def _commands(cluster: dict[str, Any]) -> list[str]:
    return [
        command
        for key, commands in cluster.items()
        if key.endswith("_commands")
        for command in commands
    ]


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_shell_reads_every_command(name: str) -> None:
    for command in _commands(_cluster(name)):
        # As Ray wraps it.
        subprocess.run(["/bin/bash", "-n", "-c", f"true && ({command})"], check=True)


@pytest.mark.parametrize("name", CLUSTERS)
def test_only_the_head_itself_reaches_the_dashboard_and_ray_asks_for_the_token(name: str) -> None:
    cluster = _cluster(name)
    head = cluster["head_start_ray_commands"][-1]
    assert "--dashboard-host=127.0.0.1" in head
    assert "python -m cluster.ray start" in head  # no server for Ray clients
    assert any("'RAY_AUTH_MODE=token'" in command for command in cluster["setup_commands"])
    assert "~/.ray/auth_token" in cluster["file_mounts"]


def test_nodes_have_the_environment_that_small4_gives_a_ray_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".small4").mkdir()
    commands = _cluster("on-prem-two-nodes")["setup_commands"]
    for command in [command for command in commands if "environment" in command] * 2:
        subprocess.run(["/bin/bash", "-c", command], check=True, env={"HOME": str(tmp_path)})
    assert len((tmp_path / ".bashrc").read_text().splitlines()) == 1
    shown = subprocess.run(
        ["/bin/bash", "-c", f". {tmp_path}/.bashrc; env"],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    ).stdout.splitlines()
    wanted = node_environment(f"{tmp_path}/.small4/haproxy", RequestLimits().connection_s) | {
        "RAY_AUTH_MODE": "token",
        "PATH": f"{tmp_path}/small4/.venv/bin:/usr/bin:/bin",
    }
    assert {f"{name}={value}" for name, value in wanted.items()} <= set(shown)


def _changed(name: str, **changes: Any) -> ClusterManifest:
    return shipped.manifest(name).model_copy(update=changes)


def test_a_host_that_is_head_and_worker_is_named_once() -> None:
    provider = _cluster("on-prem-two-nodes")["provider"]
    assert (provider["head_ip"], provider["worker_ips"]) == ("10.0.0.11", ["10.0.0.12"])


def test_a_project_that_is_there_isnt_copied() -> None:
    there = OnPrem(
        type="on-prem", ssh_user="ray", ssh_key=Path("key"), directory="/srv/small4", synced=False
    )
    cluster = _loaded(shipped.rendered(_changed("on-prem-two-nodes", provider=there)))
    assert list(cluster["file_mounts"]) == ["~/.ray/auth_token"]
    assert "cd /srv/small4 && make setup HARDWARE=gpu" in cluster["setup_commands"]


def test_keys_below_the_project_are_copied_and_open_the_port() -> None:
    serving = shipped.manifest("aws-p5en").serving
    keyed = serving.model_copy(update={"deployment": {"access": {"keys_file": "keys.yaml"}}})
    files = shipped.rendered(_changed("aws-p5en", serving=keyed))
    assert _loaded(files)["file_mounts"]["~/small4/keys.yaml"] == "./keys.yaml"
    assert yaml.safe_load(files["serve.yaml"])["http_options"]["host"] == "0.0.0.0"


def test_a_gang_over_machines_has_every_network_card_with_efa() -> None:
    node = _cluster("aws-p5en-two-nodes")["available_node_types"]["gpu"]["node_config"]
    cards = node["NetworkInterfaces"]
    assert [card["NetworkCardIndex"] for card in cards] == list(range(16))
    assert [card["InterfaceType"] for card in cards] == ["efa"] + 15 * ["efa-only"]
    assert "SubnetIds" not in node  # Ray refuses both
    assert node["Placement"] == {"GroupName": "small4"}


@pytest.mark.parametrize("name", [name for name in CLUSTERS if name.startswith("aws")])
def test_ec2_takes_its_machines(name: str) -> None:
    """EC2's own model of RunInstances takes them; `SubnetIds` is Ray's, which names one of them."""
    model = get_session().get_service_model("ec2").operation_model("RunInstances")
    for node_type in _cluster(name)["available_node_types"].values():
        asked = node_type["node_config"] | {"MinCount": 1, "MaxCount": 1}
        asked.pop("SubnetIds", None)
        report = ParamValidator().validate(asked, model.input_shape)
        assert not report.has_errors(), report.generate_report()


def test_gangs_over_machines_without_efa_are_refused() -> None:
    two = shipped.manifest("aws-p5en-two-nodes")
    groups = (two.groups[0].model_copy(update={"machine": None, "hardware": _H200S}),)
    with pytest.raises(ConfigError, match="needs EFA between them"):
        shipped.rendered(two.model_copy(update={"groups": groups}))


def test_what_is_reserved_is_asked_for() -> None:
    group = shipped.manifest("aws-p5en").groups[0]
    block = group.model_copy(update={"reservation": "cr-1", "capacity_block": True})
    cluster = _loaded(shipped.rendered(_changed("aws-p5en", groups=(block,))))
    node = cluster["available_node_types"]["gpu"]["node_config"]
    assert node["InstanceMarketOptions"] == {"MarketType": "capacity-block"}
    target = node["CapacityReservationSpecification"]["CapacityReservationTarget"]
    assert target == {"CapacityReservationId": "cr-1"}


def test_keys_of_ones_own_are_named_on_every_machine() -> None:
    provider = shipped.manifest("aws-p5en").provider
    assert isinstance(provider, Aws)
    keyed = provider.model_copy(update={"key_name": "mine", "ssh_key": Path("~/.ssh/mine")})
    cluster = _loaded(shipped.rendered(_changed("aws-p5en", provider=keyed)))
    types = cluster["available_node_types"].values()
    assert [node_type["node_config"]["KeyName"] for node_type in types] == ["mine", "mine"]
    assert cluster["auth"]["ssh_private_key"] == "~/.ssh/mine"


_H200S = shipped.manifest("on-prem-two-nodes").head.hardware
