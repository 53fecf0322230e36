from pathlib import Path

import pytest
from vllm.engine.arg_utils import AsyncEngineArgs

from configs.deployment import Deployment
from configs.errors import CheckpointError, ConfigError
from deployments.cli.shard_set import prepare
from deployments.vllm_config import rank_config, router_config, serve_arguments
from model_shards.nano import NANO, TRAINED_NANO, build_nano
from model_shards.placement.order import linear_order
from model_shards.shard_set.split import split
from tests.model_shards.nano_head import write_head

ENGINE = {"engine": {"max_model_len": 1024, "enforce_eager": True, "kv_cache_memory_bytes": 10**8}}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nano(tmp_path_factory.mktemp("checkpoint") / "nano")


def test_a_checkpoint_is_loaded_as_mistral_writes_it(checkpoint: Path) -> None:
    arguments = serve_arguments(Deployment.model_validate({"model": {"source": checkpoint}}))
    assert (arguments.model, arguments.load_format) == (str(checkpoint), "mistral")
    assert arguments.model_loader_extra_config == {}


def test_a_shard_set_brings_its_own_params_and_tokenizer(checkpoint: Path, tmp_path: Path) -> None:
    weights = {"format": "expert_shards", "source": str(tmp_path / "set"), "verify": False}
    args = {"model": {"source": checkpoint}, "weights": weights}
    deployment = Deployment.model_validate(args)
    with pytest.raises(CheckpointError, match=r"manifest\.json can't be read"):
        serve_arguments(deployment)
    prepare(deployment)
    arguments = serve_arguments(deployment)
    assert (arguments.model, arguments.load_format) == (weights["source"], "expert_shards")
    assert arguments.model_loader_extra_config == {
        "source": weights["source"],
        "cache": str(deployment.weights.cache),
        "cache_limits": {"unused_days": 30, "gigabytes": None},
        "verify": False,
    }


def test_a_sets_own_head_is_what_vllm_drafts_with(checkpoint: Path, tmp_path: Path) -> None:
    """VLLM's own SpeculativeConfig is made, and knows the head by its architecture."""
    head = write_head(tmp_path / "head")
    order = linear_order(NANO.n_layers, NANO.moe.num_experts)
    split(checkpoint, tmp_path / "set", order, 2, draft=head)
    weights = {"format": "expert_shards", "source": str(tmp_path / "set")}
    speculative = {"method": "eagle", "num_speculative_tokens": 3, "max_model_len": 512}
    args = {"model": {"speculative": speculative}, "weights": weights}
    arguments = serve_arguments(Deployment.model_validate(args | ENGINE))
    config = AsyncEngineArgs.from_cli_args(arguments).create_engine_config()
    made = config.speculative_config
    assert (made.method, made.num_speculative_tokens) == ("eagle", 3)
    assert made.draft_model_config.model == str(tmp_path / "set" / "draft")
    assert made.draft_model_config.max_model_len == 512
    assert made.draft_model_config.architectures == ["EagleMistralLarge3ForCausalLM"]


def test_ngrams_are_given_as_vllm_names_them(checkpoint: Path) -> None:
    speculative = {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 4}
    args = {"model": {"source": checkpoint, "speculative": speculative}}
    arguments = serve_arguments(Deployment.model_validate(args | ENGINE))
    assert arguments.speculative_config == speculative
    made = AsyncEngineArgs.from_cli_args(arguments).create_engine_config().speculative_config
    assert (made.method, made.prompt_lookup_max, made.prompt_lookup_min) == ("ngram", 4, 4)


def test_what_vllm_finds_wrong_with_guesses_is_its_own_error(checkpoint: Path) -> None:
    lookup = {"prompt_lookup_min": 5, "prompt_lookup_max": 4}
    speculative = {"method": "ngram", "num_speculative_tokens": 3} | lookup
    args = {"model": {"source": checkpoint, "speculative": speculative}}
    arguments = serve_arguments(Deployment.model_validate(args | ENGINE))
    with pytest.raises(ValueError, match="prompt_lookup_min=5 must be <= prompt_lookup_max=4"):
        AsyncEngineArgs.from_cli_args(arguments).create_engine_config()


def test_a_set_without_a_head_is_named(checkpoint: Path, tmp_path: Path) -> None:
    weights = {"format": "expert_shards", "source": str(tmp_path / "set")}
    model = {"source": checkpoint, "speculative": {"method": "eagle", "num_speculative_tokens": 3}}
    deployment = Deployment.model_validate({"model": model, "weights": weights})
    with pytest.raises(ConfigError, match=r"would lack the head .* by .small4 shard split --draft"):
        prepare(deployment)
    split(checkpoint, tmp_path / "set", linear_order(NANO.n_layers, 128), 2)
    with pytest.raises(ConfigError, match=r"set/draft/params\.json\. Split the set with --draft"):
        serve_arguments(deployment)


@pytest.mark.parametrize("length", ["auto", -1])
def test_a_length_that_routers_cannot_know_is_refused(checkpoint: Path, length: str | int) -> None:
    args = {"model": {"source": checkpoint}, "engine": {"max_model_len": length}}
    with pytest.raises(ConfigError, match=r"engine\.max_model_len: auto .* give a number"):
        serve_arguments(Deployment.model_validate(args))


@pytest.mark.parametrize(("ranks", "redundant"), [(1, 0), (2, 2)])
def test_replicas_of_a_set_are_vllms_redundant_experts(
    tmp_path: Path, ranks: int, redundant: int
) -> None:
    split(TRAINED_NANO, tmp_path, ((*range(64), 100, *range(64, 128), 3),) * 4, groups=2)
    weights = {"format": "expert_shards", "source": str(tmp_path)}
    args = {"model": {}, "weights": weights, "gangs": {"ranks": ranks}}
    arguments = serve_arguments(Deployment.model_validate(args))
    assert bool(arguments.enable_eplb) == (redundant > 0)
    assert arguments.eplb_config.num_redundant_experts == redundant


def test_replicas_on_cpus_are_refused_with_what_to_do(tmp_path: Path) -> None:
    split(TRAINED_NANO, tmp_path, ((*range(64), 100, *range(64, 128), 3),) * 4, groups=2)
    weights = {"format": "expert_shards", "source": str(tmp_path)}
    deployment = Deployment.model_validate({"model": {}, "weights": weights, "gangs": {"ranks": 2}})
    with pytest.raises(ConfigError, match=r"enable_eplb: true.*without replicas.*gangs\.ranks: 1"):
        rank_config(deployment, 0, "127.0.0.1", 29500, "inproc://events")
    _, routers = router_config(deployment)
    assert not routers.parallel_config.enable_eplb
