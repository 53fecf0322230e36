"""A real S3 server in a process of its own, and before it a proxy that can break things."""

import os
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest

from model_shards.store.location import Location
from tests.model_shards.store.faulty_proxy import FaultyProxy

_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def server_port() -> Iterator[int]:
    """Moto's server; it takes parts as small as the tests'."""
    environment = os.environ | _CREDENTIALS | {"S3_UPLOAD_PART_MIN_SIZE": "1"}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            running = (re.search(r"Running on http://127.0.0.1:(\d+)", x) for x in server.stderr)
            port = next(int(match[1]) for match in running if match)
            # Else its log fills the pipe, and it stands still.
            threading.Thread(target=deque, args=(server.stderr, 0)).start()
            yield port
        finally:
            server.kill()


@pytest.fixture
def proxy(server_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """boto3 reaches S3 through it, in this process and in those that it starts."""
    proxy = FaultyProxy(server_port)
    for name, value in (_CREDENTIALS | {"AWS_ENDPOINT_URL": proxy.url}).items():
        monkeypatch.setenv(name, value)
    yield proxy
    proxy.close()


@pytest.fixture
def location(proxy: FaultyProxy) -> Location:
    """In a bucket of the test's own."""
    bucket = f"test-{uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return Location(bucket, "models/noise")
