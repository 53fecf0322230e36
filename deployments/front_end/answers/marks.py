"""Marks that stand for Mistral's control tokens in the text of an answer.

A model may write the text "[TOOL_CALLS]", and it may call a tool; in plain text both look alike. So
in the text that goes from detokenizer to parser, a control token is a character that no text can
hold: half of a surrogate pair, which UTF-8 doesn't have.
"""

import re

from mistral_common.tokens.tokenizers.base import SpecialTokens

# END follows an answer that wasn't cut off by its length.
THINK, THINK_END, CALL, ARGS, END = (chr(0xD800 + number) for number in range(5))

SHOWN = {
    THINK: SpecialTokens.begin_think.value,
    THINK_END: SpecialTokens.end_think.value,
    CALL: SpecialTokens.tool_calls.value,
    ARGS: SpecialTokens.args.value,
    END: "",
}

_WRITTEN = {ord(mark): written for mark, written in SHOWN.items()}
_MARKS = re.compile(f"([{THINK}-{END}])")


def shown(text: str) -> str:
    """Return a text with control tokens as they are written."""
    return text.translate(_WRITTEN)


def split(text: str) -> list[str]:
    """Split a text at its marks; each mark is a part of its own."""
    return [part for part in _MARKS.split(text) if part]
