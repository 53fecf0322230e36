"""What `small4 autoscale simulate` runs: traffic, the gang that serves it, and the policy."""

import json
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from configs.admission import Admission
from configs.autoscaling import Autoscaling, Seconds
from configs.deployment import Survival
from configs.errors import ConfigError
from configs.schema import PositiveInt, Strict
from configs.traffic import Amount, Traffic


class StepSeconds(Strict):
    """Seconds that an engine step takes, by what is in it.

    It takes `base_s`, and what the gang's busiest rank adds: `sequence_s` for each sequence that
    gets a token, and `prefill_token_s` for each token of prompts. Fit them to steps that were timed
    (`deployments.autoscaling.step_fit`), or take `base_s` from the TPOT of one stream, `sequence_s`
    from how TPOT grows with streams, `prefill_token_s` from how TTFT grows with the prompt.
    """

    base_s: Seconds
    sequence_s: Amount
    prefill_token_s: Amount


class Gang(Strict):
    """Limits of each rank's engine, how fast the gang steps, and what it costs."""

    ranks: PositiveInt = 1
    gpus_per_rank: Amount = 1
    start_s: Seconds = Field(description="From asking for a gang until it is up.")
    max_num_seqs: PositiveInt
    max_num_batched_tokens: PositiveInt
    kv_tokens: PositiveInt = Field(description="Of each rank's cache.")
    block_tokens: PositiveInt = 16
    step: StepSeconds


class Scenario(Strict):
    """A whole simulation; a gang takes `gang.start_s` to come up, whatever the policy expects."""

    traffic: Traffic
    gang: Gang
    autoscaling: Autoscaling
    admission: Admission = Admission()
    survival: Survival = Survival()
    initial_gangs: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Up when it begins; if not given, min_gangs."
    )

    @model_validator(mode="after")
    def _begins_within_bounds(self) -> Self:
        if (self.initial_gangs or 0) > self.autoscaling.max_gangs:
            raise ValueError(
                f"initial_gangs {self.initial_gangs} is above autoscaling.max_gangs "
                f"{self.autoscaling.max_gangs}: raise max_gangs"
            )
        return self

    @classmethod
    def load(cls, path: Path) -> "Scenario":
        """Load a scenario, with the trace that it names.

        Raises ConfigError if either file can't be read or isn't valid.
        """
        try:
            raw = yaml.safe_load(_text(path))
        except yaml.YAMLError as error:
            raise ConfigError(f"{path} isn't YAML: {error}") from error
        _read_trace(path, raw)
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            wrong = "\n".join(
                f"  {'.'.join(map(str, detail['loc'])) or 'file'}: {detail['msg']}"
                f" (got {detail['input']!r:.60})"
                for detail in error.errors()
            )
            raise ConfigError(f"{path} isn't a scenario:\n{wrong}") from error


def _read_trace(path: Path, raw: Any) -> None:
    """Put the lines of `traffic.recorded_file` where `traffic.recorded` would be."""
    traffic = raw.get("traffic") if isinstance(raw, dict) else None
    if not isinstance(traffic, dict) or "recorded_file" not in traffic:
        return
    if "recorded" in traffic:
        raise ConfigError(f"{path}: traffic has recorded and recorded_file: remove one of them")
    trace = path.parent / str(traffic.pop("recorded_file"))
    traffic["recorded"] = []
    for number, line in enumerate(_text(trace).splitlines(), start=1):
        try:
            traffic["recorded"].append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ConfigError(f"{trace}, line {number} isn't JSON: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} can't be read ({error}): give a scenario, such as those in "
            "configs/scenarios/, and a trace beside it if it names one."
        ) from error
