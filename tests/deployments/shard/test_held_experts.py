import pytest

from deployments.shard.held_experts import as_ranges


@pytest.mark.parametrize(
    ("ids", "ranges"),
    [
        ([], ()),
        ([5], ((5, 5),)),
        (range(64, 128), ((64, 127),)),
        ([0, 1, 2, 5, 7, 8], ((0, 2), (5, 5), (7, 8))),
    ],
)
def test_ids_become_ranges(ids: list[int], ranges: tuple[tuple[int, int], ...]) -> None:
    assert as_ranges(ids) == ranges
