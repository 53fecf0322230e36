"""The commands that an operator types once the files are rendered."""

from cluster.render.ray_up import project_directory
from cluster.render.serve_config import exposed
from configs.cluster_manifest import ClusterManifest
from configs.providers import KubeRay, Local

Step = tuple[str, str]  # what the command does, and the command


def next_steps(manifest: ClusterManifest, directory: str) -> list[Step]:
    """Return the commands in order.

    They are typed in the project's directory, with the rendered files in `directory`.
    """
    provider = manifest.provider
    if isinstance(provider, Local):
        return [("serve, on this machine", f"small4 serve {directory}/serve.yaml")]
    if isinstance(provider, KubeRay):
        return _kubernetes(manifest.name, directory, provider)
    return _ray_up(manifest, directory)


def _ray_up(manifest: ClusterManifest, directory: str) -> list[Step]:
    cluster, home = f"{directory}/ray-up.yaml", project_directory(manifest)
    steps = [
        ("make Ray's token, once", "ray get-auth-token --generate"),
        ("start the machines, and Ray on them", f"ray up -y {cluster}"),
        ("send the Serve config", f"ray rsync-up {cluster} {directory}/serve.yaml '{home}/'"),
        (
            "deploy it, and wait until it serves",
            f"ray exec {cluster} 'cd {home} && small4 serve serve.yaml --detach'",
        ),
    ]
    if not exposed(manifest):
        steps.append(
            ("bring its port here: http://127.0.0.1:8000/v1", f"ray attach {cluster} -p 8000")
        )
    return [*steps, ("end all of it, and what it costs", f"ray down -y {cluster}")]


def _kubernetes(name: str, directory: str, provider: KubeRay) -> list[Step]:
    kubectl = f"kubectl --namespace {provider.namespace}"
    return [
        (
            "make the image",
            f"docker build --file {directory}/Dockerfile --tag {provider.image} . && "
            f"docker push {provider.image}",
        ),
        (
            "give it the keys of clients (`small4 keys new NAME` prints one)",
            f"{kubectl} create secret generic {provider.keys_secret} --from-file=keys.yaml",
        ),
        (
            "deploy",
            f"{kubectl} apply --filename {directory}/network-policy.yaml "
            f"--filename {directory}/ray-service.yaml",
        ),
        ("see how far it is", f"{kubectl} get rayservice,pods"),
        (
            "bring its port here; it is the head's service that clients use, for no proxy runs on "
            f"workers, where {name}-serve-svc leads, too",
            f"{kubectl} port-forward service/{name}-head-svc 8000",
        ),
    ]
