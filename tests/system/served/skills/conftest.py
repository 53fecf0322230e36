"""The shipped local config as it is: the trained nano on one gang of two expert-parallel ranks."""

from collections.abc import Iterator

import openai
import pytest

from configs.serve_file import DEFAULT_CONFIG
from tests.system.served.deployed import Deployed


@pytest.fixture(scope="package")
def deployed() -> Deployed:
    return Deployed.up(DEFAULT_CONFIG)


@pytest.fixture(scope="package")
def client(deployed: Deployed) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{deployed.url}/v1", api_key="none", max_retries=0, timeout=60
    ) as client:
        yield client
