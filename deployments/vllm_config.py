"""Turns a deployment's config into vLLM's own arguments.

Everything goes through vLLM's command-line parser, so that a name or a value that `vllm serve`
would refuse is refused here with the same words. Read from vLLM 0.32.
"""

import contextlib
import io
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from configs.deployment import Deployment
from configs.errors import ConfigError
from configs.speculation import DRAFT
from deployments.weight_cache import check as check_weight_cache
from model_shards.architecture import Architecture
from model_shards.loading import redundant_experts
from model_shards.loading.open_set import open_set
from model_shards.shard_set.manifest import Manifest

COUNT_EXPERTS = "small4_count_experts"  # key in vLLM's additional_config
MISTRAL_FORMAT = {
    "tokenizer_mode": "mistral",
    "config_format": "mistral",
    "load_format": "mistral",
}
# The flags that Mistral recommends for its models.
MISTRAL_PARSERS = {
    "tool_call_parser": "mistral",
    "enable_auto_tool_choice": True,
    "reasoning_parser": "mistral",
}
# What vLLM takes on GPUs only, and routers needn't know.
_NOT_FOR_ROUTERS = {"enable_eplb": False, "eplb_config": None, "enable_sleep_mode": False}


def serve_arguments(deployment: Deployment, **overrides: Any) -> Namespace:
    """Return what `vllm serve` would have parsed. Raises ConfigError if it would have refused."""
    from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    directory = model_directory(deployment)
    Architecture.load(directory)  # a clear error, where vLLM would try a hub
    values = {
        "model": str(directory),
        "served_model_name": deployment.model.name,
        **MISTRAL_FORMAT,
        **MISTRAL_PARSERS,
        "enable_prompt_tokens_details": True,  # clients are told what the prefix cache gave
        **_shards(deployment, directory),
        **_speculation(deployment, directory),
        **deployment.engine,
        **deployment.frontend,
        **overrides,
    }
    parser = make_arg_parser(FlexibleArgumentParser(prog="engine"))
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            arguments: Namespace = parser.parse_args(as_flags(values))
    except SystemExit as error:
        raise ConfigError(
            f"engine or frontend: vLLM refuses these arguments: {complaint.getvalue().strip()}"
        ) from error
    validate_parsed_serve_args(arguments)
    if arguments.max_model_len == -1:
        raise ConfigError(
            "engine.max_model_len: auto is as long as a rank's memory allows, which routers don't "
            "know: give a number"
        )
    return arguments


def model_directory(deployment: Deployment) -> Path:
    """Return where params.json and the tokenizer are on this machine; fetch them from S3.

    Raises CheckpointError or StoreError if there is no whole shard set.
    """
    weights = deployment.weights
    if weights.source is None:
        return deployment.checkpoint
    return open_set(weights.source, weights.cache, weights.cache_limits).companions()


def _shards(deployment: Deployment, directory: Path) -> dict[str, Any]:
    """Return the arguments for `model_shards.loading`, if ranks load a shard set."""
    weights = deployment.weights
    if weights.source is None:
        return {}
    options = {
        "source": weights.source,
        "cache": str(weights.cache),
        "cache_limits": weights.cache_limits.model_dump(),
        "verify": weights.verify,
    }
    devices = deployment.gangs.ranks * deployment.engine.get("tensor_parallel_size", 1)
    return {
        "load_format": weights.format,
        "model_loader_extra_config": options,
        **redundant_experts.engine_arguments(Manifest.load(directory), devices),
    }


def _speculation(deployment: Deployment, directory: Path) -> dict[str, Any]:
    """Return vLLM's arguments for `model.speculative`.

    Raises ConfigError if there is no head or small model where it should be.
    """
    speculative = deployment.model.speculative
    if speculative is None:
        return {}
    if not speculative.drafts:
        return {"speculative_config": speculative.arguments(None)}
    draft = speculative.draft or directory / DRAFT
    if not (draft / "params.json").is_file():
        raise ConfigError(
            f"model.speculative: method {speculative.method} finds no {draft}/params.json. "
            "Split the set with --draft DIR, or name its directory as model.speculative.draft"
        )
    return {"speculative_config": speculative.arguments(draft)}


