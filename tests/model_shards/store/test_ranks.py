from pathlib import Path

import pytest

from configs.errors import CheckpointError, ConfigError
from model_shards.store.ranks import Ranks
from tests.model_shards.store.small_set import write_set


@pytest.mark.parametrize(
    ("text", "ids"),
    [("0", (0,)), ("0-3", (0, 1, 2, 3)), ("0-2, 7", (0, 1, 2, 7)), ("5,1-2,2", (1, 2, 5))],
)
def test_ranks_and_ranges(text: str, ids: tuple[int, ...]) -> None:
    assert Ranks.parse(text).ids == ids


@pytest.mark.parametrize("text", ["", ",", "0,", "a", "-1", "1-", "3-1", "0..7", "0-1-2", "99999"])
def test_what_is_no_list_of_ranks_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="as in 0-7,9"):
        Ranks.parse(text)


def test_a_rank_needs_its_groups(tmp_path: Path) -> None:
    manifest = write_set(tmp_path / "set")
    assert Ranks((3,)).groups(manifest) == {3}
    assert Ranks((1,), 2).groups(manifest) == {2, 3}
    with pytest.raises(CheckpointError, match="can't be read by 3"):
        Ranks((0,), 3).groups(manifest)
    with pytest.raises(CheckpointError, match="can't be read by 0"):
        Ranks((0,), 0).groups(manifest)
