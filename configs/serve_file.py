"""Reads a Ray Serve config file and finds small4's application in it."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from configs.deployment import Deployment
from configs.errors import ConfigError
from configs.exposure import reachable_at
from configs.schema import PROJECT_ROOT

DEFAULT_CONFIG = PROJECT_ROOT / "configs" / "serve" / "local-cpu.yaml"
BUILDER = "deployments.app:build"


class ServeFile(BaseModel):
    """A Serve config: Serve gets `raw`, and the other fields are what small4 reads from it."""

    model_config = ConfigDict(frozen=True)

    path: Path
    raw: dict[str, Any]
    application: str
    host: str
    port: int
    request_timeout_s: float | None
    deployment: Deployment

    @classmethod
    def load(cls, path: Path) -> "ServeFile":
        """Load a Serve config.

        Raises ConfigError if the file can't be read or isn't a config of small4's.
        """
        try:
            raw = yaml.safe_load(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path} can't be read ({error.strerror}): give the path of a Serve config file, "
                f"such as {DEFAULT_CONFIG.relative_to(PROJECT_ROOT)}."
            ) from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{path} isn't YAML: {error}") from error
        application = _find_application(path, raw)
        try:
            deployment = Deployment.model_validate(application.get("args") or {})
        except ValidationError as error:
            raise ConfigError(_explain(path, error)) from error
        http = raw.get("http_options") or {}
        return cls(
            path=path,
            raw=raw,
            application=application.get("name", "default"),
            host=http.get("host", "0.0.0.0"),  # noqa: S104 - what Ray takes if none is given
            port=http.get("port", 8000),
            request_timeout_s=http.get("request_timeout_s"),
            deployment=deployment,
        )

    @property
    def raw_application(self) -> dict[str, Any]:
        """What the file says of small4's application."""
        return _find_application(self.path, self.raw)

    @property
    def route_prefix(self) -> str:
        """The path before all paths of the API."""
        prefix: str = self.raw_application.get("route_prefix", "/")
        return prefix

    @property
    def url(self) -> str:
        """The URL of the API for clients on this machine."""
        return f"http://{reachable_at(self.host)}:{self.port}"


def _find_application(path: Path, raw: Any) -> dict[str, Any]:
    applications = raw.get("applications") if isinstance(raw, dict) else None
    for application in applications or []:
        if isinstance(application, dict) and application.get("import_path") == BUILDER:
            return application
    raise ConfigError(
        f"{path}: no application has `import_path: {BUILDER}`; add one, as "
        f"{DEFAULT_CONFIG.relative_to(PROJECT_ROOT)} does."
    )


def _explain(path: Path, error: ValidationError) -> str:
    lines = [
        f"  args.{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
        f" (got {detail['input']!r})"
        for detail in error.errors()
    ]
    return "\n".join([f"{path} can't be served:", *lines])
