import subprocess
import sys
from pathlib import Path

from deployments.bench.vllm_command import vllm_command, vllm_environment, write_metadata


def test_the_metadata_makes_vllm_known(tmp_path: Path) -> None:
    write_metadata(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", "from importlib.metadata import version; print(version('vllm'))"],
        env=vllm_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "0.32.0+cpu"


def test_the_command_is_vllms_own_main() -> None:
    assert vllm_command("serve", "model")[-2:] == ["serve", "model"]
    assert "vllm.entrypoints.cli.main" in vllm_command()[2]
