from dataclasses import replace

import pytest

from deployments.chaos.kind import Role
from deployments.chaos.look import Look, Rank
from tests.deployments.chaos.looks import RANKS, SHAPE, WHOLE, restarted, without


def test_a_deployment_that_lacks_nothing_is_whole() -> None:
    assert WHOLE.whole(SHAPE)


@pytest.mark.parametrize(
    "look",
    [
        replace(WHOLE, status="DEPLOYING"),
        replace(WHOLE, missing=1),
        replace(WHOLE, ranks=RANKS[:1]),
        replace(WHOLE, ranks=(RANKS[0], Rank("a", 1, 12, 5002))),
        replace(WHOLE, ranks=(RANKS[0], Rank("b", 0, 99, 5002))),  # its engine is dead
        replace(WHOLE, links=frozenset({(21, 5001)})),
        replace(WHOLE, answers=False),
        replace(WHOLE, ranks=None),
        replace(WHOLE, status=None),
        without(Role.ROUTER),
        without(Role.CONTROLLER),
        without(Role.HAPROXY),
    ],
    ids=lambda look: "; ".join(look.lacks(SHAPE)),
)
def test_whatever_is_missing_keeps_it_from_being_whole(look: Look) -> None:
    assert not look.whole(SHAPE)


def test_a_victim_that_still_lives_keeps_it_from_being_whole() -> None:
    assert not WHOLE.whole(SHAPE, frozenset({(11, 1.0)}))
    assert WHOLE.whole(SHAPE, frozenset({(11, 0.5)}))  # its id is used again


@pytest.mark.parametrize("role", [Role.CONTROLLER, Role.ROSTER, Role.ROUTER, Role.HAPROXY], ids=str)
def test_a_restarted_process_shows(role: Role) -> None:
    assert restarted(role).differs(WHOLE)


@pytest.mark.parametrize(
    "look",
    [
        replace(WHOLE, status="UNHEALTHY"),
        replace(WHOLE, missing=1),
        replace(WHOLE, ranks=RANKS[:1]),
    ],
)
def test_a_change_of_the_status_or_the_roster_shows(look: Look) -> None:
    assert look.differs(WHOLE)
    assert WHOLE.differs(look)


def test_silence_is_no_change() -> None:
    silent = replace(WHOLE, status=None, ranks=None)
    assert not silent.differs(WHOLE)
    assert not WHOLE.differs(silent)


def test_what_only_goes_on_does_not_show() -> None:
    assert not replace(WHOLE, at_s=9.0, requests=7, answers=False).differs(WHOLE)
