"""A run as JSON: totals, a row for each fault and for each kind, and what was left behind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from deployments.bench.machine import Machine
from deployments.chaos.answer import Difference
from deployments.chaos.figures import gaps_of, goodput_per_s, quantile, tokens_per_s
from deployments.chaos.look import Shape
from deployments.chaos.outcome import Judged, Outcome, Played


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class Counts(_Row):
    """What became of some requests."""

    sent: int
    right: int
    moved: int
    resumed: int  # of the moved: those that had tokens already
    failed: int
    wrong: int
    doubled: int  # of the wrong: tokens too many
    lost: int  # of the wrong: tokens too few
    indeterminate: int
    not_accepted: int
    open: int

    @classmethod
    def of(cls, judged: Sequence[Judged], moved: Mapping[str, int]) -> "Counts":
        outcomes = Counter(one.outcome for one in judged)
        differences = Counter(one.difference for one in judged)
        refused = outcomes[Outcome.NOT_ACCEPTED]
        return cls(
            sent=len(judged) - refused,
            right=outcomes[Outcome.RIGHT],
            moved=sum(one.sent.id in moved for one in judged),
            resumed=sum(moved.get(one.sent.id, 0) > 0 for one in judged),
            failed=outcomes[Outcome.FAILED],
            wrong=outcomes[Outcome.WRONG],
            doubled=differences[Difference.DOUBLED],
            lost=differences[Difference.LOST],
            indeterminate=outcomes[Outcome.INDETERMINATE],
            not_accepted=refused,
            open=outcomes[Outcome.OPEN],
        )

    @property
    def bad(self) -> int:
        """Requests that a client had to notice, other than those that the fault itself cut off."""
        return self.failed + self.wrong + self.open


class FaultRow(_Row):
    """One fault; `_s` from its beginning, None where it didn't come to that."""

    number: int
    kind: str
    hit: str
    began_s: float  # from the run's beginning
    lasted_s: float | None
    noticed_s: float | None
    whole_s: float | None
    ended_by_force: bool
    gaps_s: list[float]  # longest gap of each stream that was under way
    counts: Counts
    message: str

    @property
    def bad(self) -> bool:
        """Whether a client had to notice it, or the system didn't get over it by itself."""
        return self.counts.bad > 0 or self.ended_by_force or self.whole_s is None


class KindRow(_Row):
    """All faults of a kind."""

    kind: str
    faults: int
    bad_faults: int
    noticed_s: tuple[float | None, float | None]  # median and longest
    whole_s: tuple[float | None, float | None]
    gap_s: tuple[float | None, float | None, float | None]  # p50, p99, longest
    counts: Counts


class Failure(_Row):
    """A request that didn't come to its right end, for somebody who looks for the reason."""

    sort: str
    fault: int | None
    outcome: str
    difference: str | None
    at_s: float
    message: str


class Report(_Row):
    """All that the JSON file of a run holds."""

    date: datetime
    commit: str
    machine: Machine
    seed: int
    gangs: int
    ranks: int
    routers: int
    clients: int
    took_s: float
    counts: Counts
    goodput_before_per_s: float
    goodput_during_per_s: float
    faults: list[FaultRow]
    kinds: list[KindRow]
    left_behind: list[str]
    left_out: dict[str, str]  # kinds that couldn't be played here, with the reason
    failures: list[Failure]
    tokens_per_s: list[int]  # second by second

    @property
    def shape(self) -> Shape:
        return Shape(self.gangs, self.ranks, self.routers)

    @property
    def good(self) -> bool:
        """Whether all faults went by unnoticed, and nothing was left behind."""
        return not (self.left_behind or self.counts.bad or any(row.bad for row in self.faults))


@dataclass(frozen=True, slots=True)
class Run:
    """What a run has gathered, before it is counted; times are of the wall clock."""

    began_s: float
    faults_s: float  # when the undisturbed part was over
    ended_s: float
    sorts: list[str]  # by question
    judged: list[Judged]
    played: list[Played]
    moved: dict[str, int]  # tokens that each request had when it moved last
    left_behind: list[str]
    left_out: dict[str, str] = field(default_factory=dict)


def reported(  # noqa: PLR0913 - each is a heading of the report
    run: Run, *, seed: int, commit: str, machine: Machine, shape: Shape, clients: int
) -> Report:
    """Count what a run has gathered."""
    rows = [_fault_row(run, fault) for fault in run.played]
    last_s = max((fault.over_s(run.ended_s) for fault in run.played), default=run.faults_s)
    return Report(
        date=datetime.now(UTC),
        commit=commit,
        machine=machine,
        seed=seed,
        gangs=shape.gangs,
        ranks=shape.ranks,
        routers=shape.routers,
        clients=clients,
        took_s=round(run.ended_s - run.began_s, 1),
        counts=Counts.of(run.judged, run.moved),
        goodput_before_per_s=goodput_per_s(run.judged, run.began_s, run.faults_s),
        goodput_during_per_s=goodput_per_s(run.judged, run.faults_s, last_s),
        faults=rows,
        kinds=[
            _kind_row(kind, [row for row in rows if row.kind == kind], run)
            for kind in dict.fromkeys(row.kind for row in rows)
        ],
        left_behind=run.left_behind,
        left_out=run.left_out,
        failures=[_failure(run, one) for one in run.judged if one.outcome is not Outcome.RIGHT],
        tokens_per_s=tokens_per_s(run.judged, run.began_s, int(run.ended_s - run.began_s) + 1),
    )


def _fault_row(run: Run, fault: Played) -> FaultRow:
    met = [one for one in run.judged if one.fault == fault.number]
    return FaultRow(
        number=fault.number,
        kind=str(fault.kind),
        hit=fault.hit,
        began_s=round(fault.began_s - run.began_s, 1),
        lasted_s=_after(fault, fault.healed_s),
        noticed_s=_after(fault, fault.noticed_s),
        whole_s=_after(fault, fault.whole_s),
        ended_by_force=fault.ended_by_force,
        gaps_s=[round(gap, 2) for gap in gaps_of(fault, run.judged, run.ended_s)],
        counts=Counts.of(met, run.moved),
        message=fault.message,
    )


def _after(fault: Played, at_s: float | None) -> float | None:
    return None if at_s is None else round(at_s - fault.began_s, 1)


def _kind_row(kind: str, rows: Sequence[FaultRow], run: Run) -> KindRow:
    numbers = {row.number for row in rows}
    gaps = [gap for row in rows for gap in row.gaps_s]
    noticed = [row.noticed_s for row in rows if row.noticed_s is not None]
    whole = [row.whole_s for row in rows if row.whole_s is not None]
    return KindRow(
        kind=kind,
        faults=len(rows),
        bad_faults=sum(row.bad for row in rows),
        noticed_s=(quantile(noticed, 0.5), max(noticed, default=None)),
        whole_s=(quantile(whole, 0.5), max(whole, default=None)),
        gap_s=(quantile(gaps, 0.5), quantile(gaps, 0.99), max(gaps, default=None)),
        counts=Counts.of([one for one in run.judged if one.fault in numbers], run.moved),
    )


def _failure(run: Run, one: Judged) -> Failure:
    return Failure(
        sort=run.sorts[one.sent.question],
        fault=one.fault,
        outcome=one.outcome,
        difference=one.difference,
        at_s=round((one.sent.ended_s or run.ended_s) - run.began_s, 1),
        message=one.sent.message[:300],
    )
