"""Computes the parser's tables once a tokenizer instead of once a request.

For Mistral, vLLM 0.32 builds two parsers for each chat request, and with each a compiled pattern
for every one of about a thousand special tokens, on the event loop (vllm issue 58145). The tables
depend on the parser's configuration and the tokenizer alone. Tool and reasoning parsers share them.
"""

import copy
from collections import OrderedDict
from typing import Any

from vllm.parser.engine import parser_engine
from vllm.parser.engine.incremental_lexer import IncrementalLexer
from vllm.parser.engine.streaming_parser_engine import StreamingParserEngine
from vllm.parser.engine.token_id_scanner import TokenIDScanner

_KEPT = 16  # a server has one tokenizer and a handful of parser configurations
_firsts: OrderedDict[tuple[int, int], StreamingParserEngine] = OrderedDict()


def install() -> None:
    """Makes vLLM's parsers share tables from now on, in this process."""
    parser_engine.StreamingParserEngine = like_the_first


def like_the_first(config: Any, tokenizer: Any, **options: Any) -> StreamingParserEngine:
    """A StreamingParserEngine in its first state, with the tables of the first of its kind."""
    # An engine keeps config and tokenizer alive, so their ids aren't given to others.
    key = id(config), id(tokenizer)
    if key not in _firsts:
        _firsts[key] = StreamingParserEngine(config, tokenizer, **options)
        if len(_firsts) > _KEPT:
            _firsts.popitem(last=False)
    _firsts.move_to_end(key)
    first = _firsts[key]
    engine = copy.copy(first)
    engine._scanner = TokenIDScanner(first._scanner.token_id_to_terminal, tokenizer)
    engine._scanner._token_text_cache = first._scanner._token_text_cache
    engine._lexer = IncrementalLexer(first._lexer._shape, first._lexer.content_terminal)
    engine.reset()
    return engine
