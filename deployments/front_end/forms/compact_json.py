"""Bounds the white space of every JSON that an answer is held to.

By default a grammar allows any amount of it between a JSON's signs, and a model that doesn't know
what to say writes blanks until its tokens are used up. With a bound in a grammar's pattern for
white space the pattern may still repeat. So JSON is in one line, with at most a blank after each
comma and colon. Read from llguidance 1.7.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from vllm.sampling_params import StructuredOutputsParams

_ONE_LINE = {"whitespace_flexible": False, "item_separator": ", ?", "key_separator": ": ?"}
_OBJECT = {"type": "object"}
_JSON_IN_LARK = re.compile(r"%json\s*(?={)")


def compact(asked: StructuredOutputsParams) -> None:
    """Bound the white space of what a request is held to, in place."""
    if asked.json_object:
        asked.json_object, asked.json = None, _OBJECT
    if asked.json is not None:
        asked.json = _compact_schema(asked.json)
    elif asked.grammar is not None:
        asked.grammar = compact_lark(asked.grammar)
    elif asked.structural_tag is not None:
        asked.structural_tag = _compact_tag(asked.structural_tag)


@lru_cache(maxsize=256)
def compact_lark(grammar: str) -> str:
    """Return a grammar whose JSON is in one line; what can't be read is left for its check."""
    parts, at = [], 0
    for found in _JSON_IN_LARK.finditer(grammar):
        if found.end() < at:
            continue  # within a schema's text
        try:
            schema, end = json.JSONDecoder().raw_decode(grammar, found.end())
        except ValueError:
            continue
        parts += [grammar[at : found.end()], json.dumps(_compact_schema(schema))]
        at = end
    return "".join((*parts, grammar[at:]))


def _compact_schema(schema: Any) -> Any:
    if isinstance(schema, str):
        try:
            return json.dumps(_compact_schema(json.loads(schema)))
        except ValueError:
            return schema
    if not isinstance(schema, dict):
        return schema
    own = schema.get("x-guidance")
    return {**schema, "x-guidance": {**(own if isinstance(own, dict) else {}), **_ONE_LINE}}


def _compact_tag(tag: str) -> str:
    try:
        return json.dumps(_with_schemas(json.loads(tag), _compact_schema))
    except ValueError:
        return tag


def _with_schemas(node: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(node, list):
        return [_with_schemas(item, change) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: change(value) if key in ("schema", "json_schema") else _with_schemas(value, change)
        for key, value in node.items()
    }
