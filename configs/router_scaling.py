"""When routers are added and let go."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from configs.schema import PositiveInt, PositiveSeconds, Strict


class RouterScaling(Strict):
    """Bounds and targets: as many routers run as keep each measure's mean below its target."""

    min_routers: PositiveInt = 1
    max_routers: PositiveInt = 4
    streams: PositiveInt = Field(default=512, description="Open requests.")
    cpu: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.7, description="Of a core: a router's event loop has but one."
    )
    lag_s: PositiveSeconds = Field(
        default=0.05, description="How late its event loop is; beyond it one more router comes."
    )
    up_s: PositiveSeconds = Field(
        default=10, description="Routers are added once more were needed all this time."
    )
    down_s: PositiveSeconds = Field(
        default=300, description="Routers go once fewer were needed all this time."
    )

    @model_validator(mode="after")
    def _bounds_agree(self) -> Self:
        if self.min_routers > self.max_routers:
            raise ValueError(
                f"min_routers {self.min_routers} is above max_routers {self.max_routers}: "
                "raise max_routers"
            )
        return self
