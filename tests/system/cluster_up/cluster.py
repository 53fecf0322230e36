"""A cluster of two hosts, brought up by what `small4 cluster render` writes and prints."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2  # openai's own
import openai

from cluster.plan.layout import Layout
from cluster.render.next_steps import next_steps
from cluster.render.render import render
from configs.cluster_manifest import ClusterManifest
from configs.schema import PROJECT_ROOT
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.cli.shard_set import prepare
from tests.system.cluster_up.host import Host
from tests.system.cluster_up.network import Network

_DIRECTORY = "/run/home"  # on the operator's machine, for what is rendered
_SOCKET = "run/served"
# One rank fits a host, so a gang spans both; the first is the head, too.
_HARDWARE = {"cpus": 1, "memory_gib": 8}
_LAYOUT = Layout(
    group="hosts",
    ranks=2,
    tensor_parallel=1,
    ranks_per_node=1,
    nodes_per_gang=2,
    gangs=1,
    all2all="allgather_reducescatter",
    reason="CPUs have no other",
)


@dataclass(frozen=True)
class Cluster:
    """A cluster that serves nano; the first rank runs on `head`, too."""

    network: Network
    last_step: str

    @property
    def head(self) -> Host:
        return self.network.hosts[0]

    @property
    def worker(self) -> Host:
        return self.network.hosts[1]

    def client(self) -> openai.AsyncOpenAI:
        """Make a client for the operator's tunnel: a Unix socket, for the networks are apart."""
        socket = str(self.network.operator.root / _SOCKET)
        transport = httpx2.AsyncHTTPTransport(uds=socket)
        return openai.AsyncOpenAI(
            base_url="http://small4/v1",
            api_key="none",
            max_retries=0,
            timeout=400,
            http_client=openai.DefaultAsyncHttpxClient(transport=transport),
        )

    def status(self) -> dict[str, Any]:
        """Ask `small4 status --json` on the head."""
        told = self.head.run(*_as_operator("small4 status serve.yaml --json"))
        status: dict[str, Any] = json.loads(told.splitlines()[-1])
        return status

    def down(self) -> None:
        _type(self.network.operator, self.last_step)


@contextmanager
def cluster(network: Network) -> Iterator[Cluster]:
    """Bring a cluster up, which lasts as long as the `network`."""
    prepare(ServeFile.load(DEFAULT_CONFIG).deployment)  # the shards of nano
    manifest, operator = _manifest(network), network.operator
    for name, text in render(manifest, _LAYOUT).items():
        (operator.root / _DIRECTORY[1:] / name).write_text(text)
    token, up, send, deploy, *_, down = (step for _, step in next_steps(manifest, _DIRECTORY))
    for command in (token, up, send, deploy):
        _type(operator, command)
    _type(operator, _tunnel(network))
    yield Cluster(network, down)


def _manifest(network: Network) -> ClusterManifest:
    head, *_ = hosts = [host.address for host in network.hosts]
    return ClusterManifest.model_validate(
        {
            "name": "two-hosts",
            "provider": {
                "type": "on-prem",
                "ssh_user": "root",
                "ssh_key": network.key,
                "directory": str(PROJECT_ROOT),
                "synced": False,
            },
            "head": {"name": "head", "hosts": [head], "hardware": _HARDWARE},
            "groups": [
                {
                    "name": "hosts",
                    "hosts": hosts,
                    "hardware": _HARDWARE,
                    "min_nodes": len(hosts),
                    "max_nodes": len(hosts),
                }
            ],
            "weights": {"source": ".cache/nano-shards", "format": "expert_shards"},
            "serving": {
                "max_model_len": 4096,
                "max_num_seqs": 16,
                "deployment": {"routers": {"count": 1, "resources": {"num_cpus": 0}}},
            },
        }
    )


def _type(operator: Host, command: str) -> None:
    operator.run("sh", "-c", f"cd {PROJECT_ROOT} && {command}", timeout_s=400)


def _as_operator(command: str) -> tuple[str, ...]:
    """Wrap a command as `ray exec` would, without the text that `ray exec` prints besides."""
    return "bash", "-lc", f". ~/.bashrc; cd {PROJECT_ROOT}; {command}"


def _tunnel(network: Network) -> str:
    """Make the command that opens a tunnel, which lasts as long as the operator's machine."""
    options = "-o StrictHostKeyChecking=no -o ExitOnForwardFailure=yes"
    where = f"/{_SOCKET}:127.0.0.1:8000"
    head = f"root@{network.hosts[0].address}"
    return f"ssh -f -N -i {network.key} {options} -L {where} {head} >/dev/null 2>&1"
