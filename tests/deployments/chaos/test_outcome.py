from dataclasses import replace

import pytest

from deployments.chaos.answer import Difference
from deployments.chaos.kind import KINDS
from deployments.chaos.outcome import Outcome, Played, judge
from deployments.chaos.traffic import End, Sent
from tests.deployments.chaos.answers import answer, sent
from tests.deployments.chaos.looks import WHOLE

RIGHT = answer([1, 2])
END_S = 500.0


def played(kind: str, number: int = 1, began_s: float = 100.0, whole_s: float = 150.0) -> Played:
    (found,) = (known for known in KINDS if str(known) == kind)
    return Played(number, found, "it", began_s, whole_s=whole_s)


def outcome(one: Sent, *faults: Played) -> Outcome:
    return judge(one, RIGHT, faults, END_S).outcome


def test_an_equal_answer_is_right_and_any_other_is_wrong() -> None:
    assert outcome(sent(90, 110), played("kill-engine")) is Outcome.RIGHT
    judged = judge(sent(90, 110, got=answer([1, 1, 2])), RIGHT, [played("kill-engine")], END_S)
    assert (judged.outcome, judged.difference) == (Outcome.WRONG, Difference.DOUBLED)


@pytest.mark.parametrize("end", [End.STATUS, End.EVENT, End.CUT, End.STALLED])
def test_an_error_is_a_failure_where_the_fault_cuts_no_client_off(end: End) -> None:
    one = sent(90, 110, end, from_proxy=True)
    assert outcome(one, played("kill-engine")) is Outcome.FAILED
    assert outcome(one) is Outcome.FAILED


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (sent(90, 101, End.CUT), Outcome.INDETERMINATE),
        (sent(90, 101, End.STATUS, from_proxy=True), Outcome.INDETERMINATE),
        (sent(90, 101, End.STATUS), Outcome.FAILED),  # a router refused it
        (sent(100.5, 101, End.CUT), Outcome.INDETERMINATE),  # the router hadn't ended yet
        (sent(90, 101, End.EVENT), Outcome.FAILED),
        (sent(90, 500, End.STALLED), Outcome.FAILED),
        (sent(101, 102, End.CUT), Outcome.FAILED),  # sent when the router was dead already
        (sent(151, 160, End.CUT), Outcome.FAILED),  # sent when all was well again
    ],
)
def test_a_killed_router_cuts_off_what_it_had(one: Sent, expected: Outcome) -> None:
    fault = replace(played("kill-router"), gone_s=100.7)
    assert outcome(one, fault) is expected


def test_a_stopped_router_cuts_off_what_it_took_before_somebody_noticed() -> None:
    fault = replace(played("stop-router"), noticed_s=110.0)
    assert outcome(sent(105, 120, End.CUT), fault) is Outcome.INDETERMINATE
    assert outcome(sent(115, 120, End.CUT), fault) is Outcome.FAILED


def test_other_ends() -> None:
    assert outcome(sent(101, 102, End.REFUSED), played("kill-haproxy")) is Outcome.NOT_ACCEPTED
    assert outcome(sent(151, 152, End.REFUSED), played("kill-haproxy")) is Outcome.FAILED
    assert outcome(sent(101, 102, End.REFUSED), played("kill-router")) is Outcome.FAILED
    assert outcome(sent(101, end=None), played("kill-engine")) is Outcome.OPEN


def test_a_request_belongs_to_the_last_fault_that_it_met() -> None:
    faults = [played("kill-engine"), played("kill-router", number=2, began_s=200, whole_s=250)]
    met = [
        judge(sent(at_s, ended_s), RIGHT, faults, END_S).fault
        for at_s, ended_s in [(10, 99), (10, 100), (149, 160), (151, 199), (140, 210), (251, 252)]
    ]
    assert met == [None, 1, 1, None, 2, None]


def test_a_fault_that_never_heals_is_met_by_all_that_follows() -> None:
    fault = replace(played("kill-engine"), whole_s=None)
    assert judge(sent(300, 301), RIGHT, [fault], END_S).fault == 1


def test_a_fault_is_noticed_at_the_first_loss_or_change() -> None:
    looks = [WHOLE, *(replace(WHOLE, at_s=at_s) for at_s in (99, 105, 110))]
    looks += [replace(WHOLE, at_s=112, missing=1)]
    fault = played("kill-engine")
    fault.notice([90.0, 130.0], looks, END_S)
    assert fault.noticed_s == 112
    fault.notice([104.0], looks, END_S)
    assert fault.noticed_s == 104
    fault.notice([], looks[:4], END_S)
    assert fault.noticed_s is None
