"""Priority classes: labels in YAML, and their order."""

from typing import Any

import pytest
import yaml
from pydantic import Field, ValidationError

from configs.schema import Strict
from configs.tier import NamedTier, Tier


class Shares(Strict):
    default: NamedTier
    shares: dict[NamedTier, float] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("label", "tier"),
    [("interactive", Tier.INTERACTIVE), ("standard", Tier.STANDARD), ("batch", Tier.BATCH)],
)
def test_yaml_has_a_class_by_its_label(label: str, tier: Tier) -> None:
    raw = yaml.safe_load(f"default: {label}\nshares: {{{label}: 2}}\n")
    shares = Shares.model_validate(raw)
    assert shares == Shares(default=tier, shares={tier: 2})
    assert shares.default is tier
    assert tier.label == label
    assert shares.model_dump() == shares.model_dump(mode="json") == raw


@pytest.mark.parametrize("value", ["urgent", "BATCH", "Batch", "", "1", 1, True, None, ["batch"]])
def test_any_other_name_is_refused_with_those_that_there_are(value: Any) -> None:
    with pytest.raises(ValidationError) as error:
        Shares.model_validate({"default": value})
    (detail,) = error.value.errors()
    assert detail["loc"] == ("default",)
    assert detail["msg"] == "Input should be 'interactive', 'standard' or 'batch'"


def test_the_message_names_every_class() -> None:
    with pytest.raises(ValidationError) as error:
        Shares.model_validate({"default": "urgent"})
    assert all(f"'{tier.label}'" in str(error.value) for tier in Tier)


def test_classes_are_ordered_from_first_served_to_last() -> None:
    assert Tier.INTERACTIVE < Tier.STANDARD < Tier.BATCH
    assert list(Tier) == sorted(Tier)
