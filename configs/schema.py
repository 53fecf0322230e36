"""The base and the number types that all schemas share."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PROJECT_ROOT = Path(__file__).resolve().parents[1]

PositiveInt = Annotated[int, Field(ge=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]


class Strict(BaseModel):
    """A model that refuses unknown fields and can't be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")
