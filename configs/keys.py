"""Who may use a deployment, and how much: the keys file."""

import hashlib
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError, model_validator

from configs.errors import ConfigError
from configs.schema import Strict
from configs.tier import NamedTier, Tier

Limit = Annotated[int, Field(ge=1)]


class Key(Strict):
    """One client's key and what it may do; a limit that isn't given doesn't apply."""

    name: str = Field(min_length=1, description="For logs and limits; the key itself isn't kept.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the key, as hexadecimal digits.")
    tier: NamedTier = Field(
        default=Tier.STANDARD,
        alias="class",
        description="Priority class of its requests, unless one asks for a lower.",
    )
    weight: Annotated[float, Field(gt=0)] = Field(
        default=1, description="Its share of tokens, relative to other keys of the class."
    )
    requests_per_minute: Limit | None = None
    tokens_per_minute: Limit | None = Field(
        default=None, description="Of prompts and answers, cached or not."
    )
    streams: Limit | None = Field(default=None, description="Requests that are open at once.")
    models: tuple[str, ...] | None = Field(default=None, description="By name; all if not given.")


class KeysFile(Strict):
    """All keys of a deployment: the YAML of the keys file, or of the environment variable."""

    keys: tuple[Key, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _tell_apart(self) -> "KeysFile":
        for field in ("name", "sha256"):
            values = [getattr(key, field) for key in self.keys]
            if twice := {value for value in values if values.count(value) > 1}:
                raise ValueError(f"{field} {', '.join(sorted(twice))} is given twice")
        return self

    @classmethod
    def parse(cls, text: str, origin: str) -> "KeysFile":
        """Parse YAML; `origin` names it in errors.

        Raises ConfigError, which never shows a value: it may be a key pasted by mistake.
        """
        try:
            return cls.model_validate(yaml.safe_load(text))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            at = f", line {mark.line + 1}" if mark else ""
            raise ConfigError(f"{origin} isn't YAML{at}.") from None
        except ValidationError as error:
            wrong = "\n".join(
                f"  {'.'.join(map(str, detail['loc'])) or 'file'}: {detail['msg']}"
                for detail in error.errors()
            )
            raise ConfigError(f"{origin} can't be used:\n{wrong}") from None

    @classmethod
    def load(cls, path: Path) -> "KeysFile":
        """Load the keys file.

        Raises ConfigError if it can't be read or isn't valid.
        """
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"access.keys_file: {path} can't be read ({error}): `small4 keys new NAME` prints "
                "what to put there."
            ) from error
        return cls.parse(text, str(path))


def hashed(key: str) -> str:
    """Return the hash by which a key is kept.

    Keys are random, 256 bits long: no salt makes them safer.
    """
    return hashlib.sha256(key.encode()).hexdigest()
