"""Serve's controller dies and comes back: nothing of what serves may go with it."""

import asyncio
from typing import Any

import psutil

from tests.system.served.deployed import Deployed
from tests.system.served.processes import processes
from tests.system.served.streams import GREEDY, Streams
from tests.system.served.two_gangs.living import both_gangs


def test_gangs_outlive_serves_controller(deployed: Deployed) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=250)
    expected = asyncio.run(Streams(deployed.url, deployed.model, GREEDY).answers())
    controller = controller_process()
    controller.kill()
    controller.wait(timeout=10)
    assert asyncio.run(Streams(deployed.url, deployed.model, GREEDY).answers()) == expected
    now = deployed.wait_until(lambda now: now["status"] == "RUNNING", timeout_s=120)
    assert controller_process().pid != controller.pid
    assert engines(now) == engines(status)


def controller_process() -> psutil.Process:
    (found,) = processes("ray::ServeController")
    return found


def engines(status: dict[str, Any]) -> set[int]:
    return {rank["engine_pid"] for rank in status["ranks"]}
