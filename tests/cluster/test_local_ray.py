import socket
from pathlib import Path

import pytest

from cluster.local_ray import clear_the_way, logical_cpus
from configs.deployment import Deployment, Gangs, Resources, Routers
from configs.errors import ClusterError
from configs.weights import Model


def test_ray_is_told_of_as_many_cpus_as_the_replicas_ask_for() -> None:
    deployment = Deployment(
        model=Model(source=Path("x")),
        gangs=Gangs(count=2, ranks=4, resources=Resources(num_cpus=3)),
        routers=Routers(count=2),
    )
    # A roll has a gang and two more routers, beside the two that it replaces.
    assert logical_cpus(deployment) >= 3 * 4 * 3 + 2 + 2


def test_a_port_in_use_is_named_with_its_holder() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(ClusterError, match=rf"port {port} is held by .*pid \d+"):
            clear_the_way((port,))


def test_free_ports_are_no_trouble() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clear_the_way((port,))
