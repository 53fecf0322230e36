"""Hand-made results."""

from deployments.bench.comparison import Cell, Comparison
from deployments.bench.contender import Contender
from deployments.bench.measurement import Measurement


def measurement(requests_per_s: float, ttft_p50_ms: float = 100) -> Measurement:
    return Measurement.model_validate(
        {
            "completed": 10,
            "failed": 0,
            "duration": 10 / requests_per_s,
            "total_output_tokens": 320,
            "request_throughput": requests_per_s,
            "p50_ttft_ms": ttft_p50_ms,
            "p99_ttft_ms": 2 * ttft_p50_ms,
            "p50_tpot_ms": 5,
        }
    )


def comparison(**requests_per_s: list[float]) -> Comparison:
    """Make a comparison at 16 streams from each contender's requests/s, round by round."""
    return Comparison(
        [
            Cell(number, 16, Contender[name.upper()], measurement(value))
            for name, values in requests_per_s.items()
            for number, value in enumerate(values, start=1)
        ]
    )
