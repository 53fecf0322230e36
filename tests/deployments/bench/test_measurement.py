import json
from pathlib import Path
from typing import Any

import pytest

from configs.errors import BenchError
from deployments.bench.measurement import FIGURES, Measurement

# What `vllm bench serve` 0.32 writes, without the figures that aren't read.
RESULT: dict[str, Any] = {
    "date": "20261123-161800",
    "backend": "openai-chat",
    "max_concurrency": 16,
    "duration": 2.5,
    "completed": 100,
    "failed": 0,
    "total_output_tokens": 3200,
    "request_throughput": 40.0,
    "request_goodput": None,
    "median_ttft_ms": 50.0,
    "p50_ttft_ms": 50.0,
    "p99_ttft_ms": 90.0,
    "p50_tpot_ms": 7.5,
}


def load(directory: Path, **changes: Any) -> Measurement:
    path = directory / "result.json"
    path.write_text(json.dumps(RESULT | changes), encoding="utf-8")
    return Measurement.load(path, tokens_per_request=32)


def test_the_clients_result_is_read(tmp_path: Path) -> None:
    measurement = load(tmp_path)
    assert [measurement.figure(name) for name in FIGURES] == [40.0, 50.0, 90.0, 7.5]
    assert (measurement.completed, measurement.duration_s) == (100, 2.5)


def test_it_reads_back_what_a_report_holds() -> None:
    measurement = Measurement.model_validate(RESULT)
    assert set(measurement.model_dump()) >= set(FIGURES)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"failed": 3, "completed": 97}, "3 of 100 requests failed"),
        ({"total_output_tokens": 3199}, "brought 3199 tokens, not 32 each"),
        ({"request_throughput": 0}, "isn't a result"),
        ({"p50_ttft_ms": None}, "isn't a result"),
    ],
)
def test_results_that_compare_nothing(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BenchError, match=complaint):
        load(tmp_path, **changes)
