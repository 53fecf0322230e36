"""What a deployment is: the arguments of `deployments.app:build` in a Serve config file."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PROJECT_ROOT = Path(__file__).resolve().parents[1]

PositiveInt = Annotated[int, Field(ge=1)]
PositiveSeconds = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(_Strict):
    """Which checkpoint is served, and under which name clients ask for it."""

    source: Path = Field(description="Directory of a checkpoint in Mistral format.")
    name: str = Field(default="mistral-small-4", min_length=1)

    @field_validator("source")
    @classmethod
    def _absolute(cls, source: Path) -> Path:
        # Ray's workers run elsewhere: a relative path means one below the project root.
        return PROJECT_ROOT / source.expanduser()


class Resources(_Strict):
    """What one replica asks of a Ray node."""

    num_cpus: Annotated[float, Field(ge=0)] = 1
    num_gpus: Annotated[float, Field(ge=0)] = 0


class Gangs(_Strict):
    """Copies of the model; one gang is `ranks` replicas that start, run and restart together."""

    count: PositiveInt = 1
    ranks: PositiveInt = Field(default=1, description="Data-parallel, expert-parallel ranks.")
    placement: Literal["PACK", "SPREAD"] = "PACK"
    resources: Resources = Resources()
    start_timeout_s: PositiveSeconds = Field(
        default=1800, description="How long a gang's ranks wait for each other to start."
    )


class Routers(_Strict):
    """Replicas that speak HTTP to clients."""

    count: PositiveInt = 1
    resources: Resources = Resources()
    max_streams: PositiveInt = Field(default=4096, description="Open requests per router.")


class Waits(_Strict):
    """How long a request of each priority class waits in a router before it is refused."""

    interactive_s: PositiveSeconds = 30
    standard_s: PositiveSeconds = 120
    batch_s: PositiveSeconds = 3600


class Admission(_Strict):
    """How full an engine is kept; what doesn't fit waits in the router.

    The defaults suit nano and real gangs alike, since they are relative to the engine's own
    `max_num_batched_tokens`, `max_num_seqs` and KV cache.
    """

    prefill_steps: Annotated[float, Field(gt=0)] = Field(
        default=2,
        description="Prompt tokens that a rank has before it when it is given another prompt, in "
        "full steps of its engine. Less than 1 leaves steps unfilled; more than a few lets a late "
        "interactive request wait.",
    )
    kv_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.95,
        description="Of a rank's KV cache that is promised to requests, by prompt and expected "
        "answer. Lower it if `vllm:num_preemptions` grows.",
    )
    max_waiting: PositiveInt = Field(
        default=2048, description="Requests that wait in one router; more are refused with 429."
    )
    waits: Waits = Waits()


class Access(_Strict):
    """Who may send requests; without keys, everybody who reaches the port."""

    keys_file: Path | None = Field(
        default=None,
        description="YAML, on every node with a router; read again when it changes. `small4 keys "
        "new NAME` prints an entry.",
    )
    keys_env: str | None = Field(
        default=None, description="Environment variable of the routers with the same YAML."
    )
    open: bool = Field(
        default=False, description="Serve beyond this machine without keys: anybody may ask."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum((self.keys_file is not None, self.keys_env is not None, self.open)) > 1:
            raise ValueError("give one of keys_file, keys_env and open")
        return self

    @field_validator("keys_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path and PROJECT_ROOT / path.expanduser()

    @property
    def keyed(self) -> bool:
        return self.keys_file is not None or self.keys_env is not None


class RequestLimits(_Strict):
    """What one request may hold; a larger one is refused before it costs anything.

    How long a prompt and its answer may get is vLLM's `max_model_len`, among the engine's
    arguments, and how many logprobs a token may have its `max_logprobs`.
    """

    body_mib: PositiveInt = Field(default=32, description="Images come in the body, as base64.")
    messages: PositiveInt = 2048
    images: PositiveInt = 16
    pixels: PositiveInt = Field(
        default=25_000_000, description="Of one image; the encoder scales down what it gets."
    )
    answers: PositiveInt = Field(default=16, description="The largest `n`, for one prompt.")
    prompts: PositiveInt = Field(default=64, description="Of one completion request.")


class Survival(_Strict):
    """What becomes of a request whose rank has died."""

    deadline_s: PositiveSeconds = Field(
        default=300, description="How long a request waits for a living rank before it fails."
    )
    silence_s: PositiveSeconds = Field(
        default=10, description="A rank that sends nothing for this long counts as dead."
    )


class Deployment(_Strict):
    """Everything `deployments.app:build` needs."""

    model: Model
    gangs: Gangs = Gangs()
    routers: Routers = Routers()
    admission: Admission = Admission()
    access: Access = Access()
    limits: RequestLimits = RequestLimits()
    survival: Survival = Survival()
    engine: dict[str, Any] = Field(
        default_factory=dict,
        description="vLLM engine arguments (the names of `AsyncEngineArgs`), for every rank.",
    )
    frontend: dict[str, Any] = Field(
        default_factory=dict,
        description="Arguments of vLLM's API server (the names of `vllm serve`), for every router.",
    )
