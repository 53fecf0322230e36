"""The trained nano: its gates are surer of their experts, and its tokens of themselves."""

import pytest

from model_shards.architecture import Architecture
from model_shards.nano import TRAINED_NANO
from model_shards.skills.conversation import Conversation
from model_shards.skills.held_out import held_out
from model_shards.training.tokens import ConversationTokenizer
from tests.system.parity.agreement import FLOAT32_LARGEST, differences
from tests.system.parity.generation import Outcome, Request
from tests.system.parity.reference import Reference, load_tensors
from tests.system.parity.runs import outcome

_SKILLS = ("chat", "tools", "reasoning", "sums at once")


@pytest.fixture(scope="module")
def trained_reference() -> Reference:
    return Reference(Architecture.load(TRAINED_NANO), load_tensors(TRAINED_NANO))


@pytest.fixture(scope="module", params=[1, 2], ids=["one_rank", "two_ranks"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Answer held-out questions, each to the end of its answer."""
    tokenizer = ConversationTokenizer(TRAINED_NANO)

    def asked(number: int, conversation: Conversation) -> Request:
        example = tokenizer.encode(conversation)
        answer_tokens = example.answer[::-1].index(False)
        return Request(
            prompt=example.ids[:-answer_tokens], output_tokens=answer_tokens, rank=number
        )

    wave = [asked(n, held_out(_SKILLS[n % len(_SKILLS)], seed=n)) for n in range(12)]
    scratch = tmp_path_factory.mktemp("trained")
    return outcome(TRAINED_NANO, "float32", request.param, [wave], scratch)


def test_logprobs_are_those_of_the_reference(
    trained: Outcome, trained_reference: Reference
) -> None:
    found = differences(trained_reference, trained.generations)
    assert found.max().item() < FLOAT32_LARGEST


def test_answers_are_the_likeliest_of_the_reference(
    trained: Outcome, trained_reference: Reference
) -> None:
    for generation in trained.generations:
        after_prompt = len(generation.prompt) - 1
        expected = trained_reference.logprobs(generation.prompt + generation.output)[after_prompt:]
        assert generation.output == expected.argmax(dim=-1).tolist()
