import pytest

from deployments.chaos.kind import Way
from deployments.chaos.network import rules
from deployments.chaos.sandbox import left_out


@pytest.mark.parametrize(
    ("way", "to", "back"),
    [(Way.CUT, True, True), (Way.CUT_TO, True, False), (Way.CUT_FROM, False, True)],
)
def test_packets_are_dropped_where_the_kind_says(way: Way, to: bool, back: bool) -> None:
    lines = rules(way, 5001).splitlines()
    assert ("tcp dport 5001 drop" in lines, "tcp sport 5001 drop" in lines) == (to, back)


def test_without_namespaces_or_nft_kinds_are_left_out() -> None:
    assert left_out(sandboxed=True, nft=True) == {}
    names = {str(kind) for kind in left_out(sandboxed=True, nft=False)}
    assert names == {"cut-rank", "cut-to-rank", "cut-from-rank", "trickle-rank"}
    assert {str(kind) for kind in left_out(sandboxed=False, nft=True)} == names | {"fill-disk"}
