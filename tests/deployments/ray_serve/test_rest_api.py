"""Ray's token is found where Ray finds it, and asked for when it is missing or wrong."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from configs.errors import ClusterError
from deployments.ray_serve.rest_api import ServeApi


class _Dashboard(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        given = self.headers.get("Authorization")
        self.send_response(200 if given == "Bearer right" else 403 if given else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _dashboard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with HTTPServer(("127.0.0.1", 0), _Dashboard) as server:
        monkeypatch.setenv("RAY_DASHBOARD_ADDRESS", f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("place", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "home"])
def test_the_token_is_found(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / (".ray/auth_token" if place == "home" else "token")
    file.parent.mkdir(exist_ok=True)
    file.write_text("right\n")
    if place != "home":
        monkeypatch.setenv(place, str(file) if place.endswith("PATH") else "right")
    assert ServeApi().reachable()


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_right_token_nothing_goes_on(
    token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token is not None:
        monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    with pytest.raises(ClusterError, match="RAY_AUTH_TOKEN"):
        ServeApi().reachable()
    with pytest.raises(ClusterError, match="RAY_AUTH_TOKEN"):
        ServeApi().status("small4")


def test_a_token_goes_nowhere_when_ray_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "right")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(ClusterError, match="refuses"):
        ServeApi().reachable()
