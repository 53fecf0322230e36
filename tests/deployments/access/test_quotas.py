from deployments.access.quotas import Ask, Quotas
from tests.deployments.access.keys import key


def ask(requests: int = 0, tokens: int = 0, **more: int) -> Ask:
    limited = key(requests_per_minute=10, tokens_per_minute=1000, streams=4)
    return Ask(key=limited, requests=requests, tokens=tokens, **more)


def test_routers_share_a_limit() -> None:
    quotas = Quotas()
    granted = [quotas.grant(router, ask(requests=4), 0).requests for router in "abc"]
    assert granted == [4, 4, 2]
    assert quotas.grant("a", ask(requests=1), 61).requests == 1


def test_who_owes_waits_until_it_is_paid() -> None:
    quotas = Quotas()
    assert quotas.grant("a", ask(owed_tokens=1500), 0).tokens == 0
    grant = quotas.grant("b", ask(tokens=10), 30)
    assert (grant.tokens, grant.tokens_left) == (0, 0)
    assert 30 < grant.tokens_wait_s < 31
    assert quotas.grant("b", ask(tokens=10), 61).tokens == 10


def test_streams_are_held_given_back_and_lost_with_their_router() -> None:
    quotas = Quotas()
    assert quotas.grant("a", ask(streams=3), 0).streams == 3
    assert quotas.grant("b", ask(streams=3), 0).streams == 1
    assert quotas.held(0) == {key().name: 4}
    quotas.grant("a", ask(streams=1), 1)
    assert quotas.grant("b", ask(streams=3), 1).streams == 3
    assert quotas.held(20) == {key().name: 0}  # a and b are silent
    assert quotas.grant("c", ask(streams=4), 20).streams == 4


def test_what_has_no_limit_is_granted() -> None:
    grant = Quotas().grant("a", Ask(key=key(), requests=5, tokens=7, streams=9), 0)
    assert (grant.requests, grant.tokens, grant.streams) == (5, 7, 9)
