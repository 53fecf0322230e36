"""What is forked from a forkserver, one that has loaded something light, and how that ends.

`tests/system/served` forks engines from one that has loaded vLLM.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import pytest

from deployments.shard.warm.forkserver import forkserver


@dataclass
class Created:
    """The program `creator`, the process that it forked, and the one of which it was told."""

    creator: "subprocess.Popen[str]"
    forked: psutil.Process
    said: list[str]

    @property
    def teller(self) -> psutil.Process:
        return psutil.Process(int(self.said[0]))


@contextmanager
def created(plan: str) -> Iterator[Created]:
    command = [sys.executable, "-m", "tests.deployments.shard.warm.creator", plan]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as creator:
        try:
            assert creator.stdout is not None
            pid, *said = creator.stdout.readline().split()
            yield Created(creator, psutil.Process(int(pid)), said)
        finally:
            creator.kill()


def test_a_forked_process_has_what_was_loaded_and_the_environment_of_now() -> None:
    with created("child") as process:
        assert process.said[0] == str(process.forked.pid)
        assert process.said[2:] == ["yes", "True"]


def test_its_creator_learns_the_signal_that_ended_it() -> None:
    with created("child") as process:
        process.forked.kill()
        assert process.creator.stdout is not None
        assert process.creator.stdout.readline() == "-9\n"


@pytest.mark.parametrize("plan", ["child", "parent"])
def test_all_end_with_their_creator(plan: str) -> None:
    with created(plan) as process:
        server = process.forked.parent()
        assert server is not None
        all_of_it = [server, process.forked, process.teller]
        process.creator.kill()
        process.creator.wait()
        assert psutil.wait_procs(all_of_it, timeout=20)[1] == []


def test_what_a_forked_process_starts_is_forked_from_the_same() -> None:
    with created("parent") as process:
        assert process.teller != process.forked
        assert process.teller.parent() == process.forked.parent()
        assert process.said[2:] == ["yes", "True"]
        teller = process.teller
        process.forked.kill()
        teller.wait(timeout=20)  # it ends with who started it


def test_a_forkserver_that_lacks_what_it_was_to_load_is_not_used() -> None:
    assert forkserver("there.is.no.such.module") is None
