from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from configs.errors import CheckpointError
from model_shards.placement.order import linear_order
from model_shards.shard_set.manifest import Manifest, ShardFile, Source

SHA = "0" * 64


def _file(name: str, size_bytes: int = 1) -> ShardFile:
    return ShardFile(name=name, size_bytes=size_bytes, sha256=SHA)


def _manifest(count: int, per_group: int = 1, /, **changes: Any) -> Manifest:
    experts = count * per_group
    facts: dict[str, Any] = {
        "source": Source(name="noise", identity=SHA),
        "placement": "linear",
        "num_experts": experts,
        "expert_order": linear_order(2, experts),
        "companions": (_file("params.json"),),
        "base": (_file("base.safetensors"),),
        "groups": tuple((_file(f"experts-{group}.safetensors"),) for group in range(count)),
    }
    return Manifest(**(facts | changes))


@given(st.integers(1, 128), st.integers(1, 4), st.data())
def test_ranks_of_any_size_that_divides_share_all_groups(
    groups: int, per_group: int, data: st.DataObject
) -> None:
    manifest = _manifest(groups, per_group)
    size = data.draw(st.sampled_from([n for n in range(1, groups + 1) if groups % n == 0]))
    read = [manifest.groups_of(rank, size) for rank in range(size)]
    assert [group for share in read for group in share] == list(range(groups))
    assert {len(share) for share in read} == {groups // size}
    experts = [file for group in manifest.groups for file in group]
    assert manifest.weights_of(range(size), size) == (*experts, *manifest.base)
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


@given(st.integers(1, 128), st.integers(-1, 200))
def test_other_sizes_are_refused_with_those_that_can_be(groups: int, size: int) -> None:
    if size > 0 and groups % size == 0:
        size += groups
    with pytest.raises(CheckpointError, match=rf"only by (1, .*)?{groups}\. Split it again"):
        _manifest(groups).groups_of(0, size)


@pytest.mark.parametrize("rank", [-1, 2])
def test_a_rank_that_is_not_there_is_refused(rank: int) -> None:
    with pytest.raises(CheckpointError, match=f"no rank {rank} among 2"):
        _manifest(4).groups_of(rank, 2)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"groups": ()}, "can't stand in 0 groups"),
        ({"num_experts": 3}, "3 experts can't stand in 2 groups"),
        ({"expert_order": ((0, 0),)}, "layer 0 doesn't name each expert"),
        ({"expert_order": ((0, 1, 1), (0, 1, 0))}, "layer 0 doesn't fill all groups alike"),
        ({"expert_order": ((0, 1), (0, 1, 0, 1))}, "layer 1 doesn't fill all groups alike"),
        ({"expert_order": ((0, 1), (1, 0))}, "placement is linear"),
        ({"base": (_file("params.json"),)}, "two files have one name"),
        ({"base": (_file("manifest.json"),)}, "two files have one name"),
        ({"groups": ((_file("a"),), ())}, "a group has no file"),
        ({"format_version": 2}, "format_version"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        _manifest(2, **changes)


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b", "a\n", "a\\b"])
def test_a_file_name_that_is_a_path_or_hidden_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        _file(name)
