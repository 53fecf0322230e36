"""What `small4 serve` says of requests that would be cut, and when it has waited enough."""

from pathlib import Path

import pytest
import yaml

from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.cli import serve
from deployments.ray_serve.rest_api import ApplicationStatus, DeploymentStatus

_HAPROXY = "    hard-stop-after {hard_stop}s\n    timeout client 7260s\n"


def file(tmp_path: Path, **http: object) -> ServeFile:
    config = yaml.safe_load(DEFAULT_CONFIG.read_text("utf-8"))
    config["http_options"] |= http
    path = tmp_path / "serve.yaml"
    path.write_text(yaml.safe_dump(config), "utf-8")
    return ServeFile.load(path)


def test_a_ray_that_cuts_sooner_is_named_with_its_value_and_the_remedy(tmp_path: Path) -> None:
    warning = serve.cuts(file(tmp_path), _HAPROXY.format(hard_stop=120))
    assert warning is not None
    assert "hard-stop-after 120 s" in warning
    assert "timeout client" not in warning
    assert "7260 s" in warning
    assert "limits.request_s" in warning


def test_serves_own_limit_is_named_too(tmp_path: Path) -> None:
    warning = serve.cuts(file(tmp_path, request_timeout_s=30), None)
    assert warning is not None
    assert "http_options.request_timeout_s 30 s" in warning


def test_nothing_is_said_where_nothing_is_cut(tmp_path: Path) -> None:
    assert serve.cuts(file(tmp_path), _HAPROXY.format(hard_stop=7260)) is None
    assert serve.cuts(file(tmp_path), None) is None  # HAProxy runs on another machine


def deployment(name: str, status: str, *states: str, wanted: int = 1) -> DeploymentStatus:
    return DeploymentStatus(
        name=name,
        status=status,
        message="",
        running=states.count("RUNNING"),
        stopping=states.count("STOPPING"),
        replicas=len(states),
        wanted=wanted,
    )


GANG = deployment("ExpertShardEP1", "HEALTHY", "RUNNING")


@pytest.mark.parametrize(
    ("router", "gang", "done"),
    [
        (deployment("Router", "UPDATING", "RUNNING", "STOPPING"), GANG, True),
        (deployment("Router", "HEALTHY", "RUNNING"), GANG, False),  # it isn't deployed yet
        (deployment("Router", "UPDATING", "STARTING", "STOPPING"), GANG, False),
        (deployment("Router", "UPDATING", "RUNNING", "STARTING", "STOPPING"), GANG, False),
        (
            deployment("Router", "UPDATING", "RUNNING", "STOPPING"),
            deployment("ExpertShardEP1", "UPDATING", "RUNNING", "STOPPING"),
            False,
        ),
    ],
)
def test_only_streams_at_routers_are_not_waited_for(
    router: DeploymentStatus, gang: DeploymentStatus, done: bool
) -> None:
    status = ApplicationStatus(
        name="small4",
        route_prefix="/",
        status="DEPLOYING",
        message="",
        deployments=[router, gang],
        config={},
    )
    assert serve.only_streams_are_left(status, anew=False) == done


@pytest.mark.parametrize(
    ("old_running", "old", "anew", "done"),
    [
        (0, 1, True, True),
        (1, 2, True, False),  # of two routers, the second is still to be replaced
        (1, 3, True, True),  # of three, one is let go, and Serve replaces none before it has gone
        (1, 2, False, True),
    ],
)
def test_a_router_from_before_is_waited_for_if_serve_replaces_it_now(
    old_running: int, old: int, anew: bool, done: bool
) -> None:
    router = deployment("Router", "UPDATING", "RUNNING", "RUNNING", "STOPPING", wanted=2)
    status = ApplicationStatus(
        name="small4",
        route_prefix="/",
        status="DEPLOYING",
        message="",
        deployments=[router.model_copy(update={"old_running": old_running, "old": old}), GANG],
        config={},
    )
    assert serve.only_streams_are_left(status, anew=anew) == done
