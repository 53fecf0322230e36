"""The arrows between packages and between their folders, and what importing a module may cost."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from configs.schema import PROJECT_ROOT

PACKAGES = {
    "configs": set[str](),
    "model_shards": {"configs"},
    "cluster": {"configs"},
    "deployments": {"configs", "model_shards", "cluster"},
}
# Folders and modules of `deployments`, and those of them that each may import. Router and shard
# meet only in `wire` and in what both report.
DEPLOYMENTS = {
    "torchvision_ops": set[str](),
    "collector": set[str](),
    "idle_cores": set[str](),
    "ray_serve": {"collector", "idle_cores"},
    "weight_cache": set[str](),
    "vllm_config": {"weight_cache"},
    "model_spec": set[str](),
    "wire": set[str](),
    "access": set[str](),
    "autoscaling": set[str](),
    "scheduling": {"wire"},
    "losses": {"wire"},
    "identity": {"vllm_config"},
    "handovers": {"wire"},
    "roster": {"handovers", "losses", "wire"},
    "simulation": {"autoscaling", "scheduling"},
    "front_end": {"access", "vllm_config"},
    "shard": {
        *("autoscaling", "collector", "identity", "ray_serve", "roster", "vllm_config", "wire"),
    },
    "router": {
        *("access", "autoscaling", "front_end", "identity", "ray_serve"),
        *("scheduling", "wire"),
    },
    "app": {"access", "autoscaling", "ray_serve", "roster", "router", "scheduling", "shard"},
    "rolling": {"losses", "ray_serve", "shard", "wire"},
    "cli": {"losses", "model_spec", "ray_serve", "rolling", "shard", "simulation", "wire"},
    "bench": {
        *("app", "autoscaling", "model_spec", "ray_serve", "scheduling", "simulation"),
        *("vllm_config", "wire"),
    },
    "chaos": {"bench", "ray_serve", "wire"},
}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_those_below(package: str) -> None:
    allowed = PACKAGES[package] | {package}
    for file in (PROJECT_ROOT / package).rglob("*.py"):
        packages = {module.split(".")[0] for module in imported_modules(file)}
        assert packages & PACKAGES.keys() <= allowed, file


def test_folders_of_deployments_import_only_those_below() -> None:
    found = parts("deployments")
    assert found.keys() == DEPLOYMENTS.keys()
    wrong = {part: found[part] - DEPLOYMENTS[part] for part in found}
    assert not any(wrong.values()), {part: names for part, names in wrong.items() if names}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_arrow_runs_back_up(package: str) -> None:
    """In no package do folders or modules import each other in a circle."""
    TopologicalSorter(parts(package)).prepare()  # raises CycleError


def test_no_test_module_is_anothers_library() -> None:
    """What tests share lies in a module of its own."""
    for file in (PROJECT_ROOT / "tests").rglob("*.py"):
        shared = [part for module in imported_modules(file) for part in module.split(".")[:-1]]
        assert not [part for part in shared if part.startswith("test_")], file


def parts(package: str) -> dict[str, set[str]]:
    """Find the folders and modules right below a package, and which of them each imports."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file in (PROJECT_ROOT / package).rglob("*.py"):
        part = file.relative_to(PROJECT_ROOT / package).with_suffix("").parts[0]
        if part == "__init__":
            continue
        names = (module.split(".") for module in imported_modules(file))
        found[part] |= {name[1] for name in names if name[0] == package and len(name) > 1}
        found[part].discard(part)
    return found


def imported_modules(file: Path) -> Iterator[str]:
    """Yield the names that a module imports, wherever in it, each with its module before it."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules_of(folder: str) -> list[str]:
    files = sorted((PROJECT_ROOT / folder).rglob("*.py"))
    names = (".".join(file.relative_to(PROJECT_ROOT).with_suffix("").parts) for file in files)
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize(
    "modules",
    [
        # What decides, on plain data.
        modules_of("deployments/scheduling"),
        modules_of("deployments/autoscaling"),
        modules_of("deployments/simulation"),
        modules_of("cluster/plan"),
        modules_of("cluster/render"),
        modules_of("configs"),
        modules_of("model_shards/placement"),
        [
            "deployments.roster",
            "deployments.losses",
            "deployments.access.quotas",
            "deployments.wire.rank_entry",
        ],
    ],
    ids=lambda modules: modules[0],
)
def test_what_decides_needs_no_engine_and_no_cluster(modules: list[str]) -> None:
    assert heavy_imports(modules) == set()


@pytest.mark.parametrize(
    "module",
    [
        "deployments.cli.main",
        # vLLM must not look for a device before a router says that it has none. A replica imports
        # these to unpickle what it is given, before anything of ours runs.
        "deployments.app",
        "deployments.router.router",
        "deployments.router.guard",
        "deployments.router.scaler_line",
        "deployments.bench.lockstep.baselines",
        "model_shards.shard_set.split",
    ],
)
def test_importing_what_starts_or_prints_brings_in_no_engine(module: str) -> None:
    assert heavy_imports([module]) <= {"ray"}


def heavy_imports(modules: list[str]) -> set[str]:
    """Which of Ray, torch and vLLM are there once `modules` have been imported."""
    code = (
        f"import sys, {', '.join(modules)}; print(*{{'ray', 'torch', 'vllm'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
