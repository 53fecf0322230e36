"""The pinned vLLM takes every manifest's engine arguments, each and all together."""

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest
import yaml

from cluster.machines import gpu_of
from configs.schema import PROJECT_ROOT
from tests.cluster.render import shipped

_ON_GPUS = [name for name in shipped.NAMES if name != "local-cpu"]
_CAPABILITIES = {"H100": (9, 0), "H200": (9, 0), "B200": (10, 0)}
_NANO = PROJECT_ROOT / "model_shards" / "nano_checkpoint"

# What a manifest might say in serving.deployment.engine, and part of vLLM's answer.
_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"all2all_backend": "fastest"}, "invalid choice: 'fastest'"),
    ({"all2all_backend": "pplx"}, "'pplx' became 'allgather_reducescatter'"),
    ({"enforce_eagr": True}, "unrecognized arguments: --enforce-eagr"),
    ({"prefix_caching_hash_algo": "md5"}, "invalid choice: 'md5'"),
    ({"max_model_len": 2_000_000}, "max_model_len"),
    ({"enable_chunked_prefill": False}, "max_num_batched_tokens"),
    ({"max_num_batched_tokens": 64}, "max_num_batched_tokens"),
    ({"tensor_parallel_size": 3}, "must be divisible by"),
    ({"eplb_config": {"num_redundant_experts": 2}}, "num_redundant_experts"),
    ({"enable_dbo": True}, "Microbatching"),
    ({"quantization": "awq"}, "awq"),
]


def _asked(name: str, engine: dict[str, Any]) -> dict[str, Any]:
    args = yaml.safe_load(shipped.serve_config(name))["applications"][0]["args"]
    gpu = gpu_of(shipped.manifest(name).groups[0])
    assert gpu is not None
    return {
        "capability": _CAPABILITIES[gpu.name],
        "args": args | {"engine": args["engine"] | engine},
    }


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> list[str | None]:
    """Ask vLLM about the manifests and then the mistakes, in one process; return its answers."""
    directory = tmp_path_factory.mktemp("model")
    params = shipped.manifest("aws-p5en").serving.params
    shutil.copy(params, directory / "params.json")
    shutil.copy(_NANO / "tekken.json", directory)
    asked = [_asked(name, {}) for name in _ON_GPUS]
    asked += [_asked("aws-p5en", engine) for engine, _ in _MISTAKES]
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster.render.vllm_configs", str(directory)],
        input="\n".join(json.dumps(request) for request in asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("answer ")]
    return [json.loads(line.removeprefix("answer ")) for line in lines]


@pytest.mark.parametrize("number", range(len(_ON_GPUS)), ids=_ON_GPUS)
def test_vllm_takes_a_manifests_engine(refusals: list[str | None], number: int) -> None:
    assert refusals[number] is None


@pytest.mark.parametrize(
    "number", range(len(_MISTAKES)), ids=[str(engine) for engine, _ in _MISTAKES]
)
def test_vllm_refuses_mistakes(refusals: list[str | None], number: int) -> None:
    refusal = refusals[len(_ON_GPUS) + number]
    assert refusal is not None
    assert _MISTAKES[number][1] in refusal
