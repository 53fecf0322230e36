import pytest

from deployments.rolling.rollout import Plan, Rollout, Seen, Side
from tests.deployments.rolling.world import World


@pytest.mark.parametrize(("old", "new"), [(1, 1), (3, 3), (1, 3), (3, 1), (4, 2)])
def test_gangs_come_beside_the_old_ones_which_then_go(old: int, new: int) -> None:
    world = World(Plan(old, new), room=max(old, new) + 1)
    last = world.run()
    assert (last.old, last.new, last.switched) == (0, new, True)
    for seen, wanted in world.looks:
        if not seen.switched:
            assert seen.old.up + seen.new.up >= min(old, new)  # nothing is taken from clients
        assert wanted.old + wanted.new <= max(old, new) + 1  # one gang more than there is
        if not seen.new.up:
            assert wanted.share == 0


@pytest.mark.parametrize("gangs", [1, 2, 3])
def test_in_place_it_needs_no_machine_more(gangs: int) -> None:
    world = World(Plan(gangs, gangs, in_place=True), room=gangs)
    last = world.run()
    assert (last.old, last.new) == (0, gangs)
    assert all(seen.old.up >= 1 for seen, wanted in world.looks if wanted.share < 1)


def test_requests_follow_the_gangs() -> None:
    world = World(Plan(3, 3), room=4)
    world.run()
    shares = [wanted.share for _, wanted in world.looks]
    assert shares == sorted(shares)
    assert {round(share, 2) for share in shares} >= {0.0, 0.25, 0.5, 1.0}


def test_a_share_is_tried_as_long_as_asked() -> None:
    world = World(Plan(2, 2, share=0.1, share_s=300), room=3)
    world.run()
    tried = [seen for seen, wanted in world.looks if wanted.share == 0.1]
    assert len(tried) == 300
    assert all((seen.old.up, seen.new.up) == (2, 1) for seen in tried)


@pytest.mark.parametrize("gangs", [1, 2])
def test_the_old_application_goes_after_its_last_request(gangs: int) -> None:
    world = World(Plan(gangs, gangs), room=gangs + 1, requests_s=500)
    world.run()
    for seen, wanted in world.looks:
        assert wanted.old or not seen.old.requests


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("fails_at_s", [0, 90, 150])
def test_it_goes_back_when_the_new_one_fails(in_place: bool, fails_at_s: float) -> None:
    plan = Plan(3, 3, in_place=in_place, share=0.1, share_s=60)
    world = World(plan, room=3 if in_place else 4, fails_at_s=fails_at_s)
    last = world.run()
    assert (last.old, last.new, last.switched, last.share) == (3, 0, False, 0.0)
    assert "failures" in world.rollout.failed
    for seen, wanted in world.looks:
        assert wanted.new or not seen.new.requests  # the new one's answers end there


def test_failures_within_the_bound_are_borne_with() -> None:
    rollout = Rollout(Plan(2, 2, failures=2))
    assert rollout.next(_seen(failures=2), 0.0).new == 2
    assert rollout.next(_seen(failures=3), 1.0).share == 0.0
    assert rollout.next(_seen(failures=0), 2.0).share == 0.0  # it stays with that


def test_a_gang_that_does_not_come_up_is_waited_for_as_long_as_a_start_may_take() -> None:
    rollout = Rollout(Plan(2, 2, start_timeout_s=100))
    starting = _seen(up=0)
    assert rollout.next(starting, 0.0).why == "the first new gang starts"
    assert not rollout.next(starting, 100.0).why.startswith("it goes back")
    rollout.next(_seen(up=1), 100.5)  # the clock starts again for the second
    rollout.next(_seen(up=1), 200.0)
    assert not rollout.failed
    rollout.next(_seen(up=1), 201.0)
    assert "isn't up after 100 s" in rollout.failed


def test_a_roster_that_forgot_its_gangs_takes_nothing_back() -> None:
    rollout = Rollout(Plan(3, 3))
    before = rollout.next(Seen(Side(2, 2, True), Side(2, 3, True)), 0.0)
    assert (before.old, before.new) == (1, 3)
    forgotten = rollout.next(Seen(Side(1, 1, True), Side(0, 3, True)), 1.0)
    assert (forgotten.old, forgotten.new, forgotten.share) == (1, 3, 0.0)


def test_a_router_that_is_lost_later_takes_nothing_back() -> None:
    rollout, old = Rollout(Plan(2, 2)), Side(up=2, asked=2, ready=True)
    rollout.next(Seen(old, Side(up=1, asked=1, ready=True), 0, False), 0.0)
    wanted = rollout.next(Seen(old, Side(up=1, asked=2, ready=False), 0, False), 1.0)
    assert (wanted.new, wanted.share) == (2, 1 / 3)


def test_what_serve_gives_up_is_not_waited_for() -> None:
    rollout = Rollout(Plan(1, 1))
    rollout.next(Seen(Side(1, 1, True), Side(asked=1, failed="no such model")), 0.0)
    assert "no such model" in rollout.failed


def test_once_the_address_is_the_new_ones_it_does_not_go_back() -> None:
    rollout = Rollout(Plan(1, 1))
    seen = Seen(Side(1, 1, True, requests=1), Side(1, 1, True), failures=9, switched=True)
    assert rollout.next(seen, 0.0).switched


def _seen(failures: int = 0, up: int = 1) -> Seen:
    return Seen(Side(2, 2, True), Side(up, 2, True), failures)
