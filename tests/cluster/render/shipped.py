"""What is rendered of the manifests that ship."""

from functools import cache
from pathlib import Path

from cluster.plan.planner import plan
from cluster.render.render import render
from configs.cluster_manifest import ClusterManifest
from configs.schema import PROJECT_ROOT
from deployments.model_spec import model_spec

_CLUSTERS = PROJECT_ROOT / "configs" / "clusters"
NAMES = sorted(path.stem for path in _CLUSTERS.glob("*.yaml"))


@cache
def manifest(name: str) -> ClusterManifest:
    return ClusterManifest.load(_CLUSTERS / f"{name}.yaml")


@cache
def files(name: str) -> dict[str, str]:
    """File name to text, as `small4 cluster render` writes them."""
    return rendered(manifest(name))


def rendered(described: ClusterManifest) -> dict[str, str]:
    return render(described, plan(described, model_spec(described.serving.params)).layout)


def with_file(file: str) -> list[str]:
    """Those manifests of which such a file is rendered."""
    return [name for name in NAMES if file in files(name)]


def golden(name: str) -> Path:
    return Path(__file__).with_name("golden") / name
