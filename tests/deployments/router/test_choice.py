from hypothesis import given
from hypothesis import strategies as st

from deployments.router.choice import RankLoad, least_loaded

counts = st.integers(min_value=0, max_value=100)
loads = st.builds(RankLoad, st.uuids().map(str), counts, counts, st.floats(0, 1))


@given(st.lists(loads, min_size=1, max_size=16))
def test_no_other_rank_has_fewer_requests(ranks: list[RankLoad]) -> None:
    def requests(rank: RankLoad) -> int:
        return max(rank.sent_requests, rank.reported_requests)

    assert requests(least_loaded(ranks)) == min(requests(rank) for rank in ranks)


def test_what_was_just_sent_counts_before_the_rank_reports_it() -> None:
    burst = [RankLoad("a", 3, 0, 0.0), RankLoad("b", 1, 0, 0.0)]
    assert least_loaded(burst).replica == "b"


def test_what_other_routers_sent_counts() -> None:
    ranks = [RankLoad("a", 0, 9, 0.0), RankLoad("b", 1, 1, 0.0)]
    assert least_loaded(ranks).replica == "b"


def test_the_emptier_cache_breaks_a_tie() -> None:
    ranks = [RankLoad("a", 2, 2, 0.9), RankLoad("b", 2, 2, 0.1)]
    assert least_loaded(ranks).replica == "b"
