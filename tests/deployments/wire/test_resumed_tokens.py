import pytest
from vllm.sampling_params import SamplingParams

from deployments.wire.resumed_tokens import RESUME, resumed_tokens


def test_a_continuation_carries_its_earlier_output() -> None:
    assert resumed_tokens(SamplingParams(extra_args={RESUME: [7, 8]})) == [7, 8]


@pytest.mark.parametrize(
    "params",
    [SamplingParams(), SamplingParams(extra_args={"another": 1}), None],
)
def test_a_request_that_starts_here_carries_none(params: SamplingParams | None) -> None:
    assert resumed_tokens(params) == []
