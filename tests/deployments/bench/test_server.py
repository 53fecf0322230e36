import sys
from pathlib import Path

import pytest

from configs.errors import BenchError
from deployments.bench.contender import Contender
from deployments.bench.launch import Launch
from deployments.bench.server import Server

FAILING = "print('[/no] such model'); raise SystemExit(3)"


def test_a_server_that_fails_is_shown_with_the_end_of_its_log(tmp_path: Path) -> None:
    launch = Launch([sys.executable, "-c", FAILING], {}, "http://127.0.0.1:9", "m")
    with (
        pytest.raises(BenchError, match=r"exit status 3(?s:.*)\[/no\] such model"),
        Server.started(Contender.PLAIN, launch, tmp_path / "log"),
    ):
        pytest.fail("it can't have started")
