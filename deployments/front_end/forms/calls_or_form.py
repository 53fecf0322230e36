"""Holds an answer with tools to the form that the request asks for: it calls a tool, or has it.

vLLM's grammar for such a chat allows any text besides; for a response it holds to the form alone,
so that no tool can be called, and to no call where one is required. Read from vLLM 0.32,
mistral_common 1.12.
"""

from collections.abc import Callable
from typing import Any

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
from vllm.sampling_params import StructuredOutputsParams

Adjust = Callable[[Any, Any], Any]

_TEXT_OR_CALLS = "body: think? (content | fcalls)"
_TEXT_BEFORE_CALLS = "fcalls: content? "
_vllm_extract = ResponsesRequest.extract_structured_outputs


def install() -> None:
    """Make vLLM in this process take a response's grammar from `with_calls`."""
    ResponsesRequest.extract_structured_outputs = _extract


class _Grammar(StructuredOutputsParams):
    """A response's grammar, which stands for its `text.format` as well."""


def _extract(request: ResponsesRequest) -> StructuredOutputsParams | None:
    if isinstance(request.structured_outputs, _Grammar):
        return StructuredOutputsParams(grammar=request.structured_outputs.grammar)
    return _vllm_extract(request)


def with_calls(adjust: Adjust, parser: Any, request: Any) -> Any:
    """Give a request its grammar by `adjust`, vLLM's own, and mend it."""
    if isinstance(request, ResponsesRequest):
        return _response(adjust, parser, request)
    if request._grammar_from_parser:
        return request  # vLLM adjusts a request for each of two parsers
    if not request.tools:
        request.tool_choice = "none"  # vLLM leaves it open for Anthropic's messages
    chosen, formed = request.tool_choice, _is_formed(request)
    adjusted = adjust(parser, request)
    if request.tools and chosen != "none" and formed:
        _mend(adjusted, may_have_form=chosen in (None, "auto"))
    return adjusted


def _is_formed(request: Any) -> bool:
    form = request.response_format
    return request.structured_outputs is not None or (form is not None and form.type != "text")


def _mend(request: Any, *, may_have_form: bool) -> None:
    grammar = request.structured_outputs and request.structured_outputs.grammar
    if not grammar or not request._grammar_from_parser or "json_grammar" not in grammar:
        return  # any JSON would do
    grammar = grammar.replace(_TEXT_OR_CALLS, "body: think? fcalls")
    grammar = grammar.replace(_TEXT_BEFORE_CALLS, "fcalls: ")
    if not may_have_form:
        grammar = grammar.replace("start: body | json_grammar", "start: body")
    request.structured_outputs = StructuredOutputsParams(grammar=grammar)


def _response(adjust: Adjust, parser: Any, request: ResponsesRequest) -> Any:
    """Give a response the grammar of a chat with the same tools and form, where it needs one."""
    if isinstance(request.structured_outputs, _Grammar):
        return request
    form = request.text and request.text.format
    chosen = request.tool_choice
    functions = [tool for tool in request.tools or () if tool.type == "function"]
    free = chosen == "auto" and (form is None or form.type == "text")
    known = isinstance(chosen, str) or chosen.type == "function"
    if not functions or not known or chosen == "none" or free:
        return adjust(parser, request)
    chat = with_calls(adjust, parser, _as_chat(request, form))
    request.structured_outputs = _Grammar(grammar=chat.structured_outputs.grammar)
    return request


def _as_chat(request: ResponsesRequest, form: Any) -> ChatCompletionRequest:
    given: dict[str, Any] = {
        "messages": [],
        "tools": [
            {"type": "function", "function": tool.model_dump(include=_FUNCTION)}
            for tool in request.tools
            if tool.type == "function"
        ],
        "tool_choice": request.tool_choice,
        "parallel_tool_calls": request.parallel_tool_calls,
    }
    if not isinstance(request.tool_choice, str):
        named = {"name": getattr(request.tool_choice, "name", "")}
        given["tool_choice"] = {"type": "function", "function": named}
    if form is not None and form.type == "json_schema":
        schema = {"name": form.name, "schema": form.schema_}
        given["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form is not None and form.type == "json_object":
        given["response_format"] = {"type": "json_object"}
    return ChatCompletionRequest.model_validate(given)


_FUNCTION = {"name", "description", "parameters", "strict"}
