from pathlib import Path

import pytest

from deployments.bench.lockstep.waste import Steps, read_steps, waste


@pytest.mark.parametrize(
    ("ranks", "share"),
    [
        ([{(0, 1): 8}, {(0, 1): 8}], 0.0),
        ([{(0, 1): 8}, {(0, 1): 0}], 0.5),
        ([{(0, 1): 6, (0, 2): 2}, {(0, 1): 2, (0, 2): 2}], 0.25),
        ([{(0, 1): 4, (0, 2): 9}, {(0, 1): 4}], 0.0),  # the other hasn't logged it yet
        ([{(0, 1): 0}, {(0, 1): 0}], 0.0),
    ],
)
def test_steps_last_as_long_as_their_busiest_rank(ranks: list[Steps], share: float) -> None:
    assert waste(ranks) == pytest.approx(share)


def test_what_was_logged_before_the_run_isnt_read(tmp_path: Path) -> None:
    log = tmp_path / "rank-0.csv"
    log.write_text("0,1,5\n")
    offset = log.stat().st_size
    log.write_text("0,1,5\n1,2,7\n")
    assert read_steps(log, offset) == {(1, 2): 7}
