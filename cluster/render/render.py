"""Every file that a cluster needs, from its manifest and the layout of its gangs."""

from cluster.plan.layout import Layout
from cluster.render.dockerfile import dockerfile
from cluster.render.iam import policies
from cluster.render.notes import notes
from cluster.render.ray_service import ray_service
from cluster.render.ray_up import ray_up
from cluster.render.serve_config import has_gpus, serve_config
from configs.cluster_manifest import ClusterManifest
from configs.providers import Aws, KubeRay, Local


def render(manifest: ClusterManifest, layout: Layout) -> dict[str, str]:
    """Return file names with their texts.

    Raises ConfigError if the manifest can't be rendered.
    """
    provider = manifest.provider
    if isinstance(provider, Local):
        return {"serve.yaml": serve_config(manifest, layout)}
    files = {"NOTES.md": notes(manifest, layout)}
    if isinstance(provider, KubeRay):
        hardware = "gpu" if has_gpus(manifest, layout) else "cpu"
        return files | ray_service(manifest, layout) | {"Dockerfile": dockerfile(hardware)}
    files |= {"serve.yaml": serve_config(manifest, layout), "ray-up.yaml": ray_up(manifest, layout)}
    return files | (policies(manifest, provider) if isinstance(provider, Aws) else {})
