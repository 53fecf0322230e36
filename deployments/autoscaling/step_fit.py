"""How long a rank's steps take, by what is in them: least squares over recent steps."""

from collections.abc import Sequence
from itertools import combinations

from deployments.autoscaling.observation import StepTime

# Weight that steps keep when the next one is added: half is gone after 10,000.
_KEPT = 0.99993
# Steps are averaged before they are fitted. A gang steps as slowly as its busiest rank, so how
# long one step takes says little about what was in it at this rank; over several, ranks are alike.
_GROUP = 16
_FEWEST = 8  # groups
# Evidence that a step takes time whatever is in it must outweigh this share of all steps' weight.
# Where the number of sequences never varied there is no such evidence, and all time is counted as
# the sequences'.
_DOUBT = 1e-3
_ALIKE = 1e-9  # below this, a column of length 1 depends on the columns before it

_Row = tuple[float, float, float]


class StepFit:
    """Fits a StepTime to the steps of one rank, or of several that are alike.

    It minimises the squares of errors relative to the time measured. So steps of 5 ms and of 500 ms
    count the same, and a step that a pause made a hundred times as long as others hardly counts.
    `add` costs about a microsecond.
    """

    def __init__(self) -> None:
        self._moments = [[0.0] * 3 for _ in range(3)]  # Σ weight · row ⊗ row
        self._times = [0.0] * 3  # Σ weight · row · seconds
        self._groups = 0
        self._count = 0  # steps of the group that isn't full yet, and their sums
        self._sequences = self._prefill_tokens = self._seconds = 0.0

    def add(self, sequences: int, prefill_tokens: int, seconds: float, steps: int = 1) -> None:
        """Add a step of a busy engine, or `steps` that were alike and took `seconds` each.

        In each of them `sequences` got a token, and `prefill_tokens` of prompts were computed.
        """
        self._count += steps
        self._sequences += steps * sequences
        self._prefill_tokens += steps * prefill_tokens
        self._seconds += steps * seconds
        if self._count >= _GROUP:
            self._add_group()

    def _add_group(self) -> None:
        count, seconds = self._count, self._seconds / self._count
        row = (1.0, self._sequences / count, self._prefill_tokens / count)
        self._count = 0
        self._sequences = self._prefill_tokens = self._seconds = 0.0
        if seconds <= 0:
            return
        weight, kept = count / seconds**2, _KEPT**count
        for value, moments in zip(row, self._moments, strict=True):
            for at, other in enumerate(row):
                moments[at] = kept * moments[at] + weight * value * other
        for at, value in enumerate(row):
            self._times[at] = kept * self._times[at] + weight * value * seconds
        self._groups += 1

    @property
    def step(self) -> StepTime | None:
        """The fitted time; None until there are enough steps. Costs some dozen microseconds."""
        if self._groups < _FEWEST:
            return None
        return StepTime(*_non_negative(self._moments, self._times))


def _non_negative(moments: Sequence[Sequence[float]], times: Sequence[float]) -> _Row:
    """Return the best solution with no coefficient below 0; some may be left out, as 0."""
    doubtful = [list(row) for row in moments]
    doubtful[0][0] *= 1 + _DOUBT
    best, least = (0.0, 0.0, 0.0), 0.0
    for size in (3, 2, 1):
        for used in combinations(range(3), size):
            matrix = [[doubtful[i][j] for j in used] for i in used]
            solution = _solve(matrix, [times[i] for i in used])
            if solution is None or min(solution) < 0:
                continue
            # The squared error, without the term that all solutions have in common.
            error = -sum(value * times[i] for value, i in zip(solution, used, strict=True))
            if error < least:
                whole = dict(zip(used, solution, strict=True))
                best, least = (whole.get(0, 0.0), whole.get(1, 0.0), whole.get(2, 0.0)), error
        if size == 3 and least:
            break  # no solution with fewer coefficients is better
    return best


def _solve(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Solve by Gaussian elimination, with columns scaled alike; None if they are dependent."""
    scales = [matrix[i][i] ** 0.5 for i in range(len(right))]
    if not all(scales):
        return None
    rows = [
        [*(value / scale / other for value, other in zip(row, scales, strict=True)), end / scale]
        for row, end, scale in zip(matrix, right, scales, strict=True)
    ]
    for i, row in enumerate(rows):
        if row[i] < _ALIKE:
            return None
        for lower in rows[i + 1 :]:
            times = lower[i] / row[i]
            lower[:] = [value - times * above for value, above in zip(lower, row, strict=True)]
    solution = [0.0] * len(right)
    for i in reversed(range(len(right))):
        known = sum(rows[i][j] * solution[j] for j in range(i + 1, len(right)))
        solution[i] = (rows[i][-1] - known) / rows[i][i]
    return [value / scale for value, scale in zip(solution, scales, strict=True)]
