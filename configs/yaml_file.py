"""Reads a YAML file into a schema; errors name the lines of the file."""

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from configs.errors import ConfigError

Schema = TypeVar("Schema", bound=BaseModel)

_PLACE = re.compile(r"([a-z_]+(?:\.\w+)*): ")


def load_yaml(path: Path, schema: type[Schema], what: str) -> Schema:
    """Load the file as a `schema`.

    Raises ConfigError if it can't be read or isn't `what`, which says what there should be.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read ({error}): give {what}.") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} isn't YAML: {error}") from error
    _refuse_repeated_keys(path, root)
    try:
        return schema.model_validate({} if raw is None else raw)
    except ValidationError as error:
        lines = [_explain(path, root, detail) for detail in error.errors()]
        raise ConfigError("\n".join([f"{path} isn't {what}:", *lines])) from error


def _explain(path: Path, root: yaml.Node | None, detail: Any) -> str:
    location, message = detail["loc"], detail["msg"]
    if detail["type"] == "value_error":  # ours: it may begin with the place, as `head.spot: …`
        message = message.removeprefix("Value error, ")
        if named := _PLACE.match(message):
            location += tuple(_part(part) for part in named[1].split("."))
            message = message.removeprefix(named[0])
    whole = detail["type"] == "missing" or isinstance(detail["input"], dict)
    got = "" if whole else f" (got {detail['input']!r:.60})"
    place = ".".join(str(part) for part in location) or "the file"
    return f"  {path}:{_line(root, location)}: {place}: {message}{got}"


def _part(name: str) -> int | str:
    return int(name) if name.isdecimal() else name


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Return the line of the deepest part of `location` that the file has.

    `location` may also name a union's member, which the file doesn't have.
    """
    line = node.start_mark.line if node else 0
    for part in location:
        if isinstance(node, yaml.MappingNode):
            entries = [(key, value) for key, value in node.value if key.value == str(part)]
            if entries:
                line, node = entries[0][0].start_mark.line, entries[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
    return line + 1


def _refuse_repeated_keys(path: Path, node: yaml.Node | None) -> None:
    """Raise ConfigError if a mapping has a key twice: YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if (before := seen.setdefault(str(key.value), line)) != line:
                raise ConfigError(f"{path}:{line}: {key.value} is already on line {before}")
            _refuse_repeated_keys(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated_keys(path, item)
