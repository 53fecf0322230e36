"""Priority classes of requests."""

from enum import IntEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError


class Tier(IntEnum):
    """A priority class: its requests go before those of every class with a higher number."""

    INTERACTIVE = 0
    STANDARD = 1
    BATCH = 2

    @property
    def label(self) -> str:
        """The class's name in files and messages."""
        return self.name.lower()


_BY_LABEL = {tier.label: tier for tier in Tier}


def _named(value: Any) -> Tier:
    if isinstance(value, Tier):
        return value
    if not isinstance(value, str) or value not in _BY_LABEL:
        raise PydanticCustomError("tier", "Input should be 'interactive', 'standard' or 'batch'")
    return _BY_LABEL[value]


# A class as YAML has it, by its label.
NamedTier = Annotated[
    Tier,
    BeforeValidator(_named),
    PlainSerializer(lambda tier: tier.label),
    WithJsonSchema({"enum": list(_BY_LABEL)}),
]
