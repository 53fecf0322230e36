"""Data as YAML that people read: block style, with comments before values that need one."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_WIDTH = 96


@dataclass(frozen=True, slots=True)
class Why:
    """A value of a mapping or a list, and the comment that goes before it."""

    text: str
    value: Any


def dump(document: dict[str, Any], heading: str) -> str:
    """Return one YAML document; empty lines separate the heading's paragraphs."""
    lines = [line for part in heading.split("\n\n") for line in [*_comment(part, 0), "#"]][:-1]
    return "\n".join([*lines, "", *_mapping(document, 0), ""])


def _mapping(mapping: dict[str, Any], depth: int) -> Iterator[str]:
    for key, commented in mapping.items():
        comment, value = _parted(commented, depth)
        yield from comment
        yield from _entry(f"{' ' * depth}{_scalar(key)}:", value, depth + 2)


def _sequence(items: list[Any], depth: int) -> Iterator[str]:
    for commented in items:
        comment, item = _parted(commented, depth)
        yield from comment
        dash = f"{' ' * depth}-"
        if isinstance(item, dict) and item:
            first, *rest = _mapping(item, depth + 2)
            if first[depth + 2 :].startswith("#"):
                raise ValueError("a comment belongs before the item, not its first key")
            yield f"{dash} {first[depth + 2 :]}"
            yield from rest
        else:
            yield from _entry(dash, item, depth + 2)


def _entry(start: str, value: Any, depth: int) -> Iterator[str]:
    """Yield a key or a dash, and its value behind or below it."""
    if isinstance(value, dict) and value:
        yield start
        yield from _mapping(value, depth)
    elif isinstance(value, list) and value:
        yield start
        yield from _sequence(value, depth)
    elif isinstance(value, str) and "\n" in value:
        yield f"{start} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"{' ' * depth}{line}".rstrip() for line in value.splitlines())
    else:
        yield f"{start} {_scalar(value)}"


def _scalar(value: Any) -> str:
    text: str = yaml.safe_dump(value, width=10_000, allow_unicode=True, default_flow_style=True)
    return text.removesuffix("\n").removesuffix("\n...")


def _parted(value: Any, depth: int) -> tuple[list[str], Any]:
    if isinstance(value, Why):
        return _comment(value.text, depth), value.value
    return [], value


def _comment(text: str, depth: int) -> list[str]:
    prefix = " " * depth + "# "
    return textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=prefix,
        subsequent_indent=prefix,
        break_on_hyphens=False,
        break_long_words=False,
    )
