import random
from collections.abc import Callable
from pathlib import Path

import pytest
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from model_shards.nano import NANO
from model_shards.skills import recall, sums, tools, vision
from model_shards.skills.conversation import Conversation, Draw
from model_shards.tekken import small_tekken
from model_shards.training.tokens import ConversationTokenizer

CONVERSATIONS: dict[str, Callable[[Draw], Conversation]] = {
    "think": lambda draw: sums.conversation(draw, "high"),
    "call": lambda draw: tools.conversation(draw, "call"),
    "result": lambda draw: tools.conversation(draw, "result"),
    "image": vision.conversation,
    "turns": lambda draw: recall.conversation(draw, pairs=3, sentences=5),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens")
    (path / "tekken.json").write_text(small_tekken(NANO))
    return path


@pytest.mark.parametrize("kind", CONVERSATIONS)
def test_the_last_answer_follows_what_a_served_request_would_be(
    checkpoint: Path, kind: str
) -> None:
    conversation = CONVERSATIONS[kind](Draw(random.Random(1), held_out=False))
    example = ConversationTokenizer(checkpoint).encode(conversation)
    question = ChatCompletionRequest.from_openai(**conversation.question())
    serving = MistralTokenizer.from_file(checkpoint / "tekken.json")
    served = serving.encode_chat_completion(question).tokens
    assert example.ids[: len(served)] == served
    assert not example.answer[len(served) - 1]
    assert all(example.answer[len(served) :])


def test_every_answer_is_marked_with_its_end(checkpoint: Path) -> None:
    conversation = CONVERSATIONS["turns"](Draw(random.Random(1), held_out=False))
    example = ConversationTokenizer(checkpoint).encode(conversation)
    ends = [
        token
        for token, marked, after in zip(
            example.ids, example.answer, [*example.answer[1:], False], strict=True
        )
        if marked and not after
    ]
    assert ends == [2, 2, 2]  # end of sequence
