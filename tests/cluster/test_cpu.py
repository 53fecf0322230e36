import platform

import pytest

from cluster.cpu import cpu_model


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("processor\t: 0\nmodel name\t: AMD EPYC 7763\nmodel name\t: other\n", "AMD EPYC 7763"),
        ("processor\t: 0\nBogoMIPS\t: 50.00\n", platform.machine()),  # as on ARM
    ],
)
def test_the_cpus_name(text: str, model: str) -> None:
    assert cpu_model(text) == model
