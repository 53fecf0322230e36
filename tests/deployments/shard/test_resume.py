"""The parts of a continuation that need no engine; the whole is tested in `tests/system/served`."""

from vllm.sampling_params import SamplingParams
from vllm.v1.request import Request

from deployments.shard import resume
from deployments.wire.resumed_tokens import RESUME


def test_a_resumed_request_has_output_before_its_first_step() -> None:
    resume.register()
    params = SamplingParams(max_tokens=10, extra_args={RESUME: [7, 8]})
    request = Request("r", [1, 2, 3], params, None)
    assert list(request.output_token_ids) == [7, 8]
    assert (request.num_prompt_tokens, request.num_tokens) == (3, 5)


def test_a_request_that_begins_here_has_none() -> None:
    resume.register()
    assert Request("r", [1, 2, 3], SamplingParams(max_tokens=10), None).num_output_tokens == 0
