import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import psutil

from deployments.chaos.kind import Role
from deployments.chaos.left_behind import processes_left, quotas_left, sockets_left, too_many
from tests.deployments.chaos.looks import SHAPE, WHOLE


def test_a_quiet_deployment_has_nothing_too_many() -> None:
    assert too_many(WHOLE, SHAPE) == []


def test_requests_and_engines_that_were_left_show() -> None:
    engines = {Role.ENGINE: WHOLE.processes[Role.ENGINE] | {(99, 1.0)}}
    look = replace(WHOLE, requests=2, processes={**WHOLE.processes, **engines})
    assert too_many(look, SHAPE) == ["3 processes of role engine, not 2", "2 requests at ranks"]


def test_streams_that_still_count_against_a_key_show() -> None:
    assert quotas_left({"chaos": 2, "other": 0}) == ["2 streams of key chaos"]


def test_a_quota_service_that_gives_no_answer_is_told() -> None:
    assert quotas_left(None) == ["the quota service gives no answer"]


def test_zombies_and_orphans_show() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    head, process = psutil.Process(), psutil.Process(child.pid)
    try:
        assert processes_left([head, process], head.pid) == []
        (orphan,) = processes_left([process], head=0)  # its parent isn't among them
        assert orphan.startswith("orphan")
        os.kill(child.pid, signal.SIGKILL)
        deadline_s = time.monotonic() + 20
        while process.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        (zombie,) = processes_left([head, process], head.pid)
        assert zombie.startswith("zombie")
    finally:
        child.kill()
        child.communicate()


def test_open_and_half_closed_connections_show() -> None:
    me = psutil.Process()
    processes = {Role.ROUTER: [], Role.SHARD: [], Role.HAPROXY: [me]}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        before = sockets_left(processes, port)
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        with client, accepted:
            (still_open,) = set(sockets_left(processes, port)) - set(before)
            client.close()
            accepted.recv(1)  # its end has come
            (half_closed,) = set(sockets_left(processes, port)) - set(before)
    assert still_open == f"1 sockets: haproxy ESTABLISHED, port {port}"
    assert half_closed == f"1 sockets: haproxy CLOSE_WAIT, port {port}"
