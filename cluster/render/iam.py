"""The rights of EC2's roles: those that nodes use, and the head's further ones; no more."""

import json
from typing import Any

from configs.cluster_manifest import ClusterManifest
from configs.providers import Aws
from configs.weights import S3


def policies(manifest: ClusterManifest, provider: Aws) -> dict[str, str]:
    """Return policies, by file name.

    iam-trust.json is for `aws iam create-role`, the others are for `put-role-policy`.
    """
    reads = _reads(manifest.weights.source)
    return {
        "iam-trust.json": _document([_EC2_TAKES_IT]),
        "iam-node.json": _document(reads),
        "iam-head.json": _document(reads + _machines(manifest, provider)),
    }


_EC2_TAKES_IT = {
    "Effect": "Allow",
    "Principal": {"Service": "ec2.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"


def _reads(source: str | None) -> list[dict[str, Any]]:
    if source is None or not source.startswith(S3):
        return []
    place = source.removeprefix(S3).rstrip("/")
    return [
        {
            "Sid": "Weights",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{place}/*",
        }
    ]


def _machines(manifest: ClusterManifest, provider: Aws) -> list[dict[str, Any]]:
    """Return rights to call what Ray's provider `aws` calls.

    It tags machines with the cluster's name as they start.
    """
    cluster = {"aws:RequestTag/ray-cluster-name": manifest.name}
    own = {"aws:ResourceTag/ray-cluster-name": manifest.name}
    region = f"arn:aws:ec2:{provider.region}:*"
    return [
        {
            "Sid": "Look",
            "Effect": "Allow",
            "Action": [
                f"ec2:Describe{kind}"
                for kind in (
                    "Instances",
                    "InstanceStatus",
                    "InstanceTypes",
                    "Images",
                    "KeyPairs",
                    "SecurityGroups",
                    "Subnets",
                )
            ],
            "Resource": "*",
        },
        {
            "Sid": "Start",
            "Effect": "Allow",
            "Action": "ec2:RunInstances",
            "Resource": f"{region}:instance/*",
            "Condition": {"StringEquals": cluster},
        },
        {
            "Sid": "StartWith",
            "Effect": "Allow",
            "Action": "ec2:RunInstances",
            "Resource": [
                "arn:aws:ec2:*::image/*",
                *(
                    f"{region}:{kind}/*"
                    for kind in (
                        "network-interface",
                        "volume",
                        "key-pair",
                        "placement-group",
                        "capacity-reservation",
                    )
                ),
                f"{region}:subnet/{provider.subnet}",
                f"{region}:security-group/{provider.security_group}",
            ],
        },
        {
            "Sid": "Mark",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": f"{region}:instance/*",
            "Condition": {"StringEquals": {"ec2:CreateAction": "RunInstances"}},
        },
        {
            "Sid": "MarkAndEndItsOwn",
            "Effect": "Allow",
            "Action": ["ec2:CreateTags", "ec2:TerminateInstances"],
            "Resource": f"{region}:instance/*",
            "Condition": {"StringEquals": own},
        },
        {
            "Sid": "GiveNodesTheirRole",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": f"arn:aws:iam::*:role/{provider.instance_profile}",
            "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        },
    ]
