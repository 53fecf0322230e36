"""When gangs are added and let go: settings of the policy in `deployments.autoscaling`."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from configs.schema import PositiveInt, PositiveSeconds, Strict

Seconds = Annotated[PositiveSeconds, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]


class Autoscaling(Strict):
    """Bounds, targets, and how soon gangs come and go. Each gang comes and goes as a whole."""

    min_gangs: Annotated[int, Field(ge=0)] = Field(
        default=1, description="With 0 the first request wakes a gang, and waits for it."
    )
    max_gangs: PositiveInt = Field(
        default=1, description="Up or starting. Those that drain are not among them."
    )
    ttft_s: Seconds = Field(default=2, description="Target: time to first token.")
    tpot_s: Seconds = Field(default=0.05, description="Target: time per further token.")
    fill: Share = Field(
        default=0.75,
        description="Of the requests that gangs could serve within the targets, how many they are "
        "meant to. The rest is for noise, and for what comes while the next gang starts.",
    )
    margin: Share = Field(
        default=0.9, description="Share of a target from which on it counts as missed."
    )
    start_s: Seconds = Field(
        default=120, description="How long a gang takes to come up, until one was measured."
    )
    confirm_s: Seconds = Field(
        default=10,
        description="Gangs are added once as many were needed all this time; from zero, at once.",
    )
    stabilise_s: Seconds = Field(
        default=300,
        description="Gangs go once fewer were needed all this time, or twice the time that a gang "
        "takes to come up, if that is longer.",
    )
    idle_s: Seconds = Field(
        default=900, description="With `min_gangs: 0`, all go after this long without a request."
    )
    batch_wait_s: Seconds = Field(
        default=900,
        description="Batch requests get what is idle; once one has waited this long, gangs are "
        "added for them too.",
    )
    interval_s: Seconds = Field(default=2, description="Between two decisions.")

    @model_validator(mode="after")
    def _bounds_agree(self) -> Self:
        if self.min_gangs > self.max_gangs:
            raise ValueError(
                f"min_gangs {self.min_gangs} is above max_gangs {self.max_gangs}: raise max_gangs"
            )
        if self.confirm_s >= self.stabilise_s:
            raise ValueError(
                f"confirm_s {self.confirm_s:g} must be less than stabilise_s {self.stabilise_s:g}, "
                "or gangs go sooner than they come"
            )
        return self
