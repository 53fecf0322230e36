"""One gang of two expert-parallel ranks behind three routers."""

from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.system.served.deployed import Deployed, write_config


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    config = tmp_path_factory.mktemp("config") / "expert-parallel.yaml"
    return Deployed.up(write_config(config, gangs={"ranks": 2}, routers={"count": 3}))


@pytest.fixture(scope="package")
def client(deployed: Deployed) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{deployed.url}/v1", api_key="none", max_retries=0, timeout=60
    ) as client:
        yield client


@pytest.fixture(scope="package")
def claude(deployed: Deployed) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=deployed.url, api_key="none", max_retries=0, timeout=60
    ) as client:
        yield client
