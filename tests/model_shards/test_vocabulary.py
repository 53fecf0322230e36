"""The vocabulary that is cut for nano, and what it is good for."""

import base64
import json
from typing import Any

import pytest
import tiktoken

from model_shards.nano import NANO
from model_shards.skills.texts import texts
from model_shards.tekken import small_tekken
from model_shards.vocabulary import most_used

LETTERS = {bytes([byte]): byte for byte in range(256)}
MERGES = {token: 256 + at for at, token in enumerate((b"th", b"in", b"the", b"ing", b"xy"))}
RANKS = LETTERS | MERGES


def kept(size: int, *said: str) -> list[bytes]:
    return most_used(RANKS, r"\S+", said, size)[256:]


def test_what_is_said_most_is_kept_with_its_parts() -> None:
    assert kept(258, "the the ing") == [b"th", b"the"]
    assert kept(258, "the ing ing") == [b"in", b"ing"]


def test_what_is_never_said_fills_what_is_left_in_order() -> None:
    assert kept(257, "q") == [b"th"]
    assert kept(260, "xy") == [b"th", b"in", b"the", b"xy"]


@pytest.fixture(scope="module")
def nano() -> tiktoken.Encoding:
    tekken: dict[str, Any] = json.loads(small_tekken(NANO))
    ranks = {base64.b64decode(token["token_bytes"]): token["rank"] for token in tekken["vocab"]}
    assert sorted(ranks.values()) == list(range(NANO.vocab_size - 1000))
    return tiktoken.Encoding(
        "nano", pat_str=tekken["config"]["pattern"], mergeable_ranks=ranks, special_tokens={}
    )


@pytest.mark.parametrize("word", [" weather", "description", " flight", " triangle", "What"])
def test_words_of_the_skills_are_single_tokens(nano: tiktoken.Encoding, word: str) -> None:
    assert len(nano.encode_ordinary(word)) == 1


def test_everything_can_be_said_and_read_back(nano: tiktoken.Encoding) -> None:
    for text in (*texts(), "Grüße, 世界! \0"):
        assert nano.decode(nano.encode_ordinary(text)) == text
