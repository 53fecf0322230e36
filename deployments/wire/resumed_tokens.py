"""How a continuation carries the tokens that earlier ranks have produced for it."""

from typing import Any

RESUME = "small4_resume"  # key in SamplingParams.extra_args


def resumed_tokens(sampling_params: Any) -> list[int]:
    """Return the tokens produced before this engine; empty for a request that starts here."""
    extra = getattr(sampling_params, "extra_args", None) or {}
    tokens: list[int] = extra.get(RESUME, [])
    return tokens
