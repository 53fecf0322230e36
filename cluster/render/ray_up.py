"""The file for `ray up`: machines, how they are set up, and how Ray is started on them.

Read from Ray 2.60: ray/autoscaler/ray-schema.json and _private/{commands,updater}.py.
"""

from collections.abc import Iterator
from shlex import quote
from typing import Any

from cluster.plan.layout import Layout
from cluster.render import ec2, gce, on_prem
from cluster.render.commented import Why, dump
from cluster.render.serve_config import has_gpus, limits
from configs.cluster_manifest import ClusterManifest
from configs.environment import node_environment
from configs.errors import ConfigError
from configs.providers import Aws, Gcp, OnPrem

_DIRECTORY = "~/small4"
_FOLDERS = ("configs", "model_shards", "cluster", "deployments")
_FILES = ("Makefile", "pyproject.toml", "README.md", "LICENSE")
_TOKEN = "~/.ray/auth_token"  # noqa: S105 - a path
_NODE = "~/.small4"

_HEADING = """\
Machines of {name}, for `ray up`: made by `small4 cluster render` from the cluster's manifest.
Change the manifest, or this. Call `ray up` in the project's directory.

It holds no secret: Ray's token is a file that is copied, NOTES.md says more."""


def ray_up(manifest: ClusterManifest, layout: Layout) -> str:
    """Return YAML for `ray up`, for aws, gcp and on-prem.

    Raises ConfigError if `ray up` can't start what the manifest asks for.
    """
    directory = project_directory(manifest)
    hardware = "gpu" if has_gpus(manifest, layout) else "cpu"
    return dump(
        {
            "cluster_name": manifest.name,
            **_machines(manifest, layout),
            "file_mounts": dict(_mounts(manifest, directory, hardware)),
            "rsync_exclude": ["__pycache__"],
            "initialization_commands": list(_initialization(manifest)),
            "setup_commands": list(_setup(manifest, directory, hardware)),
            "head_setup_commands": list(_head_setup(manifest, directory)),
            "worker_setup_commands": [],
            "head_start_ray_commands": ["ray stop", _head_command(manifest, directory)],
            "worker_start_ray_commands": ["ray stop", _worker_command(manifest)],
        },
        _HEADING.format(name=manifest.name),
    )


def project_directory(manifest: ClusterManifest) -> str:
    """Return the project's directory on each node."""
    provider = manifest.provider
    return provider.directory if isinstance(provider, OnPrem) else _DIRECTORY


def _machines(manifest: ClusterManifest, layout: Layout) -> dict[str, Any]:
    provider = manifest.provider
    if isinstance(provider, Aws):
        return ec2.machines(manifest, layout, provider)
    if isinstance(provider, Gcp):
        return gce.machines(manifest, layout, provider)
    if isinstance(provider, OnPrem):
        return on_prem.machines(manifest, provider)
    raise ConfigError(f"provider.type: `ray up` knows no {provider.type}")


def _mounts(manifest: ClusterManifest, directory: str, hardware: str) -> Iterator[tuple[str, Any]]:
    """Yield paths on each node, and paths here.

    Ray walks through everything that is mounted, and so .venv isn't.
    """
    made = "`ray get-auth-token --generate` makes it. Who has it commands the cluster."
    yield _TOKEN, Why(made, _TOKEN)
    if isinstance(manifest.provider, OnPrem) and not manifest.provider.synced:
        return
    first, *others = (*_FOLDERS, *_FILES, f"requirements-{hardware}.lock")
    yield f"{directory}/{first}", Why("The project.", f"./{first}")
    yield from ((f"{directory}/{name}", f"./{name}") for name in others)
    if keys := _keys_file(manifest):
        hashes = Why("Hashes of clients' keys, and what each may use.", f"./{keys}")
        yield f"{directory}/{keys}", hashes


def _keys_file(manifest: ClusterManifest) -> str | None:
    """Return the keys file if it is below the project's directory.

    An operator puts a file elsewhere on the nodes.
    """
    keys: str | None = manifest.serving.deployment.get("access", {}).get("keys_file")
    return keys if keys and not keys.startswith(("/", "~")) else None


