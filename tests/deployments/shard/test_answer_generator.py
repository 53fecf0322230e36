"""The generator of a seeded answer beside vLLM's own sampler."""

import torch
from vllm.v1.sample.ops.topk_topp_sampler import TopKTopPSampler

from deployments.shard.answer_generator import AnswerGenerator

_LOGITS = torch.randn(1, 64, generator=torch.Generator().manual_seed(0))


def sample(generator: torch.Generator, tokens: int) -> list[int]:
    sampler = TopKTopPSampler("raw_logprobs")
    return [int(sampler(_LOGITS.clone(), {0: generator}, None, None)[0]) for _ in range(tokens)]


def test_an_answer_goes_on_as_vllms_sampler_would() -> None:
    whole = sample(torch.Generator().manual_seed(11), 12)
    assert sample(AnswerGenerator.of(11, []), 12) == whole
    assert sample(AnswerGenerator.of(11, whole[:5]), 7) == whole[5:]


def test_a_token_that_is_dropped_is_drawn_again() -> None:
    answer = sample(torch.Generator().manual_seed(11), 3)
    expected = sample(torch.Generator().manual_seed(11), 6)[3:]
    generator = AnswerGenerator.of(11, answer)
    for token in expected:
        for _ in range(2):  # steps that compute parts of a prompt
            assert sample(generator, 1) == [token]
            generator.set_offset(generator.get_offset() - 4)
        assert sample(generator, 1) == [token]
        answer.append(token)
