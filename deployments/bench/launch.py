"""How each server is started, all three from one Serve config."""

import sys
from dataclasses import dataclass
from pathlib import Path

from configs.errors import ConfigError
from configs.serve_file import ServeFile
from deployments.bench.vllm_command import vllm_command, vllm_environment
from deployments.vllm_config import MISTRAL_FORMAT, MISTRAL_PARSERS, as_flags


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server is started, and where it answers then."""

    command: list[str]
    environment: dict[str, str]  # beside what the bench itself was started with
    url: str
    model: str


def small4_launch(path: Path, file: ServeFile) -> Launch:
    """Return the launch of `small4 serve`, in the foreground.

    Ray hands the config's environment to the engine.
    """
    command = [str(Path(sys.executable).with_name("small4")), "serve", str(path)]
    # Ray runs workers at nice 15 otherwise, and the client and the other servers run at 0.
    return Launch(
        command,
        {"RAY_worker_niceness": "0"},
        file.url,
        file.deployment.model.name,
    )


def vllm_launch(file: ServeFile, port: int, metadata: Path, *, parsers: bool) -> Launch:
    """Return the launch of `vllm serve`, with engine arguments and environment of small4's rank."""
    model = file.deployment.model
    arguments = {
        "served_model_name": model.name,
        "host": "127.0.0.1",
        "port": port,
        **MISTRAL_FORMAT,
        **(MISTRAL_PARSERS if parsers else {}),
        **file.deployment.engine,
        **file.deployment.frontend,
    }
    command = vllm_command("serve", str(file.deployment.checkpoint), *as_flags(arguments))
    environment = {
        **engine_environment(file),
        **vllm_environment(metadata),
        "VLLM_PLUGINS": "",  # vLLM as it comes, though small4's plugins are installed beside it
    }
    return Launch(command, environment, f"http://127.0.0.1:{port}", model.name)


def engine_environment(file: ServeFile) -> dict[str, str]:
    """Return `env_vars` of the application's runtime environment."""
    for application in file.raw["applications"]:
        if application.get("name", "default") == file.application:
            variables = (application.get("runtime_env") or {}).get("env_vars") or {}
            return {name: str(value) for name, value in variables.items()}
    return {}


def require_one_rank(path: Path, file: ServeFile) -> None:
    """Raise ConfigError unless the config has one rank, as `vllm serve` starts one."""
    gangs, routers = file.deployment.gangs, file.deployment.routers
    if (gangs.count, gangs.ranks, routers.count) != (1, 1, 1):
        raise ConfigError(
            f"{path}: gangs.count {gangs.count}, gangs.ranks {gangs.ranks}, routers.count "
            f"{routers.count}: the bench compares one rank with one rank; set all three to 1."
        )