def rank_config(
    deployment: Deployment, rank: int, address: str, port: int, cache_events: str
) -> Any:
    """Return the VllmConfig of one rank; ranks of a gang meet at `address:port`.

    `cache_events` is where the engine publishes changes of its prefix cache, unless the config
    names another address. Raises ConfigError if the node lacks the device that vLLM was built for.
    """
    from vllm.platforms import current_platform

    _require_device(deployment)
    parallel: dict[str, Any] = {"enable_expert_parallel": True}
    if deployment.gangs.ranks > 1:
        parallel |= {
            "data_parallel_size": deployment.gangs.ranks,
            "data_parallel_rank": rank,
            "data_parallel_address": address,
            "data_parallel_rpc_port": port,
        }
    arguments = serve_arguments(
        deployment,
        **parallel,
        # Inside a placement group vLLM would pick Ray's executor; a rank's workers are its own.
        distributed_executor_backend=deployment.engine.get("distributed_executor_backend", "mp"),
        kv_events_config=deployment.engine.get(
            "kv_events_config",
            {"enable_kv_cache_events": True, "publisher": "zmq", "endpoint": cache_events},
        ),
        # Routers send each image whole, so that any rank can take over a request.
        mm_processor_cache_gb=0,
        # A rank takes prompts in the order of their classes, as routers do.
        scheduling_policy=deployment.engine.get("scheduling_policy", "priority"),
        # With each step's statistics comes how many tokens of prompts it computed.
        enable_logging_iteration_details=True,
        worker_cls="deployments.shard.worker.ShardWorker",
        worker_extension_cls="deployments.shard.held_experts.HeldExperts",
        additional_config={
            **deployment.engine.get("additional_config", {}),
            COUNT_EXPERTS: deployment.gangs.count_experts,
        },
    )
    _require_gpu_for_eplb(arguments)
    check_weight_cache(arguments, can_map=current_platform.is_cuda_alike())
    config = _engine_arguments(arguments).create_engine_config()
    from model_shards.loading.activation_scales import refuse_own_scales

    refuse_own_scales(config)  # here Serve shows the error; the engine's own is in a log
    if deployment.weights.source is not None:
        from model_shards.loading.loader import check

        check(config)
    return config


def router_config(deployment: Deployment) -> tuple[Namespace, Any]:
    """Return `(arguments, VllmConfig)` of a router: the model's tokenizer and limits, no weights.

    A router learns the sizes of steps and caches from the ranks (`RankEntry`), not from here: by
    default these depend on the GPU.
    """
    arguments = serve_arguments(deployment, **_NOT_FOR_ROUTERS)
    engine_arguments = _engine_arguments(arguments)
    # More than one front end: cache processed images, but assume no rank remembers them.
    engine_arguments._api_process_count = 2
    return arguments, engine_arguments.create_engine_config()


def _require_device(deployment: Deployment) -> None:
    from vllm.platforms import current_platform

    if current_platform.is_unspecified():
        raise ConfigError(
            f"gangs.resources.num_gpus is {deployment.gangs.resources.num_gpus:g}, and vLLM finds "
            "no GPU on this node: give each rank as many as its tensor_parallel_size, or install "
            "vLLM for CPUs here"
        )


def _require_gpu_for_eplb(arguments: Namespace) -> None:
    from vllm.platforms import current_platform

    if arguments.enable_eplb and current_platform.is_cpu():
        raise ConfigError(
            "engine.enable_eplb: true, which replicas of a shard set need, and vLLM has EPLB on "
            "GPUs only: serve a set without replicas, or gangs.ranks: 1, which reads none"
        )


def _engine_arguments(arguments: Namespace) -> Any:
    from vllm.engine.arg_utils import AsyncEngineArgs

    return AsyncEngineArgs.from_cli_args(arguments)


def as_flags(values: dict[str, Any]) -> list[str]:
    """Return arguments, given by their Python names, as words of vLLM's command line."""
    flags: list[str] = []
    for name, value in values.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{flag}" if value else f"--no-{flag}")
        elif isinstance(value, dict):
            flags += [f"--{flag}", json.dumps(value)]
        elif isinstance(value, list):
            flags += [f"--{flag}", *(str(item) for item in value)]
        elif value is not None:
            flags += [f"--{flag}", str(value)]
    return flags
