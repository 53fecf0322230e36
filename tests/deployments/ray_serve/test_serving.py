"""Which application serves, where a roll has made another."""

import pytest

from deployments.ray_serve.rest_api import ApplicationStatus, serving

OLD, NEW = "small4", "small4-1a2b3c4d"


def applications(**route_prefixes: str | None) -> dict[str, ApplicationStatus]:
    return {
        name.replace("_", "-"): ApplicationStatus(
            name=name.replace("_", "-"),
            route_prefix=route_prefix,
            status="RUNNING",
            message="",
            deployments=[],
            config={},
        )
        for name, route_prefix in route_prefixes.items()
    }


@pytest.mark.parametrize(
    ("running", "serves"),
    [
        (applications(small4="/"), OLD),
        (applications(small4="/", small4_1a2b3c4d=f"/{NEW}"), OLD),
        (applications(small4=None, small4_1a2b3c4d="/"), NEW),
        (applications(small4_1a2b3c4d="/"), NEW),
        (applications(small4="/small4"), OLD),
        (applications(small4=None, small4_1a2b3c4d="/small4"), NEW),
        (applications(other="/", small4_other="/more"), None),
        ({}, None),
    ],
)
def test_it_is_the_one_that_clients_reach(
    running: dict[str, ApplicationStatus], serves: str | None
) -> None:
    status = serving(running, OLD)
    assert (status and status.name) == serves
