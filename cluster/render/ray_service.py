"""Kubernetes files: a RayService for the KubeRay operator, and who may reach its pods.

Read from KubeRay 1.7: ray-operator/apis/ray/v1 and controllers/ray/common/pod.go.
"""

from importlib.metadata import version
from typing import Any

from cluster.machines import hardware_of
from cluster.plan.layout import Layout
from cluster.render.commented import Why, dump
from cluster.render.serve_config import KEYS_DIRECTORY, default_keys, limits, serve_config
from configs.cluster_manifest import ClusterManifest
from configs.environment import node_environment
from configs.errors import ConfigError
from configs.node_group import NodeGroup
from configs.providers import KubeRay

_HAPROXY = "/tmp/small4-haproxy"  # noqa: S108 - in the container
_HEALTH_PORT = 52365
_LABEL = "small4/cluster"

_HEADING = """\
{name} on Kubernetes: made by `small4 cluster render` from the cluster's manifest. Change the
manifest, or this. It needs the KubeRay operator, 1.5 or later (authOptions).

It holds no secret: the operator makes Ray's token as a Secret, clients' keys are in the Secret
{keys}, and pods read the weights as the service account {account}."""
_POLICY_HEADING = """\
Who reaches the pods of {name}: ranks of a gang, and HAProxy's statistics, ask nobody for a key.
Your network plugin must enforce policies."""


def ray_service(manifest: ClusterManifest, layout: Layout) -> dict[str, str]:
    """Return ray-service.yaml and network-policy.yaml, by file name.

    Raises ConfigError unless the provider is kuberay.
    """
    provider = manifest.provider
    if not isinstance(provider, KubeRay):
        raise ConfigError(f"provider.type: {provider.type} isn't kuberay")
    heading = {
        "name": manifest.name,
        "keys": provider.keys_secret,
        "account": provider.service_account,
    }
    return {
        "ray-service.yaml": dump(
            {
                "apiVersion": "ray.io/v1",
                "kind": "RayService",
                "metadata": {"name": manifest.name, "namespace": provider.namespace},
                "spec": _spec(manifest, layout, provider),
            },
            _HEADING.format(**heading),
        ),
        "network-policy.yaml": dump(
            _network_policy(manifest, provider), _POLICY_HEADING.format(**heading)
        ),
    }


def _spec(manifest: ClusterManifest, layout: Layout, provider: KubeRay) -> dict[str, Any]:
    scales = any(group.min_nodes < group.max_nodes for group in manifest.groups)
    return {
        "upgradeStrategy": Why(
            "A change would otherwise start a second cluster beside the first, with as many GPUs; "
            "to change more than serveConfigV2, delete the RayService and make it anew.",
            {"type": "None"},
        ),
        "serveConfigV2": serve_config(manifest, layout),
        "rayClusterConfig": {
            "rayVersion": Why("That of the image.", version("ray")),
            "authOptions": Why(
                "Whoever has no token is refused by Ray and its dashboard.", {"mode": "token"}
            ),
            "enableInTreeAutoscaling": Why(
                "Pods come and go with the gangs that need them.", scales
            ),
            **(
                {"autoscalerOptions": {"version": "v2", "idleTimeoutSeconds": 600}}
                if scales
                else {}
            ),
            "headGroupSpec": {
                "rayStartParams": {},
                "template": _pod(manifest, provider, manifest.head, head=True),
            },
            "workerGroupSpecs": [
                {
                    "groupName": group.name,
                    "replicas": group.min_nodes,
                    "minReplicas": group.min_nodes,
                    "maxReplicas": group.max_nodes,
                    "rayStartParams": {},
                    "template": _pod(manifest, provider, group, head=False),
                }
                for group in manifest.groups
            ],
        },
    }


def _pod(
    manifest: ClusterManifest, provider: KubeRay, group: NodeGroup, *, head: bool
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "serviceAccountName": provider.service_account,
        "containers": [_container(manifest, provider, group, head=head)],
        "volumes": _volumes(manifest, provider, group),
    }
    if group.node_labels:
        spec["nodeSelector"] = dict(group.node_labels)
    if hardware_of(group).gpus:
        spec["tolerations"] = [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
        ]
    return {"metadata": {"labels": {_LABEL: manifest.name}}, "spec": spec}


