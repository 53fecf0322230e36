"""Tests a deployment whose config names weights in S3 and nothing else."""

import asyncio
from pathlib import Path

import pytest

from model_shards.files.meter import Meter
from model_shards.nano import NANO, build_nano
from model_shards.placement.order import linear_order
from model_shards.shard_set.manifest import MANIFEST
from model_shards.shard_set.split import split
from model_shards.store.location import Location
from model_shards.store.node_cache import NodeCache
from model_shards.store.push import push
from tests.deployments.router.whole_router import whole_router
from tests.model_shards.store.faulty_proxy import FaultyProxy

HELLO = {"model": "mistral-small-4", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def in_s3(tmp_path: Path, location: Location, proxy: FaultyProxy) -> Location:
    source = build_nano(tmp_path / "nano")
    order = linear_order(NANO.n_layers, NANO.moe.num_experts)
    manifest = split(source, tmp_path / "set", order, groups=2)
    push(tmp_path / "set", location, Meter())
    proxy.passed.clear()
    assert {file.name for file in manifest.companions} == {"params.json", "tekken.json"}
    return location


def answers(in_s3: Location, cache: Path) -> None:
    """Start a router, and have it answer a request."""
    weights = {"format": "expert_shards", "source": str(in_s3), "cache": str(cache)}

    async def scene() -> None:
        async with whole_router(model={}, weights=weights) as router:
            answer = await router.client.post("/v1/chat/completions", json=HELLO)
            assert answer.status_code == 200, answer.text
            assert len(router.asked) == 1

    asyncio.run(scene())


def test_its_routers_fetch_tokenizer_and_parameters_and_no_weights(
    in_s3: Location, tmp_path: Path, proxy: FaultyProxy
) -> None:
    answers(in_s3, tmp_path / "cache")
    fetched = sorted(Path(request.name).name for request in proxy.of("GET"))
    # The manifest tells, each time the set is opened, whether the cache still holds the set.
    assert [name for name in fetched if name != MANIFEST] == ["params.json", "tekken.json"]


def test_its_routers_start_from_the_node_s_cache_while_s3_is_out_of_reach(
    in_s3: Location, tmp_path: Path, proxy: FaultyProxy
) -> None:
    NodeCache(in_s3, tmp_path / "cache").companions()
    proxy.close()  # connections are refused from now on
    answers(in_s3, tmp_path / "cache")
