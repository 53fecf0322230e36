"""The files that are rendered from the manifests that ship."""

from functools import cache
from pathlib import Path

import yaml

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
    """Return file names with their texts, as `small4 cluster render` writes them."""
    return rendered(manifest(name))


def rendered(described: ClusterManifest) -> dict[str, str]:
    return render(described, plan(described, model_spec(described.serving.params)).layout)


def serve_config(name: str) -> str:
    """Return the text of the Serve config: a file, or part of the RayService."""
    if "serve.yaml" in files(name):
        return files(name)["serve.yaml"]
    text: str = yaml.safe_load(files(name)["ray-service.yaml"])["spec"]["serveConfigV2"]
    return text


def with_file(file: str) -> list[str]:
    """Return the names of manifests from which such a file is rendered."""
    return [name for name in NAMES if file in files(name)]


def golden(name: str) -> Path:
    return Path(__file__).with_name("golden") / name
