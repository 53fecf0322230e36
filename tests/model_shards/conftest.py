"""A real S3 server in a process of its own, and a proxy before it that can break things."""

import os
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def s3_server() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run Moto's server, which takes parts as small as the tests'; yield it and its port."""
    environment = os.environ | _CREDENTIALS | {"S3_UPLOAD_PART_MIN_SIZE": "1"}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            lines = server.stderr
            running = (re.search(r"Running on http://127.0.0.1:(\d+)", line) for line in lines)
            port = next(int(match[1]) for match in running if match)
            # Read on: a log that fills the pipe would stop the server.
            threading.Thread(target=deque, args=(lines, 0)).start()
            yield server, port
        finally:
            server.kill()


@pytest.fixture(scope="session")
def server_port() -> Iterator[int]:
    with s3_server() as (_, port):
        yield port


@pytest.fixture
def proxy(server_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """Let boto3 reach S3 through a proxy, in this process and in those that it starts."""
    proxy = FaultyProxy(server_port)
    for name, value in (_CREDENTIALS | {"AWS_ENDPOINT_URL": proxy.url}).items():
        monkeypatch.setenv(name, value)
    yield proxy
    proxy.close()


@pytest.fixture
def location(proxy: FaultyProxy) -> Location:
    """Return a location in a bucket of the test's own."""
    bucket = f"test-{uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return Location(bucket, "models/noise")
