"""How long a rank's steps take, by what is in them: least squares over the steps of late."""

from collections.abc import Sequence
from itertools import combinations

from deployments.autoscaling.observation import StepTime

# Weight that steps keep when the next one comes: half is gone after 10,000.
_KEPT = 0.99993
# Steps are averaged before they are fitted. A gang steps as slowly as its busiest rank, so how
# long one step takes says little about what was in it at this rank; over some, ranks are alike.
_GROUP = 16
_FEWEST = 8  # groups
# What says that a step takes time whatever is in it must outweigh this share of all that is known.
# Where the number of sequences never varied, nothing does, and all time counts as theirs.
_DOUBT = 1e-3
_ALIKE = 1e-9  # columns: what is left of one of length 1, without what others say

_Row = tuple[float, float, float]


class StepFit:
    """Of one rank, or of several that are alike. `add` costs about a microsecond.

    Minimises the squares of errors relative to what was timed. So steps of 5 ms and of 500 ms count
    the same, and one that took a hundred times as long as others, for a pause, hardly counts.
    """

    def __init__(self) -> None:
        self._moments = [[0.0] * 3 for _ in range(3)]  # Σ weight · row ⊗ row
        self._times = [0.0] * 3  # Σ weight · row · seconds
        self._groups = 0
        self._count = 0  # steps of the group that isn't full yet, and their sums
        self._sequences = self._prefill_tokens = self._seconds = 0.0

    def add(self, sequences: int, prefill_tokens: int, seconds: float, steps: int = 1) -> None:
        """A step of a busy engine, or `steps` that were alike and took `seconds` each.

        In each, so many sequences got a token, and so many tokens of prompts were computed.
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
        for one, moments in zip(row, self._moments, strict=True):
            for at, other in enumerate(row):
                moments[at] = kept * moments[at] + weight * one * other
        for at, one in enumerate(row):
            self._times[at] = kept * self._times[at] + weight * one * seconds
        self._groups += 1

    @property
    def step(self) -> StepTime | None:
        """None until there are enough steps to tell. Costs some dozen microseconds."""
        if self._groups < _FEWEST:
            return None
        return StepTime(*_non_negative(self._moments, self._times))


def _non_negative(moments: Sequence[Sequence[float]], times: Sequence[float]) -> _Row:
    """The best of the solutions that leave out some of the coefficients, and have none below 0."""
    doubtful = [list(row) for row in moments]
    doubtful[0][0] *= 1 + _DOUBT
    best, least = (0.0, 0.0, 0.0), 0.0
    for size in (3, 2, 1):
        for used in combinations(range(3), size):
            found = _solve([[doubtful[i][j] for j in used] for i in used], [times[i] for i in used])
            if found is None or min(found) < 0:
                continue
            # The square error, but for what all have in common.
            error = -sum(value * times[i] for value, i in zip(found, used, strict=True))
            if error < least:
                whole = dict(zip(used, found, strict=True))
                best, least = (whole.get(0, 0.0), whole.get(1, 0.0), whole.get(2, 0.0)), error
        if size == 3 and least:
            break  # none of the others is better
    return best


def _solve(matrix: list[list[float]], right: list[float]) -> list[float] | None:
    """Gauss, of columns scaled alike; None where they can't be told apart."""
    scale = [matrix[i][i] ** 0.5 for i in range(len(right))]
    if not all(scale):
        return None
    rows = [
        [*(value / one / other for value, other in zip(row, scale, strict=True)), end / one]
        for row, end, one in zip(matrix, right, scale, strict=True)
    ]
    for i, row in enumerate(rows):
        if row[i] < _ALIKE:
            return None
        for lower in rows[i + 1 :]:
            times = lower[i] / row[i]
            lower[:] = [value - times * above for value, above in zip(lower, row, strict=True)]
    found = [0.0] * len(right)
    for i in reversed(range(len(right))):
        known = sum(rows[i][j] * found[j] for j in range(i + 1, len(right)))
        found[i] = (rows[i][-1] - known) / rows[i][i]
    return [value / one for value, one in zip(found, scale, strict=True)]
