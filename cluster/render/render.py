"""Every file that a cluster needs, from its topology and how the model lies on it."""

from cluster.plan.layout import Layout
from cluster.render.dockerfile import dockerfile
from cluster.render.iam import policies
from cluster.render.notes import notes
from cluster.render.ray_service import ray_service
from cluster.render.ray_up import ray_up
from cluster.render.serve_config import has_gpus, serve_config
from configs.cluster_manifest import Topology
from configs.providers import Aws, KubeRay, Local


def render(topology: Topology, layout: Layout) -> dict[str, str]:
    """File name to text; raises ConfigError for what can't be rendered."""
    provider = topology.provider
    if isinstance(provider, Local):
        return {"serve.yaml": serve_config(topology, layout)}
    files = {"NOTES.md": notes(topology, layout)}
    if isinstance(provider, KubeRay):
        hardware = "gpu" if has_gpus(topology, layout) else "cpu"
        return files | ray_service(topology, layout) | {"Dockerfile": dockerfile(hardware)}
    files |= {"serve.yaml": serve_config(topology, layout), "ray-up.yaml": ray_up(topology, layout)}
    return files | (policies(topology, provider) if isinstance(provider, Aws) else {})
