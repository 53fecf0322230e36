"""Arguments for vLLM's weight cache, as vLLM's own parsers and loader take them."""

import re
import shlex
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from configs.deployment import Deployment
from configs.errors import ConfigError
from configs.schema import PROJECT_ROOT
from deployments.vllm_config import serve_arguments
from deployments.weight_cache import check
from model_shards.nano import build_nano

_README = PROJECT_ROOT / "deployments" / "router" / "README.md"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nano(tmp_path_factory.mktemp("checkpoint") / "nano")


def arguments(checkpoint: Path, **engine: Any) -> Namespace:
    engine = {"load_format": "ipc_cache", **engine}
    args = {"model": {"source": checkpoint}, "engine": engine}
    return serve_arguments(Deployment.model_validate(args))


@pytest.mark.parametrize("options", [{}, {"fallback": False}, {"mode": "copy"}])
def test_vllm_takes_the_cache_and_its_options(checkpoint: Path, options: dict[str, Any]) -> None:
    parsed = arguments(checkpoint, model_loader_extra_config=options)
    assert (parsed.load_format, parsed.model_loader_extra_config) == ("ipc_cache", options)
    check(parsed, can_map=True)


@pytest.mark.parametrize(
    ("engine", "complaint"),
    [
        ({"enable_sleep_mode": True}, r"^engine\.enable_sleep_mode: "),
        ({"model_loader_extra_config": {"mode": "x"}}, r"extra_config: Invalid .* mode 'x'"),
        ({"model_loader_extra_config": {"sockets": "x"}}, r"extra_config: .*\['sockets'\]"),
    ],
)
def test_what_the_cache_cannot_do_is_refused(
    checkpoint: Path, engine: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        check(arguments(checkpoint, **engine), can_map=True)


def test_a_node_without_a_gpu_is_refused(checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="neither CUDA nor ROCm"):
        check(arguments(checkpoint), can_map=False)


def test_other_formats_are_left_alone(checkpoint: Path) -> None:
    check(arguments(checkpoint, load_format="mistral"), can_map=False)


def test_vllm_takes_the_daemons_command_in_the_readme() -> None:
    from vllm.entrypoints.cli.preload import PreloadSubcommand
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    written = re.search(r"^vllm preload ((?:.*\\\n)*.*)$", _README.read_text("utf-8"), re.MULTILINE)
    assert written is not None
    parser = FlexibleArgumentParser(prog="preload")
    PreloadSubcommand.add_cli_args(parser)
    parsed = parser.parse_args(shlex.split(written[1].replace("\\\n", " ")))
    assert (parsed.load_format, parsed.data_parallel_size_local) == ("mistral", 8)
