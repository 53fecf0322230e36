import pytest
from pydantic import ValidationError

from configs.autoscaling import Autoscaling


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"min_gangs": 2}, "min_gangs 2 is above max_gangs 1: raise max_gangs"),
        ({"min_gangs": -1}, "min_gangs"),
        ({"max_gangs": 0}, "max_gangs"),
        ({"confirm_s": 300}, "confirm_s 300 must be less than stabilise_s 300"),
        ({"ttft_s": 0}, "ttft_s"),
        ({"tpot_s": float("nan")}, "tpot_s"),
        ({"start_s": float("inf")}, "start_s"),
        ({"fill": 1.1}, "fill"),
        ({"fill": 0}, "fill"),
        ({"target_s": 1}, "target_s"),
    ],
)
def test_a_wrong_value_is_named(given: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Autoscaling.model_validate(given)


def test_defaults_never_scale() -> None:
    assert (Autoscaling().min_gangs, Autoscaling().max_gangs) == (1, 1)
