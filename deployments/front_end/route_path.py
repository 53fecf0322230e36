"""Finds a request's path in the application, whatever `route_prefix` Serve mounts it under."""

from starlette.types import Scope


def route_path(scope: Scope) -> str:
    """Return the path that Starlette routes by; Starlette has no public name for it."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
