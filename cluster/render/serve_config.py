"""The Ray Serve config: what runs on the cluster, complete."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cluster.machines import hardware_of
from cluster.plan.layout import Layout
from cluster.render.commented import Why, dump
from configs.cluster_manifest import ClusterManifest
from configs.deployment import Deployment
from configs.errors import ConfigError
from configs.exposure import refuse_to_expose
from configs.node_group import NodeGroup
from configs.providers import KubeRay, Local
from configs.request_limits import RequestLimits
from configs.schema import PROJECT_ROOT
from configs.serving import Serving
from configs.weights import Weights

KEYS_DIRECTORY = "/etc/small4/keys"

_HEADING = """\
What runs on {name}: a Ray Serve config, made by `small4 cluster render` from the cluster's
manifest. Change the manifest, or this; `small4 serve` takes either.

{layout}"""


def serve_config(manifest: ClusterManifest, layout: Layout) -> str:
    """Return YAML that `small4 serve` and `serve deploy` take.

    Raises ConfigError if the manifest's `serving.deployment` can't be served.
    """
    text = dump(
        {
            "proxy_location": Why(
                "HAProxy runs on the head alone, and sends requests to all routers.", "HeadOnly"
            ),
            "http_options": _http(manifest),
            "applications": [
                {
                    "name": "small4",
                    "route_prefix": "/",
                    "import_path": "deployments.app:build",
                    "runtime_env": {"env_vars": _environment(manifest, layout)},
                    "args": _args(manifest, layout),
                }
            ],
        },
        _HEADING.format(name=manifest.name, layout=_described(manifest, layout)),
    )
    _require_servable(yaml.safe_load(text))
    return text


def _require_servable(config: dict[str, Any]) -> None:
    try:
        deployment = Deployment.model_validate(config["applications"][0]["args"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"serving.deployment.{place}: {first['msg']}") from error
    refuse_to_expose(deployment.access, config["http_options"]["host"])


def _described(manifest: ClusterManifest, layout: Layout) -> str:
    experts = 128 // (layout.ranks * layout.tensor_parallel)
    machines = _counted(layout.nodes_per_gang, "machine")
    if not has_gpus(manifest, layout):
        ranks = _counted(layout.ranks, "rank")
        return f"A gang is {ranks} on {machines}, each with {experts} of a layer's 128 experts."
    ranks = f"{_counted(layout.ranks, 'rank')} of {_counted(layout.tensor_parallel, 'GPU')}"
    return (
        f"A gang is {ranks} on {machines}; each GPU has {experts} of a layer's 128 experts. "
        f"All-to-all by {layout.all2all}: {layout.reason}."
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def default_keys(manifest: ClusterManifest) -> bool:
    """Tell whether pods get clients' keys from `keys_secret`: if the manifest has no `access`."""
    return "access" not in manifest.serving.deployment


def exposed(manifest: ClusterManifest) -> bool:
    """Tell whether other machines reach the port: only if clients need keys, or access is open."""
    access = manifest.serving.deployment.get("access", {})
    return isinstance(manifest.provider, KubeRay) or any(access.values())


def limits(manifest: ClusterManifest) -> RequestLimits:
    """Return the limits of one request; valid, since `serve_config` has checked them."""
    return RequestLimits.model_validate(manifest.serving.deployment.get("limits", {}))


def _http(manifest: ClusterManifest) -> dict[str, Any]:
    if not exposed(manifest):
        host = Why(
            "Nobody but the head's machine: there are no keys, and a deployment that listens "
            "beyond it refuses to start without. Reach it through SSH, or give "
            "serving.deployment.access.",
            "127.0.0.1",
        )
    elif manifest.serving.deployment.get("access", {}).get("open"):
        host = Why("All interfaces, for anybody: access is open.", "0.0.0.0")  # noqa: S104
    else:
        host = Why("All interfaces: clients need a key, see access.", "0.0.0.0")  # noqa: S104
    return {"host": host, "port": 8000}


def _environment(manifest: ClusterManifest, layout: Layout) -> dict[str, Any]:
    variables: dict[str, Any] = {
        "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": Why(
            "Serve would run our code in a thread beside its own, and hand every chunk over.", "0"
        ),
        "HF_HUB_OFFLINE": Why("Nothing comes from a model hub.", "1"),
        "VLLM_NO_USAGE_STATS": "1",
    }
    if not has_gpus(manifest, layout):
        variables |= {
            "TORCH_COMPILE_DISABLE": Why(
                "Or the first request for logprobs needs a C++ compiler.", "1"
            ),
            "OMP_NUM_THREADS": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "VLLM_MLA_DISABLE": Why(
                "vLLM's CPU kernel for MLA has no build for this model's latent size.", "1"
            ),
        }
    elif manifest.provider.type == "aws" and layout.nodes_per_gang > 1:
        variables["FI_PROVIDER"] = Why(
            "NCCL's plugin for EFA takes EFA, or fails. NOTES.md says how to see that it is there.",
            "efa",
        )
    return variables


def has_gpus(manifest: ClusterManifest, layout: Layout) -> bool:
    return hardware_of(_group(manifest, layout)).gpus > 0


def _group(manifest: ClusterManifest, layout: Layout) -> NodeGroup:
    return next(group for group in manifest.groups if group.name == layout.group)


