import pytest
import torch

from model_shards.nano import TRAINED_NANO
from model_shards.training.batches import Batch, batches, collate
from model_shards.training.tokens import ConversationTokenizer, Example

TOKENS = 1536


@pytest.fixture(scope="module")
def tokenizer() -> ConversationTokenizer:
    return ConversationTokenizer(TRAINED_NANO)


def pool(tokenizer: ConversationTokenizer, progress: float) -> list[Batch]:
    return batches(tokenizer, seed=0, number=0, tokens=TOKENS, progress=progress)


def test_a_batch_keeps_to_its_tokens_unless_one_conversation_is_longer(
    tokenizer: ConversationTokenizer,
) -> None:
    for batch in pool(tokenizer, progress=1):
        assert batch.ids.numel() <= TOKENS or len(batch.ids) == 1


def test_texts_grow_to_what_held_out_questions_have(tokenizer: ConversationTokenizer) -> None:
    longest = [
        max(batch.ids.shape[1] for batch in pool(tokenizer, progress)) for progress in (0, 0.25, 1)
    ]
    assert longest == sorted(longest)
    assert longest[-1] > 2000


def test_every_token_is_answer_given_or_padding() -> None:
    examples = [Example([5, 6, 7], [False, False, True], []), Example([8], [False], [])]
    batch = collate(examples)
    assert batch.ids.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch.answer.tolist() == [[False, False, True], [False, False, False]]
    assert batch.given.tolist() == [[True, True, False], [True, False, False]]


def test_the_same_pool_comes_again(tokenizer: ConversationTokenizer) -> None:
    once, again = pool(tokenizer, 0.5), pool(tokenizer, 0.5)
    assert len(once) == len(again)
    assert all(torch.equal(batch.ids, other.ids) for batch, other in zip(once, again, strict=True))
