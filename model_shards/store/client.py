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
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnection

from configs.errors import OutOfReachError, StoreError
from model_shards.store import persistence
from model_shards.store.persistence import Retrying, may_pass

Client: TypeAlias = BaseClient

_MISSING = frozenset({"404", "NoSuchKey"})
_GONE = "there is no such object. Push the set again"
_DENIED = (
    "access is denied. Allow these credentials s3:ListBucket, s3:GetObject and, to push, "
    "s3:PutObject, s3:ListBucketMultipartUploads and s3:AbortMultipartUpload, or use others"
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


def connect(patience_s: float | None = None) -> Client:
    """Make a client for all threads, with the credentials of now, not of the process's start.

    It waits up to `patience_s`, by default PATIENCE_S, for a store that is out of reach or busy.
    """
    patience_s = persistence.PATIENCE_S if patience_s is None else patience_s
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 1},  # `Retrying` decides of others
        max_pool_connections=64,
        connect_timeout=min(10.0, patience_s),
        read_timeout=min(60.0, 5 * patience_s),
    )
    try:
        client = boto3.Session().client("s3", config=config)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"S3: {error}. Correct AWS's environment variables or files") from error
    client.meta.events.register_first("needs-retry.s3", Retrying(patience_s))
    return client


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn errors of S3 and of the disk into a StoreError that names the object and a remedy."""
    try:
        yield
    except ClientError as error:
        answer = error.response.get("Error", {})
        code, status = answer.get("Code"), error.response["ResponseMetadata"].get("HTTPStatusCode")
        said = f"{code}: {answer.get('Message')}. Try again later"
        kind = OutOfReachError if may_pass(code, status) else StoreError
        raise kind(f"{url}: {_REMEDIES.get(str(code), said)}") from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        # They may come from a service that is out of reach as well.
        raise OutOfReachError(
            f"{url}: no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_PROFILE, or give the machine a role"
        ) from error
    except (NoConnection, HTTPClientError, IncompleteReadError) as error:
        raise OutOfReachError(
            f"{url}: {error}. Check the network, the region and AWS_ENDPOINT_URL, and start it "
            "again: it goes on where it was"
        ) from error
    except BotoCoreError as error:
        raise StoreError(f"{url}: {error}. Correct AWS's environment variables or files") from error
    except OSError as error:
        raise StoreError(
            f"{url}: {error}. Look after the directory on this machine, and its free space"
        ) from error


def is_missing(error: ClientError) -> bool:
    """Tell whether the error is that the object isn't there; a missing bucket is another error."""
    return str(error.response.get("Error", {}).get("Code")) in _MISSING
