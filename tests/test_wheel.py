"""What a wheel of small4 holds."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from configs.schema import PROJECT_ROOT

_PACKAGES = ("configs", "model_shards", "cluster", "deployments")
_LEFT_OUT = tuple(
    f"model_shards/{folder}/" for folder in ("quantized", "training", "skills", "nano_checkpoint")
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel from a copy: a build leaves files beside its sources."""
    directory = tmp_path_factory.mktemp("wheel")
    for name in _PACKAGES:
        shutil.copytree(PROJECT_ROOT / name, directory / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT_ROOT / name, directory)
    build = ["pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet", "."]
    subprocess.run([sys.executable, "-m", *build], cwd=directory, check=True)
    return zipfile.ZipFile(next(directory.glob("*.whl")))


def test_it_has_all_that_serves_and_neither_nano_nor_its_training(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert not [name for name in names if name.startswith(_LEFT_OUT)]
    sources = {
        path.relative_to(PROJECT_ROOT).as_posix()
        for package in _PACKAGES
        for kind in ("*.py", "*.yaml")
        for path in (PROJECT_ROOT / package).rglob(kind)
    }
    assert {name for name in sources if not name.startswith(_LEFT_OUT)} <= names
    assert "configs/models/mistral-small-4.json" in names


@pytest.mark.parametrize("command", ["nano build", "nano train", "demo"])
def test_commands_for_nano_say_what_a_wheel_lacks(
    wheel: zipfile.ZipFile, tmp_path: Path, command: str
) -> None:
    wheel.extractall(tmp_path)
    program = (  # the checkout's own finder would find what the wheel lacks
        "import sys; sys.meta_path = [f for f in sys.meta_path if 'Editable' not in str(f)]\n"
        "from deployments.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *command.split()],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 1
    assert f"small4 {command}: it needs nano's skills" in done.stderr
    assert "make setup" in done.stderr
