"""The load client's result of one run against one server."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import BenchError

# The figures that are compared, and their names in reports.
FIGURES = {
    "requests_per_s": "requests/s",
    "ttft_p50_ms": "TTFT p50 ms",
    "ttft_p99_ms": "TTFT p99 ms",
    "tpot_p50_ms": "TPOT p50 ms",
}


class Measurement(BaseModel):
    """The part of `vllm bench serve`'s result file that is reported; read from vLLM 0.32."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    completed: int
    failed: int
    duration_s: float = Field(validation_alias="duration")
    output_tokens: int = Field(validation_alias="total_output_tokens")
    requests_per_s: float = Field(validation_alias="request_throughput", gt=0)
    ttft_p50_ms: float = Field(gt=0, validation_alias="p50_ttft_ms")
    ttft_p99_ms: float = Field(gt=0, validation_alias="p99_ttft_ms")
    tpot_p50_ms: float = Field(gt=0, validation_alias="p50_tpot_ms")

    @classmethod
    def load(cls, path: Path, tokens_per_request: int) -> "Measurement":
        """Load a result file.

        Raises BenchError unless every request was answered, and to its full length.
        """
        try:
            result = cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise BenchError(f"{path} isn't a result of `vllm bench serve`: {error}") from error
        if result.failed:
            raise BenchError(
                f"{result.failed} of {result.failed + result.completed} requests failed: "
                "see the server's log; a figure over the rest would flatter it."
            )
        if result.output_tokens != result.completed * tokens_per_request:
            raise BenchError(
                f"{result.completed} requests brought {result.output_tokens} tokens, "
                f"not {tokens_per_request} each: the servers aren't doing the same work."
            )
        return result

    def figure(self, name: str) -> float:
        """Return the figure that a key of FIGURES names."""
        value: float = getattr(self, name)
        return value
