"""Has vLLM take Mistral's answers apart by `Answer`. Read from vLLM 0.32.

vLLM's own parser for them looks for the texts of control tokens, which an answer may hold as text;
and where it holds text back for a stop string, it loses them.
"""

from collections.abc import Sequence
from typing import Any

from vllm.entrypoints.anthropic.serving import AnthropicServingMessages
from vllm.entrypoints.generate.base.protocol import (
    DeltaFunctionCall,
    DeltaMessage,
    DeltaToolCall,
    FunctionCall,
)
from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
from vllm.entrypoints.openai.responses import context
from vllm.entrypoints.openai.responses.protocol import ResponseRawMessageAndToken, ResponsesRequest
from vllm.parser import ParserManager
from vllm.parser.abstract_parser import DelegatingParser
from vllm.parser.metrics import record_tool_parser_invocation
from vllm.parser.mistral import MistralToolCall
from vllm.tokenizers.mistral import MistralTokenizer

from deployments.front_end.answers.answer import Answer, Call, Piece
from deployments.front_end.answers.marks import SHOWN, THINK, THINK_END, shown

_vllm_get_parser = ParserManager.get_parser


def install() -> None:
    """Make vLLM in this process read Mistral's answers by `AnswerParser`."""
    ParserManager.get_parser = classmethod(_get_parser)
    context.ResponseRawMessageAndToken = _raw_message
    AnthropicServingMessages._make_parser = _for_messages


def _raw_message(*, message: Any, **others: Any) -> ResponseRawMessageAndToken:
    """Make what `enable_response_messages` shows of a response."""
    message = shown(message) if isinstance(message, str) else message
    return ResponseRawMessageAndToken(message=message, **others)


def _for_messages(serving: AnthropicServingMessages, *args: Any) -> "AnswerParser":
    parser: AnswerParser = OpenAIServingChat._make_parser(serving, *args)
    parser.calls_by_part = False
    return parser


def _get_parser(_: type[ParserManager], /, **options: Any) -> type["AnswerParser"]:
    composed = _vllm_get_parser(**options)

    class _Parser(AnswerParser):
        reasoning_parser_cls = composed.reasoning_parser_cls
        tool_parser_cls = composed.tool_parser_cls
        tool_strict_level = composed.tool_strict_level

    return _Parser


class AnswerParser(DelegatingParser):
    """Reads one answer, whole or part by part. vLLM's parsers still prepare the request.

    A call that was cut off is no part of a whole answer. Where `calls_by_part`, it is one of a
    stream: of chat alone, since clients of the other APIs run each call that they get.
    """

    calls_by_part = True

    def __init__(self, tokenizer: MistralTokenizer, *args: Any, **kwargs: Any) -> None:
        super().__init__(tokenizer, *args, **kwargs)
        vocabulary = tokenizer.get_vocab()
        self._think, self._think_end = (vocabulary[SHOWN[mark]] for mark in (THINK, THINK_END))
        self._ordinary = tokenizer.tokenizer.num_special_tokens  # the first that isn't control
        self._thinks = False  # the prompt has begun thoughts, and not ended them
        self._answer: Answer | None = None
        self._ids: dict[int, str] = {}

    def set_prompt_token_ids(self, prompt_token_ids: Sequence[int]) -> None:
        # The last control token tells; looking further would read each long prompt to its begin.
        control = (token for token in reversed(prompt_token_ids) if token < self._ordinary)
        self._thinks = next(control, None) == self._think

    def parse(
        self,
        model_output: str,
        request: Any,
        enable_auto_tools: bool = False,
        model_output_token_ids: Sequence[int] = (),
    ) -> tuple[str | None, str | None, list[FunctionCall] | None]:
        answer = Answer(thinks=self._thinks)
        piece, rest = answer.read(model_output), answer.finish()
        calls = [self._function(call) for call in answer.calls if call.ended]
        if request.tool_choice == "none":
            calls = []
        self._record(bool(calls), request, streams=False)
        return piece.thoughts or None, (piece.text + rest.text) or None, calls

    def parse_delta(
        self,
        delta_text: str,
        delta_token_ids: list[int],
        request: Any,
        prompt_token_ids: list[int] | None = None,
        *,
        finished: bool,
    ) -> DeltaMessage | None:
        if self._answer is None:
            self.set_prompt_token_ids(prompt_token_ids or ())
            self._answer = Answer(thinks=self._thinks)
        piece = self._answer.read(delta_text)
        if finished:
            piece.text += self._answer.finish().text
        if request.tool_choice == "none":
            piece.calls = {}
        elif not self.calls_by_part or isinstance(request, ResponsesRequest):
            piece.calls = self._ended()
        return self._delta(piece, request)

    def count_reasoning_tokens(self, token_ids: Sequence[int]) -> int:
        count, thinks = 0, self._thinks
        for token in token_ids:
            if token in (self._think, self._think_end):
                thinks = token == self._think
            else:
                count += thinks
        return count

    def _delta(self, piece: Piece, request: Any) -> DeltaMessage | None:
        calls = piece.calls
        self._record(bool(calls), request, streams=True)
        thoughts = piece.thoughts if request.include_reasoning else ""
        if not (thoughts or piece.text or calls):
            return None
        given: dict[str, Any] = {}
        if thoughts:
            given["reasoning"] = thoughts
        if piece.text:
            given["content"] = piece.text
        if calls:
            given["tool_calls"] = [self._call_delta(*numbered) for numbered in calls.items()]
        return DeltaMessage(**given)

    def _ended(self) -> dict[int, Call]:
        """Return the calls that have ended since it was asked last."""
        calls = self._answer.calls if self._answer else []
        return {
            number: call
            for number, call in enumerate(calls)
            if call.ended and number not in self._ids
        }

    def _call_delta(self, number: int, call: Call) -> DeltaToolCall:
        if number in self._ids:
            return DeltaToolCall(index=number, function=DeltaFunctionCall(arguments=call.arguments))
        self._ids[number] = MistralToolCall.generate_random_id()
        return DeltaToolCall(
            index=number,
            id=self._ids[number],
            type="function",
            function=DeltaFunctionCall(name=call.name.strip(), arguments=call.arguments),
        )

    def _function(self, call: Call) -> FunctionCall:
        return FunctionCall(
            id=MistralToolCall.generate_random_id(),
            name=call.name.strip(),
            arguments=call.arguments,
        )

    def _record(self, called: bool, request: Any, *, streams: bool) -> None:
        record_tool_parser_invocation(is_tool_called=called, is_streaming=streams, request=request)
