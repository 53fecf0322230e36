from hypothesis import given
from hypothesis import strategies as st

from deployments.shard.ledger import Ledger

R = b"router"


def test_a_prompt_is_prefilled_when_its_answer_begins() -> None:
    ledger = Ledger()
    ledger.add(R, "a", prompt_tokens=100, max_tokens=20)
    ledger.add(R, "b", prompt_tokens=30, max_tokens=20)
    assert (ledger.prefill_tokens, ledger.promised_tokens) == (130, 170)
    assert ledger.step("a", 1, finished=False) == R
    assert (ledger.prefill_tokens, ledger.promised_tokens) == (30, 170)
    ledger.step("a", 1, finished=True)
    assert (len(ledger), ledger.prefill_tokens, ledger.promised_tokens) == (1, 30, 50)


def test_chunks_of_prompts_are_counted_in_turn() -> None:
    ledger = Ledger()
    for name in "abc":
        ledger.add(R, name, prompt_tokens=100, max_tokens=20)
    assert ledger.begin("a", 1000)
    assert ledger.begin("b", 1000)
    ledger.prefilled(64)
    ledger.prefilled(64)
    assert ledger.prefill_tokens == 172
    ledger.step("a", 1, finished=False)
    ledger.drop("b")
    assert ledger.prefill_tokens == 100
    ledger.prefilled(50)  # of what was dropped: the engine hasn't begun the last one
    assert ledger.prefill_tokens == 100


def test_requests_are_in_the_steps_that_the_engine_begins_after_it_got_them() -> None:
    ledger = Ledger()
    for name in "abc":
        ledger.add(R, name, prompt_tokens=100, max_tokens=20)
    ledger.begin("a", 1000, steps=6)
    ledger.begin("b", 1000, steps=7)
    assert ledger.in_steps(7) == ("a",)
    assert ledger.in_steps(8) == ("a", "b")
    assert ledger.ids() == ("a", "b", "c")


def test_the_engine_gets_what_its_cache_will_hold() -> None:
    ledger = Ledger()
    for name in "abcd":
        ledger.add(R, name, prompt_tokens=100, max_tokens=20)
    assert [ledger.begin(name, 250) for name in "abc"] == [True, True, False]
    ledger.drop("d")
    assert ledger.begin("d", 250) is None
    ledger.step("a", 1, finished=True)
    assert ledger.begin("c", 250)
    ledger.step("c", 20, finished=False)
    ledger.step("c", 5, finished=False)  # longer than was promised
    ledger.add(R, "e", prompt_tokens=6, max_tokens=2)
    assert ledger.begin("e", 250) is False
    ledger.drop("b")
    assert ledger.begin("e", 250)


def test_a_lone_request_is_never_too_large() -> None:
    ledger = Ledger()
    ledger.add(R, "a", prompt_tokens=1000, max_tokens=20)
    assert ledger.begin("a", 250)


def test_what_is_cached_needs_no_prefill_but_room() -> None:
    ledger = Ledger()
    ledger.add(R, "a", prompt_tokens=100, max_tokens=20, cached_tokens=64)
    assert (ledger.prefill_tokens, ledger.promised_tokens) == (36, 120)
    ledger.step("a", 1, finished=False)
    assert ledger.prefill_tokens == 0


def test_promises_follow_what_answers_turn_out_to_be() -> None:
    ledger = Ledger()
    for number in range(100):
        ledger.add(R, str(number), 10, 4000)
        ledger.step(str(number), 8 if number else 500, finished=True)
    ledger.add(R, "next", 10, 4000)
    assert ledger.promised_tokens == 18
    ledger.step("next", 30, finished=False)
    assert ledger.promised_tokens == 40


def test_cache_is_promised_in_blocks_and_not_next_to_nothing() -> None:
    ledger = Ledger(block_tokens=16, least_answer_tokens=40)
    for number in range(100):
        ledger.add(R, str(number), 10, 4000)
        ledger.step(str(number), 1, finished=True)
    ledger.add(R, "next", 10, 4000)
    assert ledger.promised_tokens == 64  # 10 + 40, in blocks
    ledger.step("next", 60, finished=False)
    assert ledger.promised_tokens == 80
    ledger.drop("next")
    ledger.add(R, "short", 10, 6)
    assert ledger.promised_tokens == 16


def test_what_came_from_a_router_is_counted_for_it_alone() -> None:
    ledger = Ledger()
    ledger.add(b"one", "a", 1, 1)
    ledger.add(b"two", "b", 1, 1)
    assert (ledger.heard(b"one"), ledger.heard(b"two"), ledger.heard(b"three")) == (1, 1, 0)
    assert ledger.abort(b"one", ["a", "finished before"]) == ["a"]
    assert (ledger.heard(b"one"), ledger.heard(b"two")) == (3, 1)
    assert (ledger.of(b"one"), ledger.of(b"two")) == ([], ["b"])
    ledger.forget(b"one")
    assert ledger.heard(b"one") == 0


def test_outputs_of_what_was_aborted_have_no_owner() -> None:
    ledger = Ledger()
    ledger.add(R, "a", 1, 1)
    assert ledger.drop("a")
    assert not ledger.drop("a")
    assert ledger.step("a", 1, finished=True) is None


@given(st.lists(st.tuples(st.sampled_from("asfdp"), st.integers(0, 4), st.integers(0, 50))))
def test_an_empty_ledger_has_counted_everything_back(steps: list[tuple[str, int, int]]) -> None:
    ledger, living = Ledger(), set[str]()
    for number, (step, which, tokens) in enumerate(steps):
        if step == "a":
            living.add(str(number))
            ledger.add(R, str(number), tokens, 10)
            ledger.begin(str(number), 200)
        elif step == "p":
            ledger.prefilled(tokens)
        elif living:
            name = sorted(living)[which % len(living)]
            if step == "d":
                ledger.drop(name)
            else:
                ledger.step(name, tokens, finished=step == "f")
            if step in "df":
                living.discard(name)
        assert len(ledger) == len(living)
        assert 0 <= ledger.prefill_tokens <= ledger.promised_tokens
    for name in living:
        ledger.drop(name)
    assert (ledger.prefill_tokens, ledger.promised_tokens) == (0, 0)
