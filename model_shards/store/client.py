"""boto3's client for S3, and its errors in small4's words.

Credentials, region and endpoint come from boto3's own chain: the environment, `~/.aws`, the
machine's role.
"""

import contextlib
from collections.abc import Iterator
from typing import TypeAlias

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

from configs.errors import StoreError

Client: TypeAlias = BaseClient

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 6},  # 503 SlowDown and lost connections
    max_pool_connections=64,
    connect_timeout=10,
    read_timeout=60,
)
_MISSING = frozenset({"404", "NoSuchKey"})
_GONE = "there is no such object. Push the set again"
_DENIED = (
    "access is denied. Allow these credentials s3:ListBucket, s3:GetObject and, to push, "
    "s3:PutObject, s3:ListBucketMultipartUploads, s3:ListMultipartUploadParts and "
    "s3:AbortMultipartUpload, or use others"
)
_REMEDIES = {
    "NoSuchBucket": "there is no such bucket. Make it, or correct the location",
    "404": _GONE,
    "NoSuchKey": _GONE,
    "403": _DENIED,
    "AccessDenied": _DENIED,
    "InvalidAccessKeyId": "the credentials aren't known there. Check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the credentials are wrong. Check AWS_SECRET_ACCESS_KEY",
    "ExpiredToken": "the credentials have expired. Renew them",
    "InvalidRange": "it is shorter than its manifest says. Delete it and push the set again",
}


def connect() -> Client:
    """Make a client for all threads, with the credentials of now, not of the process's start."""
    try:
        return boto3.Session().client("s3", config=_CONFIG)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"S3: {error}. Correct AWS's environment variables or files") from error


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn errors of S3 and of the disk into a StoreError that names the object and a remedy."""
    try:
        yield
    except ClientError as error:
        answer = error.response.get("Error", {})
        said = f"{answer.get('Code')}: {answer.get('Message')}. Try again later"
        raise StoreError(f"{url}: {_REMEDIES.get(str(answer.get('Code')), said)}") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StoreError(
            f"{url}: no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE, or give the machine a role"
        ) from error
    except EndpointConnectionError as error:
        raise StoreError(
            f"{url}: {error} Check the network, the region and AWS_ENDPOINT_URL"
        ) from error
    except BotoCoreError as error:
        raise StoreError(f"{url}: {error}. Start it again: it goes on where it was") from error
    except OSError as error:
        raise StoreError(
            f"{url}: {error}. Look after the directory on this machine, and its free space"
        ) from error


def is_missing(error: ClientError) -> bool:
    """Tell whether the error is that the object isn't there; a missing bucket is another error."""
    return str(error.response.get("Error", {}).get("Code")) in _MISSING
