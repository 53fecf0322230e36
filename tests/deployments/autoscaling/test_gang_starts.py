"""How long gangs take to come up, by when they were asked for."""

from deployments.autoscaling.gang_starts import GangStarts


def test_a_start_lasts_from_asking_until_up() -> None:
    starts = GangStarts()
    starts.want(1, 0)
    starts.see({"a"}, 5)
    assert starts.start_s is None  # it was there before anybody asked
    starts.want(2, 10)
    starts.want(2, 20)
    starts.see({"a"}, 50)
    starts.see({"a", "b"}, 70)
    assert starts.start_s == 60


def test_gangs_that_were_asked_for_at_different_times_are_told_apart() -> None:
    starts = GangStarts()
    starts.want(0, 0)
    starts.want(1, 10)
    starts.want(2, 30)
    starts.see({"a"}, 60)
    assert starts.start_s == 50
    starts.see({"a", "b"}, 100)
    assert starts.start_s == 70


def test_waiting_for_machines_that_are_not_to_be_had_is_no_start() -> None:
    starts = GangStarts()
    starts.want(0, 0)
    starts.want(1, 0)
    starts.see({"a"}, 6 * 3600)
    assert starts.start_s == 3600


def test_who_is_wanted_no_more_measures_nothing() -> None:
    starts = GangStarts()
    starts.want(1, 0)
    starts.want(2, 10)
    starts.want(1, 20)
    starts.see({"a"}, 30)
    starts.see({"b"}, 40)  # the first gang died, and came back by another name
    assert starts.start_s is None
