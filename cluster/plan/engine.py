"""The engine arguments of a manifest that change its plan."""

from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from configs.errors import ConfigError
from configs.schema import PositiveInt
from configs.serving import Serving
from configs.speculation import Speculative

_Section = TypeVar("_Section", bound=BaseModel)
_WHERE = "serving.deployment.engine"
_CACHE_BYTES = {"bfloat16": 2, "float16": 2, "fp8": 1, "fp8_e4m3": 1}


_WITHOUT_WEIGHTS = (None, "ngram", "suffix")


class _Given(BaseModel):
    """Engine arguments that a plan reads, with vLLM's names and meanings; others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    all2all_backend: str | None = None
    kv_cache_memory_bytes: PositiveInt | None = None
    kv_cache_dtype: Literal["auto", "bfloat16", "float16", "fp8", "fp8_e4m3"] = "auto"
    dtype: str = "auto"
    enforce_eager: bool = False
    enable_eplb: bool = False
    speculative_config: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Engine:
    """What a plan takes from `serving.deployment.engine`."""

    all2all: str | None
    kv_cache_bytes: int | None  # vLLM then ignores the GPU's utilization
    element_bytes: int  # of activations, and of weights that aren't quantised
    cache_element_bytes: int
    eager: bool
    eplb: bool  # vLLM's load balancer of experts
    drafts: bool  # by an EAGLE head

    @classmethod
    def of(cls, serving: Serving) -> "Engine":
        """Read the arguments from a manifest.

        Raises ConfigError if one has a value that a plan can't count with.
        """
        given = _read(_Given, serving.deployment.get("engine", {}), _WHERE)
        element_bytes = 4 if given.dtype == "float32" else 2
        return cls(
            all2all=given.all2all_backend,
            kv_cache_bytes=given.kv_cache_memory_bytes,
            element_bytes=element_bytes,
            cache_element_bytes=_CACHE_BYTES.get(given.kv_cache_dtype, element_bytes),
            eager=given.enforce_eager,
            eplb=given.enable_eplb,
            drafts=_drafts(serving, given.speculative_config),
        )


def _drafts(serving: Serving, given: dict[str, Any] | None) -> bool:
    """Tell whether ranks hold an EAGLE head. Raises ConfigError for other weights that guess."""
    where = "serving.deployment.model.speculative"
    section = serving.deployment.get("model", {}).get("speculative")
    method = _read(Speculative, section, where).method if section else (given or {}).get("method")
    if not section:
        where = "serving.deployment.engine.speculative_config"
    if method not in (*_WITHOUT_WEIGHTS, "eagle") or (given and method is None):
        raise ConfigError(
            f"{where}.method: a plan can't count the memory of {method!r}, only of eagle, ngram "
            "and suffix"
        )
    return method == "eagle"


def _read(section: type[_Section], given: Any, where: str) -> _Section:
    try:
        return section.model_validate(given)
    except ValidationError as error:
        complaints = [
            f"{'.'.join((where, *map(str, detail['loc'])))}: {detail['msg']} (got "
            f"{detail['input']!r})"
            for detail in error.errors()
        ]
        raise ConfigError("\n".join(complaints)) from error
