"""A router that can't be built leaves nothing behind."""

import asyncio

import pytest

from configs.errors import ConfigError
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from tests.deployments.router.fake_shard import FakeShard
from tests.deployments.router.whole_router import whole_router


def test_a_router_that_vllm_refuses_to_build_follows_no_roster() -> None:
    engine = ServeFile.load(DEFAULT_CONFIG).deployment.engine

    async def scene() -> set[str]:
        with pytest.raises(ConfigError, match="max_model_len"):
            async with whole_router(weights={}, engine={**engine, "max_model_len": "auto"}):
                pass
        FakeShard.close_all()
        await asyncio.sleep(0)
        return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}

    assert asyncio.run(scene()) == set()
