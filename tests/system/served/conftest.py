"""Each folder below brings up its own deployment, on one Ray for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.local_ray import LocalRay
from configs.environment import HARD_STOP
from configs.schema import PROJECT_ROOT
from deployments.ray_serve.rest_api import ServeApi
from tests.system.served.deployed import HARD_STOP_S, SMALL4, command
from tests.system.served.processes import proxies


@pytest.fixture(scope="session", autouse=True)
def own_ray() -> Iterator[None]:
    """Refuse to work on somebody's cluster, and leave nothing running."""
    if ServeApi().reachable() or LocalRay.find() is not None:
        pytest.exit("a Ray is running on this machine: stop it first (`small4 stop`)", returncode=2)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(HARD_STOP, str(HARD_STOP_S))
        environment.setenv("PYTHONPATH", str(PROJECT_ROOT))  # for what engines load of the tests
        yield
    command([str(SMALL4), "stop"], timeout_s=120)
    assert not proxies()


# Scaling comes after a deployment of one router and of gangs of another size: Serve begins an
# autoscaled deployment with as many replicas as the one had that it replaces.
_ORDER = ("expert_parallel", "keys", "two_gangs", "clients", "skills", "scaling", "rolling", "head")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders' tests in order, and leave all other tests where they are."""
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if here in item.path.parents]
    ordered = sorted(
        (items[place] for place in places),
        key=lambda item: _ORDER.index(item.path.relative_to(here).parts[0]),
    )
    for place, item in zip(places, ordered, strict=True):
        items[place] = item
