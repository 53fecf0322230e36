"""What a bench does beside a Ray that isn't its own."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from configs.errors import BenchError
from deployments.bench.served import Served


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Run what looks like somebody's Ray; yields the requests that it gets."""
    requests: list[str] = []

    class Dashboard(BaseHTTPRequestHandler):
        def answer(self) -> None:
            requests.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.end_headers()

        do_GET = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Dashboard) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("RAY_DASHBOARD_ADDRESS", f"http://127.0.0.1:{server.server_port}")
        yield requests
        server.shutdown()


def test_somebody_elses_ray_is_refused_and_left_alone(asked: list[str], tmp_path: Path) -> None:
    served = Served({}, tmp_path / "config.yaml")
    with pytest.raises(BenchError, match="a Ray is running"):
        served.start()
    served.stop()
    assert asked == ["GET /api/version"]
