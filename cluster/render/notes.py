"""NOTES.md for the cluster's operator: rights, networks, and what is secret."""

import textwrap

from cluster.plan.layout import Layout
from cluster.render.next_steps import next_steps
from cluster.render.serve_config import exposed
from configs.cluster_manifest import ClusterManifest
from configs.providers import Aws, Gcp, KubeRay, OnPrem
from configs.weights import S3


def notes(manifest: ClusterManifest, layout: Layout) -> str:
    """Return NOTES.md; DIR in it stands for the folder with the rendered files."""
    provider = manifest.provider
    parts = [f"# {manifest.name}", _steps(manifest)]
    if isinstance(provider, Aws):
        parts += [_aws_roles(provider), _aws_network(provider, layout)]
    elif isinstance(provider, Gcp):
        parts += [_gcp_roles(provider), _gcp_network()]
    elif isinstance(provider, OnPrem):
        parts += [_on_prem(manifest, provider)]
    elif isinstance(provider, KubeRay):
        parts += [_kubernetes(manifest, provider)]
    text = "\n\n".join([*parts, _ports(manifest), _secrets(manifest), _changes(manifest)])
    return "\n\n".join(_wrapped(part) for part in text.split("\n\n")) + "\n"


def _wrapped(paragraph: str) -> str:
    if paragraph.startswith(("#", "|", "    ")):
        return paragraph
    words = " ".join(paragraph.split())
    return textwrap.fill(words, 100, break_on_hyphens=False, break_long_words=False)


def _steps(manifest: ClusterManifest) -> str:
    steps = "\n".join(
        f"    # {purpose}\n    {command}" for purpose, command in next_steps(manifest, "DIR")
    )
    return f"Called in the project's directory; DIR is where this file is.\n\n{steps}"


def _aws_roles(provider: Aws) -> str:
    return f"""\
## Roles, once

Nodes read the weights, nothing else; the head also starts and ends machines that carry the
cluster's name. Instance profiles and their roles have the same names.

{_aws_role(provider.instance_profile, "iam-node.json")}

{_aws_role(provider.head_instance_profile, "iam-head.json")}

`ray up` itself needs EC2 rights like the head's, `iam:PassRole` for both roles, and
`ec2:CreateKeyPair`, for it makes a key where the manifest names none.""" + (
        f"""

For SSH through the Session Manager you need the plugin of that name and `ssm:StartSession`, and
the head

    aws iam attach-role-policy --role-name {provider.head_instance_profile} \\
      --policy-arn arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"""
        if "ssm" in (provider.ssh_proxy_command or "")
        else ""
    )


def _aws_role(name: str, policy: str) -> str:
    return f"""\
    aws iam create-role --role-name {name} --assume-role-policy-document file://DIR/iam-trust.json
    aws iam put-role-policy --role-name {name} --policy-name small4 \\
      --policy-document file://DIR/{policy}
    aws iam create-instance-profile --instance-profile-name {name}
    aws iam add-role-to-instance-profile --instance-profile-name {name} --role-name {name}"""


def _aws_network(provider: Aws, layout: Layout) -> str:
    group = provider.security_group
    text = f"""\
## Network

{group} must let its members reach each other on every port, and nobody else in, but for
SSH to the head where it doesn't come through the Session Manager:

    aws ec2 authorize-security-group-ingress --region {provider.region} \\
      --group-id {group} --protocol all --source-group {group}

{provider.subnet} needs a way to S3 (a gateway endpoint costs nothing); to EC2's API, by which the
head starts and ends machines, and to the Session Manager if SSH comes through it, as long as the
cluster runs (NAT, or interface endpoints for ec2, ssm, ssmmessages and ec2messages); and, while
nodes are set up, to package mirrors (NAT)."""
    if layout.nodes_per_gang > 1:
        text += f"""

EFA asks that members may also send each other everything, by a rule that names the group:

    aws ec2 authorize-security-group-egress --region {provider.region} \\
      --group-id {group} --protocol all --source-group {group}

The image needs EFA's driver and the NCCL plugin aws-ofi-nccl, where the loader finds it. NCCL
doesn't ask for it: without it a gang starts all the same, and is slow, over TCP. So look, once:
with NCCL_DEBUG=INFO among the env_vars of serve.yaml, ranks log that they use it (`NET/OFI`, or
`NET/Libfabric`), rather than `NET/Socket`."""
    return text


