"""The path of a request within the application, whatever `route_prefix` Serve mounts it under."""

from starlette.types import Scope


def route_path(scope: Scope) -> str:
    """As Starlette routes by, and has no public name for."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
