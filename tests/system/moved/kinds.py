"""Kinds of calls that a continuation could get wrong, for random weights to answer."""

from collections.abc import Callable
from typing import Any

from model_shards.tekken import SPECIAL_TOKENS
from tests.system.moved.asking import Call
from tests.system.moved.forms import FORMAT, NAMED, SHIP, TOOLS
from tests.system.moved.sample import Sample
from tests.system.served.expert_parallel.asking import about, picture
from tests.system.served.expert_parallel.leaning import no_blanks, to_calls

CONTEXT = 512  # tokens that the model has room for
_EOS = 2
_DRAWN: dict[str, Any] = {"temperature": 1.0, "seed": 5}
_SYMBOLS = sorted(SPECIAL_TOKENS + byte for byte in set("é€漢😀".encode()))
_CALLING: dict[str, Any] = {"tools": TOOLS, "max_tokens": 60, "logit_bias": to_calls()}


def constrained(extra: Any, **asked: Any) -> Call:
    return Call(asked=asked, extra={"structured_outputs": extra})


def with_format(form: Any, **asked: Any) -> Call:
    return Call(asked={"response_format": form, "logit_bias": no_blanks(), **asked})


def prompt(tokens: int) -> list[int]:
    return [1, *(1000 + (37 * place) % 900 for place in range(tokens - 1))]


# What shapes the answer to the usual question: an answer without it is another.
SHAPED: dict[str, Callable[[Sample], Call]] = {
    "min tokens": lambda said: Call(
        extra={"min_tokens": 25, "stop_token_ids": [said.tokens[place] for place in range(4, 16)]}
    ),
    "bad words": lambda said: Call(extra={"bad_words": [said.texts[said.lone(8)].strip()]}),
    "a bad word of several tokens": lambda said: Call(
        extra={"bad_words": [said.pair(5).strip()], "min_tokens": 20}
    ),
    "a stop string": lambda said: Call(asked={"stop": [said.pair(5)[2:-2]]}),
    "a stop string that is shown": lambda said: Call(
        asked={"stop": said.pair(5)[1:-1]}, extra={"include_stop_str_in_output": True}
    ),
    "a stop token": lambda said: Call(extra={"stop_token_ids": [said.tokens[said.lone(12)]]}),
    "a bias": lambda said: Call(asked={"logit_bias": {str(said.tokens[9]): -100}}),
    "penalties": lambda _: Call(
        asked={"presence_penalty": 1.5, "frequency_penalty": 1.0, "logit_bias": {"1963": 4}},
        extra={"repetition_penalty": 1.3},
    ),
    "an end of its own": lambda _: Call(asked={**_DRAWN, "logit_bias": {str(_EOS): 4}}),
    "an end ignored": lambda _: Call(
        asked={**_DRAWN, "logit_bias": {str(_EOS): 5}}, extra={"ignore_eos": True}
    ),
    "a seed": lambda _: Call(asked=_DRAWN),
    "a seed, top_p": lambda _: Call(asked={**_DRAWN, "top_p": 0.9}),
    "a seed, top_k": lambda _: Call(asked=_DRAWN, extra={"top_k": 20}),
    "a seed, min_p": lambda _: Call(asked=_DRAWN, extra={"min_p": 0.05}),
    "characters of several tokens": lambda _: Call(
        asked=_DRAWN, extra={"allowed_token_ids": _SYMBOLS}
    ),
    "repetition": lambda _: Call(
        asked={**_DRAWN},
        extra={
            "allowed_token_ids": [1100, 1101],
            "repetition_detection": {"max_pattern_size": 2, "min_count": 4},
        },
    ),
    "a regex": lambda _: constrained({"regex": "([a-c]|é|漢){8,20}"}),
    "a choice": lambda _: constrained({"choice": ["port", "starboard", "amidships"]}),
    "a grammar": lambda _: constrained({"grammar": 'start: ("ahoy" | "oh")+ "!"'}),
    "a JSON schema": lambda _: with_format(FORMAT, max_tokens=60),
    "a JSON schema and a seed": lambda _: with_format(FORMAT, max_tokens=60, **_DRAWN),
    "JSON": lambda _: with_format({"type": "json_object"}),
    "a structural tag": lambda _: with_format(
        {
            "type": "structural_tag",
            "structures": [{"begin": "#", "schema": SHIP, "end": "!"}],
            "triggers": ["#"],
        },
        max_tokens=60,
        logit_bias={**no_blanks(), str(SPECIAL_TOKENS + ord("#")): 9},
    ),
}

