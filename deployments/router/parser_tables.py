"""Computes the parser's tables once a tokenizer instead of once a request.

For Mistral, vLLM 0.32 builds a parser for each chat request, and with it a compiled pattern for
each of about a thousand special tokens, on the event loop (vllm issue 58145). The tables depend
on the parser's configuration and the tokenizer alone. Tool and reasoning parsers share them.
"""

from collections import OrderedDict
from typing import Any

from vllm.parser.engine import streaming_parser_engine

_KEPT = 16  # a server has one tokenizer and a handful of parser configurations
_build = streaming_parser_engine._build_drop_info
_tables: OrderedDict[tuple[int, int], tuple[Any, Any, Any]] = OrderedDict()


def install() -> None:
    """Makes vLLM's parsers share tables from now on, in this process."""
    streaming_parser_engine._build_drop_info = shared_tables


def shared_tables(config: Any, tokenizer: Any) -> Any:
    """What `_build_drop_info` gives; the parsers never change it."""
    key = id(config), id(tokenizer)
    if key in _tables:
        _tables.move_to_end(key)
        return _tables[key][0]
    tables = _build(config, tokenizer)
    # Keeping both objects alive keeps their ids from being given to others.
    _tables[key] = tables, config, tokenizer
    if len(_tables) > _KEPT:
        _tables.popitem(last=False)
    return tables
