"""The requests that clients send: a finite set, each with one right answer."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 30},
        "tags": {
            "type": "array",
            "items": {"type": "string", "maxLength": 12},
            "minItems": 2,
            "maxItems": 4,
        },
    },
    "required": ["name", "tags"],
    "additionalProperties": False,
}
_COLOURS = ("red", "green", "blue", "orange")
_SUBJECTS = ("rivers", "stars", "bridges", "clocks", "ships", "maps", "trains", "seeds")


@dataclass(frozen=True, slots=True)
class Question:
    """A request's body for one endpoint; `sort` is what it is mixed in for."""

    sort: str
    path: str  # below `/v1`
    body: Body


def questions() -> list[Question]:
    """Return all requests, of ten sorts; sampled ones have a seed."""
    return [
        *_of("short chat", 8, lambda i: _chat(i, 24)),
        *_of("long chat", 8, lambda i: _chat(i, 400 + 50 * i)),
        *_of("long prompt", 3, lambda i: _chat(i, 40, "many things " * (150 + 50 * i))),
        *_of("sampled", 4, lambda i: _chat(i, 300, temperature=0.8, seed=i, top_p=0.9)),
        *_of("n=2", 3, lambda i: _chat(i, 200, temperature=0.7, seed=40 + i, n=2)),
        *_of("reasoning", 3, lambda i: _chat(i, 250, reasoning_effort="high")),
        *_of("JSON", 4, lambda i: _chat(i, 120, response_format=_json_schema())),
        *_of("tools", 4, _tools),
        *_of("image", 4, _image),
        *_of("batch", 4, lambda i: _chat(10 + i, 400, service_tier="flex")),
        *_of("completion", 3, _completion),
    ]


def _of(sort: str, count: int, make: Any) -> Iterator[Question]:
    for number in range(count):
        body = {"temperature": 0, **make(number)}
        yield Question(sort, "/completions" if "prompt" in body else "/chat/completions", body)


def _chat(number: int, max_tokens: int, more: str = "", **options: Any) -> Body:
    subject = _SUBJECTS[number % len(_SUBJECTS)]
    text = f"Question {number}: go on about {subject}. {more}".strip()
    return {"messages": [_user(text)], "max_tokens": max_tokens, **options}


def _user(content: Any) -> Body:
    return {"role": "user", "content": content}


def _json_schema() -> Body:
    return {"type": "json_schema", "json_schema": {"name": "tagged", "schema": _SCHEMA}}


def _tools(number: int) -> Body:
    tool = {
        "type": "function",
        "function": {"name": "file_away", "strict": True, "parameters": _SCHEMA},
    }
    choice = ("required", "auto")[number % 2]
    return _chat(20 + number, 100, tools=[tool], tool_choice=choice)


def _image(number: int) -> Body:
    content = [
        {"type": "image_url", "image_url": {"url": _picture(_COLOURS[number])}},
        {"type": "text", "text": "Say at length what is drawn here."},
    ]
    return {"messages": [_user(content)], "max_tokens": 80}


def _picture(colour: str) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (56, 56), colour).save(file, format="PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _completion(number: int) -> Body:
    return {
        "prompt": f"A list of {_SUBJECTS[number]}:",
        "max_tokens": 100,
        "logprobs": 2,
        "presence_penalty": 0.5 * number,
        "frequency_penalty": 0.4,
    }
