"""The pinned vLLM takes every manifest's engine arguments, each and all together.

So does the loader of shard sets, with the kernels that vLLM then chooses for the GPU.
"""

import json
import shutil
import subprocess
import sys
from typing import Any, get_args

import pytest
import yaml
from vllm.config.kernel import MoEBackend

from cluster.machines import gpu_of
from configs.schema import PROJECT_ROOT
from deployments.cli.cluster_refusals import BACKENDS
from model_shards.quantized.names import QUANTIZATION
from tests.cluster.render import shipped

_ON_GPUS = [name for name in shipped.NAMES if name != "local-cpu"]
_CAPABILITIES = {"L40S": (8, 9), "H100": (9, 0), "H200": (9, 0), "B200": (10, 0)}
_NANO = PROJECT_ROOT / "model_shards" / "nano_checkpoint"

# The kernels that vLLM 0.32's oracle picks (`fused_moe/oracle/fp8.py`, `nvfp4.py`).
_KERNELS = {
    ("fp8", "L40S"): "TRITON",
    ("fp8", "H100"): "FLASHINFER_CUTLASS",
    ("fp8", "H200"): "FLASHINFER_CUTLASS",
    ("fp8", "B200"): "FLASHINFER_TRTLLM",
    ("nvfp4", "L40S"): "MARLIN",
    ("nvfp4", "H100"): "MARLIN",
    ("nvfp4", "H200"): "MARLIN",
    ("nvfp4", "B200"): "FLASHINFER_TRTLLM",
}

_NOT_ASKED = {
    "flashinfer_moe_ep_cutedsl",  # it has an all-to-all of its own, which no plan counts with
    "humming",  # its package asks a GPU
}
_NAMES = [name for name in get_args(MoEBackend) if name not in _NOT_ASKED]

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
    ({"expert_placement_strategy": "round_robin"}, "expert_placement_strategy: 'round_robin'"),
]


def _asked(name: str, engine: dict[str, Any]) -> dict[str, Any]:
    args = yaml.safe_load(shipped.serve_config(name))["applications"][0]["args"]
    gpu = gpu_of(shipped.manifest(name).groups[0])
    assert gpu is not None
    return {
        "capability": _CAPABILITIES[gpu.name],
        "precision": shipped.manifest(name).serving.precision,
        "args": args | {"engine": args["engine"] | engine},
    }


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Ask vLLM about the manifests, then the mistakes, then other precisions, in one process."""
    directory = tmp_path_factory.mktemp("model")
    params = json.loads(shipped.manifest("aws-p5en").serving.params.read_bytes())
    for precision, quantization in QUANTIZATION.items():
        (directory / precision).mkdir()
        described = json.dumps(params | {"quantization": quantization})
        (directory / precision / "params.json").write_text(described)
        shutil.copy(_NANO / "tekken.json", directory / precision)
    asked = [_asked(name, {}) for name in _ON_GPUS]
    asked += [_asked("aws-p5en", engine) for engine, _ in _MISTAKES]
    asked += [
        _asked("aws-p5en", {})
        | {"precision": precision, "capability": _CAPABILITIES[gpu], "backends": _NAMES}
        for precision, gpu in _KERNELS
    ]
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
def test_vllm_and_the_loader_take_a_manifests_engine(
    answers: list[dict[str, Any]], number: int
) -> None:
    manifest = shipped.manifest(_ON_GPUS[number])
    gpu = gpu_of(manifest.groups[0])
    assert gpu is not None
    assert answers[number] == {"kernels": [_KERNELS[manifest.serving.precision, gpu.name]]}


@pytest.mark.parametrize("number", range(len(_KERNELS)), ids=["-".join(key) for key in _KERNELS])
def test_the_plans_table_of_kernels_is_vllms(answers: list[dict[str, Any]], number: int) -> None:
    (precision, gpu), kernel = [*_KERNELS.items()][number]
    answer = answers[len(answers) - len(_KERNELS) + number]
    assert answer["kernels"] == [kernel]
    assert {*answer["taken"]} == {"auto", *BACKENDS[precision][gpu]} - _NOT_ASKED


@pytest.mark.parametrize(
    "number", range(len(_MISTAKES)), ids=[str(engine) for engine, _ in _MISTAKES]
)
def test_mistakes_are_refused(answers: list[dict[str, Any]], number: int) -> None:
    assert _MISTAKES[number][1] in answers[len(_ON_GPUS) + number]["refusal"]
