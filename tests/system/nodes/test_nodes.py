"""Ray brings nodes for a gang and ends them after it: from a head to two more nodes and back."""

import time
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from cluster.local_ray import LocalRay
from deployments.ray_serve.rest_api import ServeApi
from tests.system.nodes.fake_cloud import fake_cloud, nodes
from tests.system.served.deployed import Deployed, write_config

SCALING = {"min_gangs": 0, "max_gangs": 1, "idle_s": 5, "interval_s": 1}


def test_a_gang_brings_its_nodes_and_they_are_let_go_after_it(tmp_path: Path) -> None:
    if ServeApi().reachable() or LocalRay.find() is not None:
        pytest.exit("a Ray is running on this machine: stop it first (`small4 stop`)", returncode=2)
    config = write_config(
        tmp_path / "nodes.yaml", gangs={"autoscaling": SCALING, "ranks": 2}, routers={"count": 1}
    )
    # The router takes the head's only CPU.
    with fake_cloud(tmp_path, head_cpus=1, node_cpus=1, most=2):
        deployed = Deployed.up(config)
        assert nodes() == 1
        with openai.OpenAI(
            base_url=f"{deployed.url}/v1", api_key="none", max_retries=0, timeout=280
        ) as client:
            answer = client.chat.completions.create(
                model=deployed.model,
                messages=[{"role": "user", "content": "Is anybody there?"}],
                max_tokens=8,
            )
        assert answer.choices[0].message.content
        assert nodes() == 3
        assert len({rank["node"] for rank in deployed.status()["ranks"]}) == 2
        wait_until(lambda: nodes() == 1)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline_s, f"{nodes()} nodes are left"
        time.sleep(1)
