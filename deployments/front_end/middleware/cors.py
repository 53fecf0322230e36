"""Lets browsers read every answer, refusals as well, where the config allows their origin.

vLLM puts its CORS headers on what its own application answers. Read from vLLM 0.32.
"""

from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from deployments.front_end.middleware.effort_used import HEADER

# What browsers hide from a page's scripts unless it is named.
_READABLE = [
    "Retry-After",
    "X-Request-Id",
    HEADER,
    *(
        f"x-ratelimit-{part}-{of}"
        for part in ("limit", "remaining", "reset")
        for of in ("requests", "tokens")
    ),
]


def take_outside(app: FastAPI) -> None:
    """Put vLLM's CORS middleware around all the others that the application has by now."""
    known: list[Any] = list(app.user_middleware)
    for middleware in known:
        if middleware.cls is CORSMiddleware:
            app.user_middleware.remove(middleware)
            options: dict[str, Any] = {**middleware.kwargs, "expose_headers": _READABLE}
            app.add_middleware(CORSMiddleware, **options)
