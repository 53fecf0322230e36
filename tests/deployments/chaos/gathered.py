"""What a run with one fault has gathered, made by hand."""

from deployments.bench.machine import Machine
from deployments.chaos.answer import Difference
from deployments.chaos.kind import Kind, Role, Way
from deployments.chaos.outcome import Judged, Outcome, Played
from deployments.chaos.report import Report, Run, reported
from deployments.chaos.traffic import End, Sent
from tests.deployments.chaos.answers import sent
from tests.deployments.chaos.looks import SHAPE

FAULT = Played(
    number=1,
    kind=Kind(Way.KILL, Role.ENGINE),
    hit="process 11 <&>",
    began_s=100.0,
    noticed_s=101.0,
    whole_s=150.0,
)
MACHINE = Machine(cpu="a CPU", cores=2, memory_gb=8, system="Linux", load_1_min=0.1, versions={})


def report() -> Report:
    """Make the report of a run with a request for each outcome."""
    run = Run(
        began_s=70.0,
        faults_s=95.0,
        ended_s=170.0,
        sorts=["short chat"],
        judged=[
            Judged(sent(80, 90), Outcome.RIGHT, None, None),
            Judged(_moved(), Outcome.RIGHT, None, 1),
            Judged(sent(105, 120), Outcome.WRONG, Difference.LOST, 1),
            Judged(sent(105, 121), Outcome.WRONG, Difference.DOUBLED, 1),
            Judged(_refused(), Outcome.FAILED, None, 1),
            Judged(sent(99, 123, End.CUT), Outcome.INDETERMINATE, None, 1),
            Judged(sent(105, 124, End.REFUSED), Outcome.NOT_ACCEPTED, None, 1),
            Judged(sent(105, end=None), Outcome.OPEN, None, 1),
        ],
        played=[FAULT],
        moved={"chatcmpl-moved": 5},
        left_behind=["2 requests at ranks"],
        left_out={"kill-worker": "there is none"},
    )
    return reported(run, seed=3, commit="abc", machine=MACHINE, shape=SHAPE, clients=4)


def _moved() -> Sent:
    one = sent(96, 130)
    one.id, one.tokens_s = "chatcmpl-moved", [97.0, 99.0, 119.0, 120.0]
    return one


def _refused() -> Sent:
    one = sent(105, 122, End.EVENT)
    one.message = "<no>"
    return one
