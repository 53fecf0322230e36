from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.chaos.kind import KINDS, LASTS_S, Kind, Role, Way
from deployments.chaos.schedule import schedule


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60))
def test_a_schedule_follows_from_its_seed(seed: int, count: int) -> None:
    drawn = schedule(seed, count, KINDS)
    assert drawn == schedule(seed, count, KINDS)
    assert [fault.number for fault in drawn] == list(range(1, count + 1))


def test_other_seeds_draw_other_faults() -> None:
    assert len({tuple(schedule(seed, 5, KINDS)) for seed in range(50)}) == 50


def test_the_order_in_which_kinds_are_given_does_not_matter() -> None:
    assert schedule(7, 30, KINDS) == schedule(7, 30, KINDS[::-1])


@given(seed=st.integers(0, 1000), count=st.integers(1, 60))
def test_kinds_come_equally_often(seed: int, count: int) -> None:
    counts = Counter(fault.kind for fault in schedule(seed, count, KINDS))
    assert max(counts.values()) - min(counts[kind] for kind in KINDS) <= 1


@given(seed=st.integers(0, 1000))
def test_a_fault_that_the_schedule_heals_lasts_within_its_bounds(seed: int) -> None:
    for fault in schedule(seed, 40, KINDS):
        bounds = LASTS_S.get(fault.kind.way)
        if bounds is None:
            assert fault.lasts_s is None
        else:
            assert fault.lasts_s is not None
            assert bounds[0] <= fault.lasts_s <= bounds[1]


def test_all_gangs_are_hit_only_by_the_kind_that_says_so() -> None:
    assert [kind for kind in KINDS if kind.role is Role.ALL_ENGINES] == [
        Kind(Way.KILL, Role.ALL_ENGINES)
    ]


@pytest.mark.parametrize(
    ("name", "ends", "cuts"),
    [
        ("kill-router", True, True),
        ("stop-router", True, True),
        ("kill-haproxy", True, True),
        ("pause-router", False, False),
        ("kill-engine", True, False),
        ("cut-rank", False, False),
    ],
)
def test_what_a_kind_means_for_processes_and_clients(name: str, ends: bool, cuts: bool) -> None:
    (kind,) = (kind for kind in KINDS if str(kind) == name)
    assert (kind.ends_processes, kind.cuts_clients) == (ends, cuts)
