from deployments.cli.status import held
from tests.deployments.roster_entries import entry


def test_a_rank_is_told_with_its_experts() -> None:
    assert held(entry()) == "experts 0–63"
    ranges = entry().model_copy(update={"experts": ((0, 3), (9, 9))})
    assert held(ranges) == "experts 0–3, 9"


def test_layers_with_replicas_hold_different_experts() -> None:
    assert held(entry().model_copy(update={"experts": ()})) == "in each layer other experts"
