"""Says what a wheel of small4 leaves out: nano, what it is taught, and how."""

from importlib.util import find_spec

from configs.errors import ConfigError


def require_checkout(command: str) -> None:
    """Raise ConfigError unless small4 runs from its repository, of which wheels carry a part."""
    if find_spec("model_shards.skills") is None:
        raise ConfigError(
            f"{command}: it needs nano's skills and training (model_shards/skills and training), "
            "which this installation of small4 lacks, because it is a wheel. Clone the repository, "
            "run `make setup` there, and use its .venv/bin/small4"
        )
