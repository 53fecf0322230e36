"""How a request carries the tokens that it has already produced, at ranks before this one."""

from typing import Any

RESUME = "small4_resume"  # key in SamplingParams.extra_args


def resumed_tokens(sampling_params: Any) -> list[int]:
    """Tokens produced before this engine; empty for a request that starts here."""
    extra = getattr(sampling_params, "extra_args", None) or {}
    tokens: list[int] = extra.get(RESUME, [])
    return tokens
