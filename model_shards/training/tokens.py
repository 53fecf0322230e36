"""Conversations as the token ids that an engine would see, with the answers marked."""

from dataclasses import dataclass
from pathlib import Path

import torch
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import ValidationMode
from mistral_common.tokens.tokenizers.base import SpecialTokens
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from model_shards.skills.conversation import Conversation


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation as token ids, which of them are an assistant's, and images.

    Images are float32, (3, height, width).
    """

    ids: list[int]
    answer: list[bool]
    images: list[torch.Tensor]


class ConversationTokenizer:
    """Encodes conversations as mistral_common does, so that training sees what serving sees."""

    def __init__(self, checkpoint: Path) -> None:
        path = checkpoint / "tekken.json"
        self._tokenizer = MistralTokenizer.from_file(path, mode=ValidationMode.finetuning)
        special = self._tokenizer.instruct_tokenizer.tokenizer.get_special_token
        self._starts = {special(SpecialTokens.end_inst), special(SpecialTokens.end_tool_results)}
        self._end = special(SpecialTokens.eos)

    def encode(self, conversation: Conversation) -> Example:
        request = ChatCompletionRequest.from_openai(
            messages=conversation.messages,
            tools=conversation.tools or None,
            reasoning_effort=conversation.reasoning_effort,
        )
        encoded = self._tokenizer.encode_chat_completion(request)
        answer, answering = [], False
        for token in encoded.tokens:
            answer.append(answering)
            answering = token in self._starts or (answering and token != self._end)
        images = [torch.from_numpy(image).float() for image in encoded.images]
        return Example(encoded.tokens, answer, images)
