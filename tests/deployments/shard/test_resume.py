"""The parts of a continuation that need no engine; the whole is tested in `tests/system/served`."""

import torch
from vllm.sampling_params import SamplingParams
from vllm.v1.request import Request
from vllm.v1.sample.ops.topk_topp_sampler import TopKTopPSampler

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


def test_drawing_the_past_leaves_the_generator_where_vllms_sampler_would() -> None:
    sampler = TopKTopPSampler("raw_logprobs")
    generator = torch.Generator().manual_seed(11)
    logits = torch.randn(1, 64, generator=torch.Generator().manual_seed(0))
    for _ in range(5):
        sampler(logits.clone(), {0: generator}, None, None)
    skipped = torch.Generator().manual_seed(11)
    resume.draw_past(skipped, 5)
    assert torch.equal(skipped.get_state(), generator.get_state())
