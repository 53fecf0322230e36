"""A small tekken v15 tokenizer, cut from the vocabulary that mistral_common ships.

It keeps the tokens that nano's skills need; the special tokens keep the ids they have in Mistral
Small 4.
"""

import base64
import json
from functools import cache
from importlib.resources import files
from typing import Any

from mistral_common.tokens.tokenizers.base import SpecialTokens

from model_shards.architecture import Architecture
from model_shards.skills.texts import texts
from model_shards.vocabulary import most_used

SPECIAL_TOKENS = 1000
_SOURCE = "tekken_240911.json"

# Ids 0–19 and 32–37 of Mistral Small 4's tokenizer; the gaps are unused `<SPECIAL_n>` tokens.
_NAMED = dict(
    enumerate(
        (
            SpecialTokens.unk,
            SpecialTokens.bos,
            SpecialTokens.eos,
            SpecialTokens.begin_inst,
            SpecialTokens.end_inst,
            SpecialTokens.begin_tools,
            SpecialTokens.end_tools,
            SpecialTokens.begin_tool_results,
            SpecialTokens.end_tool_results,
            SpecialTokens.tool_calls,
            SpecialTokens.img,
            SpecialTokens.pad,
            SpecialTokens.img_break,
            SpecialTokens.img_end,
            SpecialTokens.prefix,
            SpecialTokens.middle,
            SpecialTokens.suffix,
            SpecialTokens.begin_system,
            SpecialTokens.end_system,
            SpecialTokens.begin_tool_content,
        )
    )
) | dict(
    enumerate(
        (
            SpecialTokens.args,
            SpecialTokens.call_id,
            SpecialTokens.begin_think,
            SpecialTokens.end_think,
            SpecialTokens.begin_model_settings,
            SpecialTokens.end_model_settings,
        ),
        start=32,
    )
)


def small_tekken(architecture: Architecture) -> str:
    """Return a `tekken.json` as text, with `architecture.vocab_size` tokens, specials included."""
    ranks = architecture.vocab_size - SPECIAL_TOKENS
    pattern, vocabulary = _cut(ranks)
    vision = architecture.vision_encoder
    tokenizer: dict[str, Any] = {
        "config": {
            "pattern": pattern,
            "num_vocab_tokens": ranks,
            "default_vocab_size": architecture.vocab_size,
            "default_num_special_tokens": SPECIAL_TOKENS,
            "version": "v15",
        },
        "vocab": vocabulary,
        "special_tokens": [
            {
                "rank": rank,
                "token_str": _NAMED[rank].value if rank in _NAMED else f"<SPECIAL_{rank}>",
                "is_control": True,
            }
            for rank in range(SPECIAL_TOKENS)
        ],
        "image": {
            "image_patch_size": vision.patch_size,
            "max_image_size": vision.max_image_size,
            "spatial_merge_size": vision.spatial_merge_size,
        },
        "model_settings_builder": {
            "reasoning_effort": {
                "type": "enum",
                "values": ["none", "high"],
                "accepts_none": True,
                "default": "none",
            }
        },
    }
    return json.dumps(tokenizer, ensure_ascii=True, indent=1)


@cache
def _cut(size: int) -> tuple[str, list[dict[str, Any]]]:
    """Return how the source splits text into words, and `size` of its tokens, ranked anew."""
    source = json.loads((files("mistral_common") / "data" / _SOURCE).read_text("utf-8"))
    config = source["config"]
    entries = {
        base64.b64decode(entry["token_bytes"]): entry
        for entry in source["vocab"][: config["default_vocab_size"] - SPECIAL_TOKENS]
    }
    ranks = {token: entry["rank"] for token, entry in entries.items()}
    kept = most_used(ranks, config["pattern"], texts(), size)
    return config["pattern"], [entries[token] | {"rank": at} for at, token in enumerate(kept)]
