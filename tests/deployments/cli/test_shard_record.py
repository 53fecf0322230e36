from pathlib import Path

import pytest
import typer

from configs.deployment import Deployment
from deployments.cli.shard_record import duration_s, expert_order, total
from deployments.shard.recording import RankCount
from model_shards.nano import TRAINED_NANO
from model_shards.shard_set.split import split


@pytest.mark.parametrize(("text", "expected_s"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_times_have_units(text: str, expected_s: float) -> None:
    assert duration_s(text) == expected_s


@pytest.mark.parametrize("text", ["", "10", "0s", "-1m", "1d", "10 m", "nan", "m"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="give it as 90s, 10m or 2h"):
        duration_s(text)


def test_ranks_are_added_up() -> None:
    ranks = [
        RankCount(replica="a", tokens=3, chosen=((1, 2), (3, 0))),
        RankCount(replica="b", tokens=9, chosen=((4, 5), (0, 9))),
    ]
    assert total(ranks).tokens == ((5, 7), (3, 9))


def test_positions_are_those_of_the_set_that_is_served(tmp_path: Path) -> None:
    model, order = {"source": str(TRAINED_NANO)}, (tuple(reversed(range(128))),) * 4
    split(TRAINED_NANO, tmp_path / "set", order, groups=2)
    weights = {"format": "expert_shards", "source": str(tmp_path / "set")}
    served = Deployment.model_validate({"model": model, "weights": weights})
    assert expert_order(served) == order
    assert expert_order(Deployment.model_validate({"model": model})) is None


def test_with_replicas_ranks_count_by_the_checkpoints_own_numbers(tmp_path: Path) -> None:
    order = ((*range(64), 100, *range(64, 128), 3),) * 4
    split(TRAINED_NANO, tmp_path / "set", order, groups=2)
    weights = {"format": "expert_shards", "source": str(tmp_path / "set")}
    served = Deployment.model_validate({"model": {"source": None}, "weights": weights})
    assert expert_order(served) is None
