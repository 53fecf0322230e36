"""Makes text of an answer's tokens, byte by byte, so that no character is lost between tokens.

Where special tokens aren't skipped, vLLM joins the tokens' texts, and what is a part of a character
becomes "\N{REPLACEMENT CHARACTER}". Read from vLLM 0.32.
"""

import codecs
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from vllm.tokenizers.mistral import MistralTokenizer
from vllm.v1.engine import EngineCoreRequest, output_processor
from vllm.v1.engine.detokenizer import BaseIncrementalDetokenizer, IncrementalDetokenizer

from deployments.front_end.answers.marks import END, SHOWN

_LONGEST_CHARACTER_BYTES = 4


def install() -> None:
    """Make vLLM in this process detokenize Mistral's tokens by `ByteDetokenizer`."""
    output_processor.IncrementalDetokenizer = _Detokenizers


class _Detokenizers(IncrementalDetokenizer):
    """Where vLLM asks for a request's detokenizer."""

    @classmethod
    def from_new_request(cls, tokenizer: Any, request: EngineCoreRequest) -> IncrementalDetokenizer:
        if isinstance(tokenizer, MistralTokenizer) and tokenizer.is_tekken:
            return ByteDetokenizer(_pieces_of(tokenizer), request)
        return IncrementalDetokenizer.from_new_request(tokenizer, request)


class Pieces:
    """What each token adds to a text: some bytes, or a mark."""

    def __init__(self, tokenizer: MistralTokenizer) -> None:
        self._tekken = tokenizer.tokenizer
        self._bytes: dict[int, bytes] = {}
        shown = {text: mark for mark, text in SHOWN.items()}
        specials = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
        self.marks: dict[int, str] = {token: shown.get(text, "") for token, text in specials}

    def bytes_of(self, token: int) -> bytes:
        """Return an ordinary token's bytes; none if there is no such token."""
        if (piece := self._bytes.get(token)) is None:
            known = token < self._tekken.n_words
            piece = self._tekken.id_to_byte_piece(token) if known else b""
            self._bytes[token] = piece
        return piece


_pieces_of = lru_cache(maxsize=2)(Pieces)  # a server has one tokenizer


class ByteDetokenizer(BaseIncrementalDetokenizer):
    """The detokenizer of one answer.

    For a request that has a parser, control tokens become marks; for others, their own text. Other
    special tokens add nothing.
    """

    def __init__(self, pieces: Pieces, request: EngineCoreRequest) -> None:
        super().__init__(request)
        self._pieces = pieces
        self._parsed = request.reasoning_parser_kwargs is not None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._prime(request.prompt_token_ids or [])

    def update(self, new_token_ids: list[int], stop_terminated: bool) -> str | None:
        stop_string: str | None = super().update(new_token_ids, stop_terminated)
        if self._parsed and ((stop_terminated and new_token_ids) or stop_string is not None):
            self.output_text += END
        return stop_string

    def decode_next(self, next_token_id: int) -> str:
        mark = self._pieces.marks.get(next_token_id)
        if mark is None:
            return self._decoder.decode(self._pieces.bytes_of(next_token_id))
        broken = self._decoder.decode(b"", final=True)
        return broken + (mark if self._parsed else SHOWN.get(mark, ""))

    def _prime(self, prompt: Iterable[int]) -> None:
        """Take a character that the prompt has begun."""
        for token in list(prompt)[-_LONGEST_CHARACTER_BYTES:]:
            self.decode_next(token)