def _gcp_roles(provider: Gcp) -> str:
    project, node, head = provider.project, provider.service_account, provider.head_service_account
    commands = []
    for account in (node, head):
        name = account.partition("@")[0]
        commands.append(f"gcloud iam service-accounts create {name} --project {project}")
        if provider.bucket:
            commands.append(
                f"gcloud storage buckets add-iam-policy-binding gs://{provider.bucket} \\\n"
                f"      --member serviceAccount:{account} --role roles/storage.objectViewer"
            )
    commands += [
        f"gcloud projects add-iam-policy-binding {project} \\\n"
        f"      --member serviceAccount:{head} --role roles/compute.instanceAdmin.v1",
        f"gcloud iam service-accounts add-iam-policy-binding {node} \\\n"
        f"      --member serviceAccount:{head} --role roles/iam.serviceAccountUser",
    ]
    lines = "\n".join(f"    {command}" for command in commands)
    return f"""\
## Roles, once

Nodes read the weights, nothing else; the head also starts and ends machines.

{lines}

Where you call `ray up`, Ray wants `pip install google-api-python-client==1.7.8`; it also makes an
account ray-autoscaler-sa-v1, which these machines don't use."""


def _gcp_network() -> str:
    return """\
## Network

Machines must reach each other on every port, and nobody else them, but for SSH from where you call
`ray up` (Google's default network opens SSH to everybody: remove default-allow-ssh). Without public
addresses they need Cloud NAT while they are set up, and Private Google Access for the bucket."""


def _on_prem(manifest: ClusterManifest, provider: OnPrem) -> str:
    remote = (manifest.weights.source or "").startswith(S3)
    weights = (
        "To read the weights each needs credentials where AWS's tools look for them (~/.aws)."
        if remote
        else f"The weights are at {manifest.weights.source} on each."
    )
    return f"""\
## Machines

Each takes SSH from where you call `ray up` and from the head, as {provider.ssh_user} with
{provider.ssh_key}, and has Python 3.11 with venv, make, rsync, a C compiler and, for GPUs, NVIDIA's
driver. {weights} `ray up` copies that SSH key to the head: use one made for this cluster.

A host whose Ray is gone is set up again by the head, over SSH, once it answers."""


def _kubernetes(manifest: ClusterManifest, provider: KubeRay) -> str:
    if (manifest.weights.source or "").startswith(S3):
        rights = (
            f"annotate it with a role that may `s3:GetObject` on {manifest.weights.source}/* "
            "(EKS: eks.amazonaws.com/role-arn)"
        )
    else:
        rights = "it needs no rights, the claim has the weights"
    return f"""\
## Rights

    kubectl --namespace {provider.namespace} create serviceaccount {provider.service_account}

Pods run as it: {rights}. The operator gives it the right to resize this cluster, for Ray's
autoscaler. The account must be there before you apply. GPUs need NVIDIA's device plugin, and
network-policy.yaml a network plugin that enforces policies."""


_PORTS = """\
| port | is | from |
| --- | --- | --- |
| 8000 | HAProxy, on the head: clients | {clients} |
| 6379, and others that Ray chooses | Ray, with its token | nodes |
| 8265 | Ray's dashboard, which takes Serve configs, with the token | {dashboard} |
| 52365 | Ray's agent on each node | nodes |
| 30000 and up | routers' own, behind HAProxy; they ask for the same keys | the head |
| 8404, 9101 | HAProxy's statistics and metrics, without a key | nobody else |
| others above 1024 | ranks of a gang among themselves (vLLM, NCCL), without a key | nodes |"""


def _ports(manifest: ClusterManifest) -> str:
    if isinstance(manifest.provider, KubeRay):
        clients, dashboard = "clients, with keys", "the operator, the pods"
    else:
        dashboard = "the head itself"
        clients = "clients, with keys" if exposed(manifest) else "the head itself"
        if manifest.serving.deployment.get("access", {}).get("open"):
            clients = "anybody: access is open"
    return f"## What listens\n\n{_PORTS.format(clients=clients, dashboard=dashboard)}"


def _secrets(manifest: ClusterManifest) -> str:
    provider = manifest.provider
    if isinstance(provider, KubeRay):
        return f"""\
## What is secret

Ray's token: a Secret that the operator makes, named as the RayCluster. Clients' keys: you and they
have them; the Secret {provider.keys_secret} holds their hashes. No rendered file has any of it."""
    return """\
## What is secret

Ray's token, ~/.ray/auth_token here and on each node: who has it can run anything there. The SSH
key: here, and on the head as ~/ray_bootstrap_key.pem. Clients' keys: you and they have them, nodes
their hashes. Between routers and ranks keys are made anew at each start. No rendered file has any
of it."""


def _changes(manifest: ClusterManifest) -> str:
    provider = manifest.provider
    if isinstance(provider, KubeRay):
        return """\
## Changes

Applied again, a changed serveConfigV2 is deployed in place. Keys are read again when their Secret
changes. For anything else delete the RayService and make it anew."""
    return """\
## Changes

A changed serve.yaml: send and deploy it again; Ray and its machines stay. `ray up` again takes what
else has changed, and restarts Ray, and with it all that is served; with `--no-restart` it doesn't.
Clients' keys are read again when their file on the head changes (`ray rsync-up`)."""