def _container(
    manifest: ClusterManifest, provider: KubeRay, group: NodeGroup, *, head: bool
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "ray-head" if head else "ray-worker",
        "image": provider.image,
        "args": Why(
            "Goes before the operator's own `ray start`.",
            [f"python -m cluster.haproxy {_HAPROXY}"],
        ),
        "env": Why(
            "Explained in configs/environment.py.",
            [
                {"name": name, "value": value}
                for name, value in node_environment(_HAPROXY, limits(manifest).connection_s).items()
            ],
        ),
        "resources": Why("All of it or none: Ray counts on what is there.", _resources(group)),
        "volumeMounts": _mounts(manifest, provider),
    }
    if head:
        container["ports"] = [
            {"name": name, "containerPort": port}
            for name, port in (("serve", 8000), ("gcs-server", 6379), ("dashboard", 8265))
        ]
    else:
        container["readinessProbe"] = Why(
            "The operator's own would ask for a proxy, which runs on the head alone.",
            {
                "httpGet": {"path": "/api/healthz", "port": _HEALTH_PORT},
                "initialDelaySeconds": 10,
                "periodSeconds": 5,
                "timeoutSeconds": 2,
                "failureThreshold": 10,
            },
        )
    return container


def _resources(group: NodeGroup) -> dict[str, Any]:
    has = hardware_of(group)
    amounts: dict[str, Any] = {"cpu": str(has.cpus), "memory": f"{has.memory_gib:g}Gi"}
    if has.gpus:
        amounts["nvidia.com/gpu"] = str(has.gpus)
    return {"requests": amounts, "limits": amounts}


def _volumes(manifest: ClusterManifest, provider: KubeRay, group: NodeGroup) -> list[Any]:
    shared_gib = hardware_of(group).memory_gib / 4
    volumes: list[Any] = [
        Why(
            "Shared memory, of Ray's object store and between the processes of an engine.",
            {
                "name": "shared-mem",
                "emptyDir": {"medium": "Memory", "sizeLimit": f"{shared_gib:g}Gi"},
            },
        ),
    ]
    if default_keys(manifest):
        volumes.append({"name": "keys", "secret": {"secretName": provider.keys_secret}})
    if provider.volume_claim is None:
        disk = {"sizeLimit": f"{hardware_of(group).disk_gb:g}G"}
        volumes.append(
            Why(
                "What the pod's ranks read; gone with the pod.",
                {"name": "weights", "emptyDir": disk},
            )
        )
    else:
        claim = {"claimName": provider.volume_claim, "readOnly": True}
        volumes.append({"name": "weights", "persistentVolumeClaim": claim})
    return volumes


def _mounts(manifest: ClusterManifest, provider: KubeRay) -> list[Any]:
    weights = manifest.weights
    place = weights.source if provider.volume_claim else str(weights.cache)
    mounts: list[dict[str, Any]] = [
        {"name": "shared-mem", "mountPath": "/dev/shm"},  # noqa: S108 - in the container
        {"name": "weights", "mountPath": place, "readOnly": provider.volume_claim is not None},
    ]
    if default_keys(manifest):
        mounts.append({"name": "keys", "mountPath": KEYS_DIRECTORY, "readOnly": True})
    return mounts


def _network_policy(manifest: ClusterManifest, provider: KubeRay) -> dict[str, Any]:
    ours = {"matchLabels": {_LABEL: manifest.name}}
    operator = {"matchLabels": {"app.kubernetes.io/name": "kuberay-operator"}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": manifest.name, "namespace": provider.namespace},
        "spec": {
            "podSelector": ours,
            "policyTypes": ["Ingress"],
            "ingress": [
                Why("The pods themselves.", {"from": [{"podSelector": ours}]}),
                Why("Clients, with their keys.", {"ports": [{"port": 8000, "protocol": "TCP"}]}),
                Why(
                    "The operator: health, and Serve configs, with the token.",
                    {
                        "from": [{"namespaceSelector": {}, "podSelector": operator}],
                        "ports": [
                            {"port": port, "protocol": "TCP"} for port in (8265, _HEALTH_PORT)
                        ],
                    },
                ),
            ],
        },
    }