def _args(manifest: ClusterManifest, layout: Layout) -> dict[str, Any]:
    given = manifest.serving.deployment
    rendered: dict[str, Any] = {
        "model": {"name": "mistral-small-4"},
        "weights": _weights(manifest.weights),
        "gangs": _gangs(manifest, layout, given.get("gangs", {})),
        "routers": _routers(manifest, given.get("routers", {})),
        "engine": _engine(manifest, layout),
    }
    if isinstance(manifest.provider, KubeRay) and default_keys(manifest):
        rendered["access"] = Why(
            f"The Secret {manifest.provider.keys_secret}, mounted in every pod.",
            {"keys_file": f"{KEYS_DIRECTORY}/keys.yaml"},
        )
    merged: dict[str, Any] = _merged(rendered, given)
    return merged


def _weights(weights: Weights) -> dict[str, Any]:
    """Return the manifest's weights, with paths relative to the project's directory.

    Nodes have that directory too.
    """
    if weights.source is None:
        return {}
    config: dict[str, Any] = {"source": _on_nodes(weights.source), "format": weights.format}
    if "cache" in weights.model_fields_set:
        config["cache"] = Why(
            "On a local disk: what the node's ranks read, kept.", _on_nodes(str(weights.cache))
        )
    if "cache_limits" in weights.model_fields_set:
        config["cache_limits"] = weights.cache_limits.model_dump()
    if not weights.verify:
        config["verify"] = False
    return config


def _on_nodes(path: str) -> str:
    below = Path(path)
    return str(below.relative_to(PROJECT_ROOT)) if below.is_relative_to(PROJECT_ROOT) else path


def _gangs(manifest: ClusterManifest, layout: Layout, given: dict[str, Any]) -> dict[str, Any]:
    gpus = layout.tensor_parallel if has_gpus(manifest, layout) else 0
    gangs: dict[str, Any] = {
        "ranks": layout.ranks,
        "resources": Why("Of one rank.", {"num_cpus": 1, "num_gpus": gpus}),
    }
    group = _group(manifest, layout)
    if "count" in given or "autoscaling" in given:
        return gangs
    if group.min_nodes == group.max_nodes:
        return {"count": layout.gangs} | gangs
    fewest = layout.gangs * group.min_nodes // group.max_nodes
    return {
        "autoscaling": Why(
            f"From {group.min_nodes} to {group.max_nodes} machines; Ray's autoscaler brings the "
            "machines that a gang lacks, and lets idle ones go.",
            {
                "min_gangs": max(fewest, min(group.min_nodes, 1)),
                "max_gangs": layout.gangs,
                "start_s": Why("A machine boots, is set up, and loads its weights.", 900),
            },
        )
    } | gangs


def _routers(manifest: ClusterManifest, given: dict[str, Any]) -> dict[str, Any]:
    """Configure routers: on the head, and on nodes without GPUs if HAProxy reaches those."""
    if isinstance(manifest.provider, Local):
        return {"count": 1}
    routers: dict[str, Any] = {}
    if "count" not in given and "autoscaling" not in given:
        most = max(2, min(8, hardware_of(manifest.head).cpus // 2))
        routers["autoscaling"] = {"min_routers": 2, "max_routers": most}
    if not exposed(manifest):
        routers["on_head"] = Why("HAProxy, on loopback there, reaches no others.", True)
    elif all(hardware_of(group).gpus for group in manifest.groups):
        routers["on_head"] = Why("One elsewhere would keep GPUs from going when idle.", True)
    return routers


def _engine(manifest: ClusterManifest, layout: Layout) -> dict[str, Any]:
    serving: Serving = manifest.serving
    engine: dict[str, Any] = {
        "max_model_len": Why("Of prompt and answer, in tokens.", serving.max_model_len),
        "max_num_seqs": Why("At once, on one rank.", serving.max_num_seqs),
        "max_num_batched_tokens": Why("Of one step of a rank.", serving.max_num_batched_tokens),
    }
    if not has_gpus(manifest, layout):
        return engine | _ON_CPUS
    engine["gpu_memory_utilization"] = Why(
        "What weights and activations leave of it is KV cache.", serving.gpu_memory_utilization
    )
    if layout.tensor_parallel > 1:
        engine["tensor_parallel_size"] = layout.tensor_parallel
    if layout.ranks > 1:
        engine["all2all_backend"] = Why("Said above, with the reason.", layout.all2all)
    return engine


_ON_CPUS = {
    "dtype": Why(
        "A CPU's bfloat16 kernels round by the shape of the batch: a stream carried over to "
        "another gang would go on with other words than it would have had.",
        "float32",
    ),
    "enforce_eager": True,
    "distributed_executor_backend": Why(
        "The model runs in the engine's own process. vLLM's default on CPUs, a worker process "
        "beside it, keeps both awake, spinning, while they wait for each other.",
        "vllm.v1.executor.uniproc_executor.UniProcExecutor",
    ),
    "kv_cache_memory_bytes": Why(
        "512 MiB per rank. Without it vLLM wants 92% of the machine's memory to be free.",
        536870912,
    ),
}


def _merged(rendered: Any, given: Any) -> Any:
    """Merge the manifest's `serving.deployment` into what is rendered; the manifest goes first."""
    if isinstance(rendered, Why):
        merged = _merged(rendered.value, given)
        return Why(rendered.text, merged) if isinstance(merged, dict) else merged
    if not (isinstance(rendered, dict) and isinstance(given, dict)):
        return given
    return {
        **{
            key: _merged(value, given[key]) if key in given else value
            for key, value in rendered.items()
        },
        **{key: value for key, value in given.items() if key not in rendered},
    }
