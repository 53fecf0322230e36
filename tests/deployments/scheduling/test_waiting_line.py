import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.tier import Tier
from deployments.scheduling.ticket import Ticket
from deployments.scheduling.waiting_line import WaitingLine


def ticket(
    name: str, key: str = "k", tier: Tier = Tier.STANDARD, tokens: int = 10, weight: float = 1.0
) -> Ticket:
    return Ticket(name, tier, key, prompt_tokens=tokens, max_tokens=10, weight=weight)


def serve(line: WaitingLine, most: int) -> list[str]:
    served: list[str] = []
    while len(served) < most and (first := line.first()) is not None:
        line.serve(first)
        served.append(first.request_id)
    return served


def serve_all(line: WaitingLine) -> list[str]:
    return serve(line, len(line))


def test_one_key_is_served_in_order_of_arrival() -> None:
    line = WaitingLine()
    for name in "abc":
        line.join(ticket(name))
    assert serve_all(line) == ["a", "b", "c"]
    assert len(line) == 0


def test_a_higher_class_goes_first_whenever_it_comes() -> None:
    line = WaitingLine()
    line.join(ticket("b", tier=Tier.BATCH))
    line.join(ticket("s", tier=Tier.STANDARD))
    line.join(ticket("i", tier=Tier.INTERACTIVE))
    assert serve_all(line) == ["i", "s", "b"]


def test_a_thousand_requests_of_two_keys_dont_keep_the_only_one_of_another_waiting() -> None:
    line = WaitingLine()
    for number in range(1000):
        line.join(ticket(f"flood-{number}", key=f"flood-{number % 2}"))
    serve(line, 101)  # the other flood's next has the same start tag as the single one
    line.join(ticket("single", key="other"))
    line.join(ticket("second", key="other"))
    served = serve_all(line)
    assert served[0] == "single"
    assert "second" in served[1:5]


def test_a_request_is_lone_again_when_its_keys_others_have_ended() -> None:
    line = WaitingLine()
    first, second, third = (ticket(name) for name in "abc")
    line.join(first)
    line.join(second)
    line.serve(first)
    line.part(first)
    line.part(second)  # hung up, in the line
    line.part(second)
    line.join(third)
    assert (first.sparse, second.sparse, third.sparse) == (True, False, True)
    assert serve_all(line) == ["c"]


def test_who_has_no_key_isnt_alone_with_it() -> None:
    line = WaitingLine()
    line.join(only := ticket("a", key=""))
    assert not only.sparse


def test_keys_share_tokens_not_requests() -> None:
    line = WaitingLine()
    for number in range(60):
        line.join(ticket(f"long-{number}", key="long", tokens=100))
        line.join(ticket(f"short-{number}", key="short", tokens=20))
    served = serve_all(line)[:36]
    assert sum(name.startswith("long") for name in served) == 6


def test_a_weight_is_a_larger_share() -> None:
    line = WaitingLine()
    for number in range(60):
        line.join(ticket(f"heavy-{number}", key="heavy", weight=3))
        line.join(ticket(f"light-{number}", key="light"))
    served = serve_all(line)[:40]
    assert sum(name.startswith("heavy") for name in served) == 30


def test_who_was_idle_has_saved_nothing_up() -> None:
    line = WaitingLine()
    for number in range(100):
        line.join(ticket(f"busy-{number}", key="busy"))
    serve(line, 50)
    for number in range(10):
        line.join(ticket(f"late-{number}", key="late"))
    served = serve_all(line)[:10]
    assert sum(name.startswith("late") for name in served) == 5


def test_who_is_called_back_has_the_turn_it_had() -> None:
    line = WaitingLine()
    first, second = ticket("first"), ticket("second")
    line.join(first)
    line.join(second)
    line.serve(first)
    line.rejoin(first)
    assert serve_all(line) == ["first", "second"]


def test_who_moved_goes_before_all_of_its_class_and_no_other() -> None:
    line = WaitingLine()
    moved, batch = ticket("moved", key="k"), ticket("batch", tier=Tier.BATCH)
    for joining in (moved, batch):
        line.join(joining)
        line.serve(joining)
        joining.moved = True
        line.rejoin(joining)
    line.join(ticket("sparse", key="another"))
    line.join(ticket("interactive", tier=Tier.INTERACTIVE))
    assert serve_all(line) == ["interactive", "moved", "sparse", "batch"]


def test_suspects_have_their_turn_among_the_others_and_can_be_passed() -> None:
    line = WaitingLine()
    for name, moved, suspect in (("a", True, False), ("b", True, True), ("c", False, False)):
        joining = ticket(name)
        joining.moved, joining.suspect = moved, suspect
        line.join(joining)
    assert serve(line, 1) == ["a"]
    passed = line.first(suspects=False)
    assert passed is not None
    assert passed.request_id == "c"
    assert serve_all(line) == ["b", "c"]


def test_who_left_takes_no_memory_while_a_better_class_waits() -> None:
    line = WaitingLine()
    line.join(ticket("first", tier=Tier.INTERACTIVE))
    for number in range(1000):
        line.join(ticket(str(number), tier=Tier.BATCH))
        line.leave(str(number))
    line.join(ticket("last", tier=Tier.BATCH))
    assert sum(map(len, line._heaps.values())) < 200
    assert serve_all(line) == ["first", "last"]


def test_a_full_line_is_left_by_the_newest_of_the_lowest_class() -> None:
    line = WaitingLine()
    for name, tier in (("i", Tier.INTERACTIVE), ("b1", Tier.BATCH), ("s", Tier.STANDARD)):
        line.join(ticket(name, tier=tier))
    line.join(ticket("b2", tier=Tier.BATCH))
    left = []
    while (last := line.last_below(Tier.INTERACTIVE)) is not None:
        line.leave(last.request_id)
        left.append(last.request_id)
    assert left == ["b2", "b1", "s"]
    assert serve_all(line) == ["i"]


@pytest.mark.parametrize("tier", Tier)
def test_nobody_leaves_it_for_their_own_class_or_a_lower(tier: Tier) -> None:
    line = WaitingLine()
    for number, other in enumerate(Tier):
        if other <= tier:
            line.join(ticket(str(number), tier=other))
    assert line.last_below(tier) is None


def test_who_was_called_back_does_not_leave_it() -> None:
    line = WaitingLine()
    begun = ticket("begun", tier=Tier.BATCH)
    line.join(begun)
    line.serve(begun)
    line.rejoin(begun)
    assert line.last_below(Tier.INTERACTIVE) is None
    assert serve_all(line) == ["begun"]


@given(st.lists(st.tuples(st.sampled_from("jls"), st.integers(0, 5), st.sampled_from(Tier))))
def test_nobody_is_lost_or_served_twice(steps: list[tuple[str, int, Tier]]) -> None:
    line, waiting, number = WaitingLine(), dict[str, Tier](), 0
    for step, which, tier in steps:
        if step == "j":
            number += 1
            waiting[str(number)] = tier
            line.join(ticket(str(number), key=str(which), tier=tier, tokens=which))
        elif step == "l":
            gone = str(which)
            line.leave(gone)
            waiting.pop(gone, None)
        elif (first := line.first()) is not None:
            assert first.tier == min(waiting.values())
            line.serve(first)
            del waiting[first.request_id]
        assert len(line) == len(waiting)
    assert sorted(serve_all(line)) == sorted(waiting)
