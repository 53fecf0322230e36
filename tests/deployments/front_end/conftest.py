import asyncio
from collections.abc import Iterator

import pytest

from tests.deployments.front_end.dictated import Play, dictated_clients


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    """Plays a scene with the clients of one router, the same for all tests."""
    with asyncio.Runner() as runner:
        opened = dictated_clients()
        clients = runner.run(opened.__aenter__())
        yield lambda scene: runner.run(asyncio.wait_for(scene(clients), timeout=60))
        runner.run(opened.__aexit__(None, None, None))
