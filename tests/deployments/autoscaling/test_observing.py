"""Many reports are combined into one observation."""

from dataclasses import astuple

import pytest

from configs.tier import Tier
from deployments.autoscaling.observation import ClassLoad, GangCount, Lengths, StepTime
from deployments.autoscaling.observing import capacity_of, observe
from tests.deployments.autoscaling.reported import rank, router


def test_gangs_are_up_when_whole_and_drain_as_one() -> None:
    ranks = [
        rank("a0", "a", ranks=2),
        rank("a1", "a", ranks=2),
        rank("b0", "b", ranks=2),  # its other rank starts, or has died
        rank("c0", "c", ranks=2, draining=True),
        rank("c1", "c", ranks=2),
    ]
    seen = observe(ranks, [], wanted=3, capacity=None, now_s=0)
    assert seen.gangs == GangCount(up=1, starting=2, draining=1)


def test_more_up_than_wanted_start_none() -> None:
    seen = observe([rank("a", "a"), rank("b", "b")], [], wanted=1, capacity=None, now_s=0)
    assert seen.gangs == GangCount(up=2, starting=0)


def test_what_draining_gangs_hold_counts_as_their_streams_do() -> None:
    """Requests of draining gangs may yet move to gangs that stay."""
    ranks = [
        rank("a", "a", kv_used_tokens=100, prefill_tokens=10),
        rank("b", "b", kv_used_tokens=300, prefill_tokens=20, draining=True),
    ]
    seen = observe(ranks, [], wanted=1, capacity=None, now_s=0)
    assert (seen.kv_tokens, seen.prefill_tokens) == (400, 30)


def test_routers_loads_add_up_and_the_oldest_is_the_oldest() -> None:
    first = ClassLoad(3, 300, oldest_s=4, running=2, arrivals_per_s=1.5)
    second = ClassLoad(1, 100, oldest_s=9, running=5, arrivals_per_s=0.5)
    seen = observe([], [router("1", first), router("2", second)], 0, None, 0)
    assert seen.classes[Tier.STANDARD] == ClassLoad(4, 400, 9, 7, 2.0)
    assert seen.classes[Tier.BATCH] == ClassLoad()


def test_a_router_counts_as_much_as_it_has_answered() -> None:
    few = router("1", answered=1, lengths=Lengths(10, 20, 40), ttft_s=4.0, tpot_s=None)
    many = router("2", answered=3, lengths=Lengths(30, 60, 80), ttft_s=2.0, tpot_s=0.1)
    seen = observe([], [few, many, router("idle")], 0, None, 0)
    assert seen.lengths == Lengths(25, 50, 70)
    assert [seen.ttft_s, seen.tpot_s] == pytest.approx([2.5, 0.1])


def test_a_gangs_capacity_is_its_ranks_and_no_measured_start_is_the_ranks_own() -> None:
    steps = [StepTime(0.01, 0.001, 0.0001), StepTime(0.03, 0.003, 0.0003)]
    ranks = [rank(f"{n}", ranks=2, step=step, start_s=20.0 + n) for n, step in enumerate(steps)]
    assert capacity_of([], 5.0) is None
    capacity = capacity_of([*ranks, rank("2", ranks=2)], None)
    assert capacity is not None
    assert (capacity.ranks, capacity.sequences, capacity.kv_tokens) == (2, 16, 2000)
    assert capacity.step is not None
    assert astuple(capacity.step) == pytest.approx((0.02, 0.002, 0.0002))
    assert capacity.start_s == 21
    measured = capacity_of(ranks, 99.0)
    assert measured is not None
    assert measured.start_s == 99
