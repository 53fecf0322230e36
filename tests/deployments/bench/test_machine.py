import pytest

from deployments.bench.machine import Machine


def test_this_machine_is_described() -> None:
    machine = Machine.this()
    assert f"{machine.cores} cores" in machine.describe()
    assert "vllm 0.32.0" in machine.describe()


@pytest.mark.parametrize(("load", "busy"), [(0.1, False), (0.5, False), (0.6, True)])
def test_a_machine_with_other_work_is_busy(load: float, busy: bool) -> None:
    machine = Machine.this().model_copy(update={"cores": 2, "load_1_min": load})
    assert machine.busy is busy
