from types import SimpleNamespace

import pytest

from deployments.front_end.requests.service_tier import priority_of


@pytest.mark.parametrize(
    ("priority", "tier", "expected"),
    [
        (0, "flex", 1),
        (0, "priority", -1),
        (0, "auto", 0),
        (0, "default", 0),
        (0, None, 0),
        (-5, "flex", -1),
        (10**20, "priority", 1),
    ],
)
def test_the_tier_counts_where_no_priority_is_given(
    priority: int, tier: str | None, expected: int
) -> None:
    request = SimpleNamespace(priority=priority, service_tier=tier)
    assert priority_of(request, None) == expected


def test_completions_have_no_tier() -> None:
    assert priority_of(SimpleNamespace(priority=3), None) == 1