NOT_STREAMED = {"logprobs of the prompt"}  # vLLM refuses to
KINDS: dict[str, Callable[[Sample], Call]] = {
    **SHAPED,
    "greedy": lambda _: Call(),
    # Longer than a step: it is computed again in parts.
    "long": lambda _: Call(asked={"max_tokens": 150}),
    "long and a seed": lambda _: Call(asked={"max_tokens": 150, **_DRAWN}),
    "a long prompt and a seed": lambda _: Call(
        "completion", {"prompt": prompt(150), **_DRAWN}, {"cache_salt": "own"}
    ),
    "a cached prompt": lambda _: Call("completion", {"prompt": prompt(200)}),
    "to the end of the context": lambda _: Call(
        "completion", {"prompt": prompt(CONTEXT - 20), "max_tokens": 20}
    ),
    "logprobs": lambda _: Call(asked={"logprobs": True, "top_logprobs": 3, **_DRAWN}),
    "logprobs of given tokens": lambda _: Call(
        asked={"logprobs": True}, extra={"logprob_token_ids": [1100, 1101]}
    ),
    "logprobs of the prompt": lambda _: Call("completion", extra={"prompt_logprobs": 2}),
    "two answers": lambda _: Call(asked={"n": 2, "logprobs": True, **_DRAWN}),
    "a chat's echo": lambda _: Call(extra={"echo": True}),
    "an echo": lambda _: Call("completion", {"echo": True, "logprobs": 2, "temperature": 0}),
    "several prompts": lambda _: Call(
        "completion", {"prompt": [prompt(9), prompt(90)], "logprobs": 1, **_DRAWN}
    ),
    "a forced call": lambda _: Call(asked={**_CALLING, "tool_choice": "required"}),
    "a named call": lambda _: Call(asked={**_CALLING, "tool_choice": NAMED}),
    "a call of its own": lambda _: Call(
        asked={**_CALLING, "tool_choice": "auto", "parallel_tool_calls": False}
    ),
    "parallel calls": lambda _: Call(asked={**_CALLING, "max_tokens": 90}),
    "images": lambda _: Call(
        asked={"messages": about(picture("teal", (224, 224)), picture("red")), **_DRAWN}
    ),
    "parts of several tokens": lambda _: Call(extra={"stream_interval": 4}),
    "a response": lambda _: Call("response", {"temperature": 1.0}, {"seed": 5}),
    "a response with a schema": lambda _: Call(
        "response",
        {
            "max_output_tokens": 60,
            "text": {"format": {"type": "json_schema", "name": "ship", "schema": SHIP}},
        },
        {"logit_bias": no_blanks()},
    ),
    "a response that calls": lambda _: Call(
        "response",
        {
            "tools": [{"type": "function", **tool["function"]} for tool in TOOLS],
            "tool_choice": "required",
            "max_output_tokens": 60,
        },
        {"logit_bias": to_calls()},
    ),
    "a message": lambda said: Call("message", {"stop_sequences": [said.pair(5)[2:-2]]}),
    "a message that calls": lambda _: Call(
        "message",
        {
            "tools": [
                {
                    "name": tool["function"]["name"],
                    "input_schema": tool["function"]["parameters"],
                }
                for tool in TOOLS
            ],
            "tool_choice": {"type": "any"},
            "max_tokens": 60,
        },
        {"logit_bias": to_calls()},
    ),
}