def _initialization(manifest: ClusterManifest) -> Iterator[Any]:
    provider = manifest.provider
    if isinstance(provider, Aws | Gcp):
        yield Why(
            "Python for `make setup`; its headers and a C compiler for the kernels that are "
            "compiled on the node. A machine that has just started may hold apt's lock, and nobody "
            "is there to answer what it asks.",
            "for _ in 1 2 3 4 5 6; do sudo apt-get update && break; sleep 10; done\n"
            "sudo env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \\\n"
            "  apt-get -o DPkg::Lock::Timeout=600 install --yes \\\n"
            "  python3.11-venv python3.11-dev build-essential",
        )
        if "cache" in manifest.weights.model_fields_set:
            yield Why(
                "For the weights, and the node's user.",
                f'sudo install --directory --owner="$USER" {quote(str(manifest.weights.cache))}',
            )
    if isinstance(provider, Gcp) and provider.bucket:
        source, bucket = quote(manifest.weights.source or ""), quote(provider.bucket)
        yield Why(
            "The weights, read by the role of the node.",
            f"mountpoint --quiet {source} || {{ sudo mkdir --parents {source} &&\n"
            f"sudo gcsfuse -o ro,allow_other --implicit-dirs {bucket} {source}; }}",
        )


def _setup(manifest: ClusterManifest, directory: str, hardware: str) -> Iterator[Any]:
    yield Why("Whatever the umask was.", f"chmod 600 {_TOKEN}")
    yield Why(
        "Every package as the lock file says; nothing to do where .venv is up to date.",
        f"cd {directory} && make setup HARDWARE={hardware}",
    )
    yield Why(
        "HAProxy, started without splicing (cluster/haproxy.py says why).",
        f"cd {directory} && .venv/bin/python -m cluster.haproxy {_NODE}/haproxy",
    )
    exports = {
        "PATH": f'"{_home(directory)}/.venv/bin:$PATH"',
        "RAY_AUTH_MODE": "token",
        **node_environment(f'"{_home(_NODE)}/haproxy"', limits(manifest).connection_s),
    }
    lines = "".join(f" \\\n  '{name}={value}'" for name, value in exports.items())
    yield Why(
        "For Ray, for `ray exec` and for `ray down`, on every node alike. RAY_AUTH_MODE: whoever "
        "has no token is refused. Of the others, configs/environment.py says why.",
        f"printf 'export %s\\n'{lines} \\\n  >{_NODE}/environment",
    )
    source = f". {_NODE}/environment"
    yield f"grep -qsF '{source}' ~/.bashrc || echo '{source}' >>~/.bashrc"


def _home(path: str) -> str:
    """Replace `~` by $HOME: a shell doesn't expand `~` within quotes."""
    return path.replace("~", "$HOME", 1) if path.startswith("~") else path


def _head_setup(manifest: ClusterManifest, directory: str) -> Iterator[Any]:
    if isinstance(manifest.provider, Gcp):
        yield Why(
            "With it Ray starts and ends Google's machines; the version is Ray's own choice.",
            f"{directory}/.venv/bin/python -m pip install google-api-python-client==1.7.8",
        )


def _head_command(manifest: ClusterManifest, directory: str) -> Any:
    words = [
        "python -m cluster.ray start --head --port=6379",
        "--dashboard-host=127.0.0.1",
        "--autoscaling-config=~/ray_bootstrap_config.yaml",
    ]
    first = f"cd {directory}; ulimit -n 65536"
    comment = (
        "The dashboard, which takes Serve configs, listens on the head's loopback. cluster.ray is "
        "Ray's own command without the server for Ray clients, which listens for others."
    )
    if isinstance(manifest.provider, OnPrem):
        words += on_prem.head_options(manifest)
        first += "; export RAY_enable_autoscaler_v2=0"
        comment += " Ray's second autoscaler never starts the workers of a cluster on-prem."
    return Why(comment, ";\n".join([first, " \\\n  ".join(words)]))


def _worker_command(manifest: ClusterManifest) -> Any:
    start = "ray start --address=$RAY_HEAD_IP:6379"
    if isinstance(manifest.provider, OnPrem):
        return on_prem.worker_command(manifest, start)
    return f"ulimit -n 65536; {start}"
