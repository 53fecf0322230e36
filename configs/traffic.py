"""Requests of a scenario: their rate as a sum of shapes, or a recorded trace."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from configs.autoscaling import Seconds
from configs.schema import PositiveInt, Strict
from configs.tier import NamedTier, Tier

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LogNormal(Strict):
    """Numbers of tokens, log-normal and cut off at `most`; with `sigma: 0` all are equal."""

    median: PositiveInt
    sigma: Amount = 0
    most: PositiveInt = 1_000_000


class _Shape(Strict):
    at_s: Amount = 0
    duration_s: Seconds


class Ramp(_Shape):
    """A rate that changes linearly from one value to another; constant if they are equal."""

    shape: Literal["ramp"]
    from_per_s: Amount
    to_per_s: Amount


class Square(_Shape):
    """A rate that is low for half of each period, then high for half."""

    shape: Literal["square"]
    low_per_s: Amount
    high_per_s: Amount
    period_s: Seconds


class Diurnal(_Shape):
    """A rate that follows a cosine and begins low."""

    shape: Literal["diurnal"]
    low_per_s: Amount
    high_per_s: Amount
    period_s: Seconds


class Burst(_Shape):
    """A number of requests, spread evenly over the duration."""

    shape: Literal["burst"]
    requests: PositiveInt


Shape = Annotated[Ramp | Square | Diurnal | Burst, Field(discriminator="shape")]


class Recorded(Strict):
    """One request of a trace, as a load test sent it."""

    at_s: Amount
    prompt_tokens: PositiveInt
    answer_tokens: PositiveInt
    tier: NamedTier = Field(default=Tier.STANDARD, alias="class")


class Traffic(Strict):
    """Shapes, which add up, or a recorded trace, also as `recorded_file` (JSON, a line each)."""

    shapes: tuple[Shape, ...] = ()
    recorded: tuple[Recorded, ...] = ()
    spacing: Literal["poisson", "even"] = Field(
        default="poisson", description="Of requests, at the rate that the shapes have."
    )
    prompt_tokens: LogNormal = LogNormal(median=512)
    answer_tokens: LogNormal = LogNormal(median=128)
    classes: dict[NamedTier, Amount] = Field(
        default={Tier.STANDARD: 1.0}, description="How often each class comes, relative to others."
    )
    seed: int = 0

    @property
    def ends_s(self) -> float:
        """The time when the last shape ends, or the last recorded request comes."""
        ends = [shape.at_s + shape.duration_s for shape in self.shapes]
        return max(ends + [request.at_s for request in self.recorded])

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.shapes) == bool(self.recorded):
            raise ValueError("give shapes or recorded arrivals, one of the two")
        if sum(self.classes.values()) <= 0:
            raise ValueError("classes: give one of them a share above 0")
        return self
