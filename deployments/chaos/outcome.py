"""What became of each request, and of which fault that was."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deployments.chaos.answer import Answer, Difference, difference
from deployments.chaos.kind import Kind, Role, Way
from deployments.chaos.look import Look
from deployments.chaos.traffic import End, Sent


class Outcome(StrEnum):
    """What a request came to."""

    RIGHT = "right"
    WRONG = "wrong"  # it ended as if all were well, with another answer
    FAILED = "failed"
    INDETERMINATE = "indeterminate"  # cut off by the fault itself
    NOT_ACCEPTED = "not accepted"  # by a HAProxy that was ended: it isn't there, or has just begun
    OPEN = "open"  # it hadn't ended when the run had


@dataclass(slots=True)
class Played:
    """A fault as it was carried out; times are seconds of the wall clock."""

    number: int
    kind: Kind
    hit: str
    began_s: float
    gone_s: float | None = None  # when the killed had ended: their sockets live as long
    healed_s: float | None = None  # by the schedule
    noticed_s: float | None = None
    whole_s: float | None = None
    ended_by_force: bool = False  # what was stopped had to be killed, since nobody noticed
    message: str = ""

    def notice(self, losses_s: Iterable[float], looks: Sequence[Look], end_s: float) -> None:
        """Set when it was noticed: a router lost a rank, or the status showed a change."""
        before = max((look for look in looks if look.at_s <= self.began_s), key=_at, default=None)
        changes_s = [
            look.at_s
            for look in looks
            if before and look.at_s > self.began_s and look.differs(before)
        ]
        over_s = self.over_s(end_s)
        times = [at_s for at_s in (*losses_s, *changes_s) if self.began_s <= at_s <= over_s]
        self.noticed_s = min(times, default=None)

    def over_s(self, end_s: float) -> float:
        """Return when its effects were over, at `end_s` at the latest."""
        return self.whole_s if self.whole_s is not None else end_s


def _at(look: Look) -> float:
    return look.at_s


@dataclass(frozen=True, slots=True)
class Judged:
    """A request's outcome, and the number of the fault that it met, if any."""

    sent: Sent
    outcome: Outcome
    difference: Difference | None
    fault: int | None


def judge(sent: Sent, right: Answer, faults: Sequence[Played], end_s: float) -> Judged:
    """Compare a request's end with the answer that it should have had."""
    met = _met(sent, faults, end_s)
    outcome, how = _outcome(sent, right, met)
    return Judged(sent, outcome, how, met.number if met else None)


def _met(sent: Sent, faults: Sequence[Played], end_s: float) -> Played | None:
    """Return the last fault that was in effect while the request was open."""
    until_s = sent.ended_s or end_s
    met = (one for one in faults if one.began_s <= until_s and sent.sent_s <= one.over_s(end_s))
    return max(met, key=lambda fault: fault.began_s, default=None)


def _outcome(sent: Sent, right: Answer, met: Played | None) -> tuple[Outcome, Difference | None]:
    match sent.end:
        case None:
            return Outcome.OPEN, None
        case End.FINISHED:
            how = difference(sent.answer, right)
            return (Outcome.WRONG if how else Outcome.RIGHT), how
        case End.REFUSED if met is not None and met.kind.role is Role.HAPROXY:
            return Outcome.NOT_ACCEPTED, None
        case End.CUT if met is not None and _cut_by(met, sent):
            return Outcome.INDETERMINATE, None
        case End.STATUS if met is not None and sent.from_proxy and _cut_by(met, sent):
            return Outcome.INDETERMINATE, None
    return Outcome.FAILED, None


def _cut_by(fault: Played, sent: Sent) -> bool:
    """Tell whether the request can have been at what the fault ended.

    What is stopped takes requests until somebody notices; what is killed, until it has ended.
    """
    if not fault.kind.cuts_clients:
        return False
    if fault.kind.way is Way.STOP:
        return fault.noticed_s is None or sent.sent_s <= fault.noticed_s
    return sent.sent_s <= (fault.gone_s or fault.began_s)
