from pathlib import Path

import pytest

from configs.errors import BenchError
from deployments.chaos import ledger
from deployments.chaos.ledger import Row, bound, load, record, tables, with_tables
from tests.deployments.chaos.gathered import report

ROW = Row.of(report())
GOOD = ROW.model_copy(
    update={
        "failed": 0,
        "wrong": 0,
        "open": 0,
        "kinds": {"kill-engine": ROW.kinds["kill-engine"].model_copy(update={"bad_faults": 0})},
    }
)


@pytest.mark.parametrize(("faults", "rate"), [(200, 0.015), (25, 0.12), (2, 1), (0, 1)])
def test_the_rule_of_three(faults: int, rate: float) -> None:
    assert bound(faults) == rate


def test_a_recorded_run_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    path.write_text("[]")
    record(ROW, path)
    with pytest.raises(BenchError, match="seed 3 is in the ledger for commit abc"):
        record(ROW, path)
    record(ROW.model_copy(update={"seed": 4}), path)
    assert [row.seed for row in load(path)] == [3, 4]


def test_harm_is_said_and_no_bound_is() -> None:
    text = tables([ROW, GOOD])
    assert "1 of 2 faults did harm" in text
    assert "rule of three" not in text
    assert f"({ROW.machine}; {ROW.date}; `{ROW.commit}`)" in text
    assert "| `kill-engine` | 2 | 1 | 1.0 | 20.0 | 50.0 |" in text


def test_without_harm_the_bound_is_said() -> None:
    assert "fewer than 100.0% of faults do harm" in tables([GOOD])
    many = GOOD.model_copy(
        update={
            "kinds": {"kill-engine": GOOD.kinds["kill-engine"].model_copy(update={"faults": 200})}
        }
    )
    assert "fewer than 1.5% of faults do harm" in tables([many])


def test_tables_stand_between_the_marks() -> None:
    document = ledger.README.read_text("utf-8")
    once = with_tables(document, [ROW])
    assert with_tables(once, load()) == document
    with pytest.raises(BenchError, match="no marks"):
        with_tables("nothing", [ROW])


def test_the_readme_has_what_the_ledger_adds_up_to() -> None:
    assert tables(load()) in ledger.README.read_text("utf-8")
