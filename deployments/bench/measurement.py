"""What the load client found in one run against one server."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from configs.errors import BenchError

# The figures that are compared, and how reports call them.
FIGURES = {
    "requests_per_s": "requests/s",
    "ttft_p50_ms": "TTFT p50 ms",
    "ttft_p99_ms": "TTFT p99 ms",
    "tpot_p50_ms": "TPOT p50 ms",
}


class Measurement(BaseModel):
    """The part of `vllm bench serve`'s result file that is reported. Read from vLLM 0.32."""

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
        """Raises BenchError unless every request was answered, and to its full length."""
        try:
            found = cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise BenchError(f"{path} isn't a result of `vllm bench serve`: {error}") from error
        if found.failed:
            raise BenchError(
                f"{found.failed} of {found.failed + found.completed} requests failed: see the "
                "server's log; a figure over the rest would flatter it."
            )
        if found.output_tokens != found.completed * tokens_per_request:
            raise BenchError(
                f"{found.completed} requests brought {found.output_tokens} tokens, not "
                f"{tokens_per_request} each: the servers aren't doing the same work."
            )
        return found

    def figure(self, name: str) -> float:
        """`name` is a key of FIGURES."""
        value: float = getattr(self, name)
        return value
