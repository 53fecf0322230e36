"""Leanings that random weights lack: to call tools, and to come to an end.

Grammars allow any number of blanks between JSON's tokens, and words before a call. `logit_bias`
makes the model averse to those; that what comes is valid is the grammar's doing.
"""

import base64
import json

from configs.serve_file import DEFAULT_CONFIG, ServeFile
from model_shards.tekken import SPECIAL_TOKENS

_TOOL_CALLS = 9  # the id of [TOOL_CALLS]


def no_blanks() -> dict[str, int]:
    """Make a bias against every token that is nothing but blanks."""
    source = ServeFile.load(DEFAULT_CONFIG).deployment.checkpoint
    vocabulary = json.loads((source / "tekken.json").read_text("utf-8"))["vocab"]
    blank = [
        token["rank"] for token in vocabulary if not base64.b64decode(token["token_bytes"]).strip()
    ]
    return {str(SPECIAL_TOKENS + rank): -100 for rank in blank}


def to_calls() -> dict[str, int]:
    return {str(_TOOL_CALLS): 100, **no_blanks()}
