"""Access to a deployment: keys, or none."""

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from configs.schema import PROJECT_ROOT, Strict


class Access(Strict):
    """Who may send requests: holders of keys, or, without keys, everybody who reaches the port."""

    keys_file: Path | None = Field(
        default=None,
        description="YAML, on every node with a router; read again when it changes. `small4 keys "
        "new NAME` prints an entry.",
    )
    keys_env: str | None = Field(
        default=None, description="Environment variable of the routers with the same YAML."
    )
    open: bool = Field(
        default=False, description="Serve beyond this machine without keys: anybody may ask."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum((self.keys_file is not None, self.keys_env is not None, self.open)) > 1:
            raise ValueError("give one of keys_file, keys_env and open")
        return self

    @field_validator("keys_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path and PROJECT_ROOT / path.expanduser()

    @property
    def keyed(self) -> bool:
        return self.keys_file is not None or self.keys_env is not None
