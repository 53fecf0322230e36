from deployments.shard.membership import Membership

FIRST = Membership(replica="r", gang="g", rank=1, ranks=2)


def test_the_first_start_is_under_serves_names() -> None:
    assert FIRST.again(0) == FIRST


def test_each_later_start_has_other_names_for_the_same_place() -> None:
    later = [FIRST.again(starts) for starts in range(4)]
    assert len({membership.gang for membership in later}) == 4
    assert len({membership.replica for membership in later}) == 4
    assert {(membership.rank, membership.ranks) for membership in later} == {(1, 2)}
