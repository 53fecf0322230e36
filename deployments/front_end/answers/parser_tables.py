"""Computes the parser's tables once for each tokenizer instead of once for each request.

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
_originals: OrderedDict[tuple[int, int], StreamingParserEngine] = OrderedDict()


def install() -> None:
    """Make vLLM's parsers in this process share their tables."""
    parser_engine.StreamingParserEngine = engine_sharing_tables


def engine_sharing_tables(config: Any, tokenizer: Any, **options: Any) -> StreamingParserEngine:
    """Make an engine that shares its tables with others of the same config and tokenizer.

    It is in its initial state.
    """
    # An engine keeps config and tokenizer alive, so their ids aren't given to others.
    key = id(config), id(tokenizer)
    if key not in _originals:
        _originals[key] = StreamingParserEngine(config, tokenizer, **options)
        if len(_originals) > _KEPT:
            _originals.popitem(last=False)
    _originals.move_to_end(key)
    original = _originals[key]
    engine = copy.copy(original)
    engine._scanner = TokenIDScanner(original._scanner.token_id_to_terminal, tokenizer)
    engine._scanner._token_text_cache = original._scanner._token_text_cache
    engine._lexer = IncrementalLexer(original._lexer._shape, original._lexer.content_terminal)
    engine.reset()
    return engine
