"""Ranks that read their own experts only answer as those that read the whole checkpoint.

One set of eight groups serves one, two and four ranks.
"""

import random
from pathlib import Path

import pytest

from model_shards.architecture import Architecture
from model_shards.files.meter import Meter
from model_shards.loading.loader import LOAD_FORMAT
from model_shards.placement.balanced_order import balanced_order
from model_shards.placement.expert_load import ExpertLoad
from model_shards.placement.order import linear_order
from model_shards.shard_set.manifest import Manifest
from model_shards.shard_set.split import split
from model_shards.store.location import Location
from model_shards.store.node_cache import NodeCache
from model_shards.store.push import push
from tests.model_shards.store.faulty_proxy import FaultyProxy
from tests.system.parity.agreement import FLOAT32_LARGEST, differences
from tests.system.parity.generation import Outcome, Request
from tests.system.parity.reference import Reference
from tests.system.parity.runs import outcome

_GROUPS = 8
_OUTPUT_TOKENS = 16  # a step of four ranks on two cores takes its time
_SLACK = 1.02


@pytest.fixture(scope="session")
def shards(
    checkpoint: Path, architecture: Architecture, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    directory = tmp_path_factory.mktemp("shards") / "set"
    order = linear_order(architecture.n_layers, architecture.moe.num_experts)
    split(checkpoint, directory, order, _GROUPS)
    return directory


@pytest.fixture(scope="session")
def waves(one_rank: Outcome) -> list[list[Request]]:
    """Ask all of the whole checkpoint's prompts at once, for the beginnings of its answers."""
    return [
        [
            Request(
                prompt=whole.prompt,
                picture_size=whole.picture_size,
                output_tokens=_OUTPUT_TOKENS,
                rank=number,
            )
            for number, whole in enumerate(one_rank.generations)
        ]
    ]


@pytest.fixture(scope="session", params=[1, 4])
def from_shards(
    request: pytest.FixtureRequest,
    shards: Path,
    waves: list[list[Request]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Outcome:
    scratch = tmp_path_factory.mktemp("from-shards")
    return outcome(shards, "float32", request.param, waves, scratch, load_format=LOAD_FORMAT)


def test_the_tokens_are_those_of_the_whole_checkpoint(
    from_shards: Outcome, one_rank: Outcome
) -> None:
    assert beginnings(from_shards) == beginnings(one_rank)


def test_a_rank_reads_the_base_and_its_own_experts(from_shards: Outcome, shards: Path) -> None:
    ranks = len(from_shards.read_bytes)
    manifest = Manifest.load(shards)
    base_bytes = sum(file.size_bytes for file in manifest.base)
    share_bytes = sum(file.size_bytes for group in manifest.groups for file in group) / ranks
    for read_bytes in from_shards.read_bytes:
        assert base_bytes < read_bytes <= _SLACK * (base_bytes + share_bytes)


@pytest.fixture
def in_s3(shards: Path, location: Location, proxy: FaultyProxy) -> Location:
    """Push the set, and return where it is; nothing has passed the proxy since."""
    push(shards, location, Meter())
    proxy.passed.clear()
    return location


def test_two_ranks_answer_from_s3_and_their_node_fetches_each_file_once(
    in_s3: Location,
    waves: list[list[Request]],
    one_rank: Outcome,
    proxy: FaultyProxy,
    tmp_path: Path,
) -> None:
    cache = NodeCache(in_s3, tmp_path / "cache")
    loader = {"source": str(in_s3), "cache": str(tmp_path / "cache")}
    found = outcome(
        *(cache.companions(), "float32", 2, waves, tmp_path),
        load_format=LOAD_FORMAT,
        loader=loader,
    )
    assert beginnings(found) == beginnings(one_rank)
    fetched = sorted(Path(request.name).name for request in proxy.of("GET", ".safetensors"))
    assert fetched == sorted(file.name for file in cache.manifest.weights_of(range(2), 2))


@pytest.fixture
def reordered(checkpoint: Path, architecture: Architecture, tmp_path: Path) -> Path:
    """Split a set whose experts are ordered for a made-up load."""
    draw = random.Random(3)
    layers, experts = architecture.n_layers, architecture.moe.num_experts
    counts = tuple(tuple(draw.choices(range(100), k=experts)) for _ in range(layers))
    order = balanced_order(ExpertLoad(tokens=counts), _GROUPS)
    assert split(checkpoint, tmp_path / "set", order, _GROUPS).placement == "balanced"
    return tmp_path / "set"


def test_experts_in_another_order_answer_the_same(
    reordered: Path,
    waves: list[list[Request]],
    one_rank: Outcome,
    reference: Reference,
    tmp_path: Path,
) -> None:
    """Log-probabilities too, but for rounding: a rank adds up other experts' outputs first."""
    found = outcome(reordered, "float32", 2, waves, tmp_path, load_format=LOAD_FORMAT)
    assert beginnings(found) == beginnings(one_rank)
    assert differences(reference, found.generations).max().item() < FLOAT32_LARGEST


def beginnings(found: Outcome) -> list[list[int]]:
    return [generation.output[:_OUTPUT_TOKENS] for generation in found.generations]
