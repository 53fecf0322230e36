"""A whole deployment: the arguments of `deployments.app:build` in a Serve config file."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from configs.access import Access
from configs.admission import Admission
from configs.autoscaling import Autoscaling
from configs.errors import ConfigError
from configs.request_limits import RequestLimits
from configs.router_scaling import RouterScaling
from configs.schema import PositiveInt, PositiveSeconds, Strict
from configs.tier import Tier
from configs.weights import Model, Weights


class Resources(Strict):
    """Resources that one replica asks of a Ray node."""

    num_cpus: Annotated[float, Field(ge=0)] = 1
    num_gpus: Annotated[float, Field(ge=0)] = 0


def _refuse_both(scaled: "Gangs | Routers") -> None:
    if scaled.autoscaling is not None and "count" in scaled.model_fields_set:
        raise ValueError("count: `autoscaling` says how many there are; remove one of the two")


class Gangs(Strict):
    """Copies of the model; one gang is `ranks` replicas that start, run and restart together."""

    count: PositiveInt = 1
    autoscaling: Autoscaling | None = Field(
        default=None, description="Instead of `count`: gangs come and go with the load."
    )
    ranks: PositiveInt = Field(default=1, description="Data-parallel, expert-parallel ranks.")
    placement: Literal["PACK", "SPREAD"] = "PACK"
    resources: Resources = Resources()
    start_timeout_s: PositiveSeconds = Field(
        default=1800, description="How long a gang's ranks wait for each other to start."
    )
    count_experts: bool = Field(
        default=False,
        description="Compile the counter of `small4 shard record` into the engines' graphs. With "
        "`enforce_eager: true` it isn't needed: such engines get the counter when asked.",
    )

    @model_validator(mode="after")
    def _one_number_of_gangs(self) -> Self:
        _refuse_both(self)
        return self

    @property
    def most(self) -> int:
        """The most gangs that there can be."""
        return self.autoscaling.max_gangs if self.autoscaling else self.count


class Routers(Strict):
    """Replicas that speak HTTP to clients."""

    count: PositiveInt = 1
    autoscaling: RouterScaling | None = Field(
        default=None, description="Instead of `count`: routers come and go with their own load."
    )
    resources: Resources = Resources()
    on_head: bool = Field(
        default=False,
        description="Only there: where `http_options.host` is 127.0.0.1, HAProxy on the head "
        "reaches no router on another node.",
    )
    max_streams: PositiveInt = Field(default=4096, description="Open requests per router.")
    drain_s: PositiveSeconds | None = Field(
        default=None,
        description="How long the streams of a router that is let go may end; then they are cut. "
        "By default as long as a request may take.",
    )

    @model_validator(mode="after")
    def _one_number_of_routers(self) -> Self:
        _refuse_both(self)
        return self

    @property
    def most(self) -> int:
        """The most routers that there can be."""
        return self.autoscaling.max_routers if self.autoscaling else self.count


class Survival(Strict):
    """What becomes of a request whose rank dies or is let go."""

    deadline_s: PositiveSeconds = Field(
        default=300, description="How long a request waits for a living rank before it fails."
    )
    death_s: PositiveSeconds = Field(
        default=2,
        description="A router or rank whose machine, network or process doesn't answer for so long "
        "counts as dead.",
    )
    silence_s: PositiveSeconds = Field(
        default=10,
        description="A rank is lost if its engine has work and hasn't advanced for this long, and "
        "twice the longest step that was measured.",
    )
    drain_s: PositiveSeconds = Field(
        default=60,
        description="How long the streams of a gang that is let go may end there, before they "
        "move to another.",
    )
    warm: bool = Field(
        default=True,
        description="Start an engine that died again in its replica, from a process that has vLLM "
        "loaded. Otherwise Serve restarts the gang.",
    )


def _not_below(wait_s: float, limit_s: float) -> str:
    return (
        f"{wait_s:g} s of waiting leave no time for an answer, since limits.request_s is "
        f"{limit_s:g}: lower the one or raise the other"
    )


class Deployment(Strict):
    """Everything that `deployments.app:build` needs."""

    model: Model
    weights: Weights = Weights()
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

    @model_validator(mode="after")
    def _one_set_of_weights(self) -> Self:
        if self.weights.source is None:
            if self.model.source is None:
                raise ValueError("model.source: give it, or weights that are a shard set")
            return self
        for name in ("load_format", "model_loader_extra_config"):
            if name in self.engine:
                raise ValueError(f"engine.{name}: `weights` says it already; remove one of them")
        return self

    @model_validator(mode="after")
    def _one_way_to_guess(self) -> Self:
        speculative = self.model.speculative
        if speculative is None:
            return self
        if "speculative_config" in self.engine:
            raise ValueError(
                "engine.speculative_config: model.speculative says it already; remove one of them"
            )
        if speculative.drafts and speculative.draft is None and self.weights.source is None:
            raise ValueError(
                f"model.speculative.draft: method {speculative.method} needs the directory of a "
                "head or small model, or weights that are a shard set with one"
            )
        return self

    @model_validator(mode="after")
    def _requests_may_wait(self) -> Self:
        limit_s, waits = self.limits.request_s, self.admission.waits
        for tier in Tier:
            if waits.of(tier) >= limit_s:
                name = f"admission.waits.{tier.label}_s"
                raise ValueError(f"{name}: {_not_below(waits.of(tier), limit_s)}")
        if self.survival.deadline_s >= limit_s:
            raise ValueError(
                f"survival.deadline_s: {_not_below(self.survival.deadline_s, limit_s)}"
            )
        return self

    @property
    def router_drain_s(self) -> float:
        """How long a router that is let go may go on."""
        return self.routers.drain_s or self.limits.connection_s

    @property
    def checkpoint(self) -> Path:
        """The checkpoint's directory, `model.source`.

        Raises ConfigError if the deployment names only a shard set.
        """
        if self.model.source is None:
            raise ConfigError("model.source: give the directory of a checkpoint in Mistral format")
        return self.model.source
