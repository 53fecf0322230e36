"""Holds an answer to a grammar only if the request asks for a form, and checks each grammar once.

vLLM 0.32 gives every Mistral chat a grammar, so that no special token gets into a plain text. The
detokenizer drops those in any case. A grammar costs the engine time at every token, and the event
loop a millisecond a request to check it.
"""

from collections import OrderedDict
from typing import Any

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.parser.mistral import MistralParser
from vllm.sampling_params import SamplingParams
from vllm.v1.structured_output import backend_guidance
from vllm.v1.structured_output.request import get_structured_output_key

from deployments.front_end.forms import calls_or_form
from deployments.front_end.forms.calls_or_form import with_calls
from deployments.front_end.forms.compact_json import compact

_KEPT = 256
_adjust = MistralParser.adjust_request
_check = backend_guidance.validate_guidance_grammar
_valid: OrderedDict[Any, None] = OrderedDict()


def install() -> None:
    """Replace vLLM's adjusting and checking of grammars in this process."""
    calls_or_form.install()
    MistralParser.adjust_request = adjust_where_asked
    backend_guidance.validate_guidance_grammar = check_once


def adjust_where_asked(parser: MistralParser, request: Any) -> Any:
    """Give a request its grammar, unless it is a chat that any text may answer."""
    return request if is_plain(request) else with_calls(_adjust, parser, request)


def is_plain(request: Any) -> bool:
    """Tell whether a request is a chat without tools, response format or structured output."""
    return (
        isinstance(request, ChatCompletionRequest)
        and not request.tools
        and request.structured_outputs is None
        and (request.response_format is None or request.response_format.type == "text")
    )


def check_once(params: SamplingParams, tokenizer: Any = None) -> None:
    """Check the grammar of `params`, unless the same one has lately been found valid.

    Its JSON is written in one line.

    Raises VLLMValidationError for an invalid grammar, every time.
    """
    if params.structured_outputs is None:
        return
    compact(params.structured_outputs)
    key = (*get_structured_output_key(params.structured_outputs), tokenizer)
    if key not in _valid:
        _check(params, tokenizer)
        _valid[key] = None
        if len(_valid) > _KEPT:
            _valid.popitem(last=False)
    _valid.move_to_end(key)
