"""A proxy before the S3 server that counts what passes it, and breaks some of it."""

import http.client
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

_RESET = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN
_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@dataclass
class Fault:
    """Breaks the first `times` requests of a method for objects whose keys end in `suffix`."""

    kind: Literal["reset", "short", "wrong", "busy"]
    suffix: str
    method: str = "GET"
    times: int = 1


@dataclass
class Passed:
    """A request that has passed the proxy."""

    method: str
    name: str
    range: str | None
    sent_bytes: int = 0


@dataclass
class FaultyProxy:
    """The running proxy; a request beyond `hold_after` sets `held`, and waits for `release`."""

    upstream_port: int
    port: int = 0  # any that is free
    faults: list[Fault] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    hold_method: str = "GET"
    hold_suffix: str = ""
    hold_after: int | None = None
    held: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def of(self, method: str, suffix: str = "") -> list[Passed]:
        return [
            passed
            for passed in self.passed
            if passed.method == method and passed.name.endswith(suffix)
        ]

    def begin(self, passed: Passed) -> Fault | None:
        """Note a request, hold it if it is to be held, and return how to break it."""
        with self._lock:
            self.passed.append(passed)
            alike = len(self.of(self.hold_method, self.hold_suffix))
            fault = next((fault for fault in self.faults if _meets(fault, passed)), None)
            if fault:
                fault.times -= 1
            is_held = passed.method == self.hold_method and passed.name.endswith(self.hold_suffix)
        if self.hold_after is not None and is_held and alike > self.hold_after:
            self.held.set()
            self.release.wait()
        return fault


def _meets(fault: Fault, passed: Passed) -> bool:
    return fault.times > 0 and passed.method == fault.method and passed.name.endswith(fault.suffix)


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            passed = Passed(self.command, self.path.partition("?")[0], self.headers.get("Range"))
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = proxy.begin(passed)
            if fault and fault.kind == "busy":
                self._answer(503, [("Content-Length", str(len(_SLOW_DOWN)))], _SLOW_DOWN)
                return
            if fault and fault.kind == "reset" and fault.method == "PUT":
                self._hang_up(fault)  # before an answer, which has no body to break
                return
            upstream = http.client.HTTPConnection("127.0.0.1", proxy.upstream_port)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                content = answer.read()
            finally:
                upstream.close()
            headers = [(key, value) for key, value in answer.getheaders() if key not in _OWN]
            length = answer.getheader("Content-Length", str(len(content)))
            sent = _broken(content, fault)
            self._answer(answer.status, [*headers, ("Content-Length", length)], sent)
            passed.sent_bytes = len(sent)
            if fault and fault.kind in ("reset", "short"):
                self._hang_up(fault)

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for key, value in headers:
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def _hang_up(self, fault: Fault) -> None:
            self.close_connection = True
            if fault.kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self.connection.close()

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # a client that was killed

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing: requests are in `passed`."""

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815

    return Handler


_OWN = frozenset({"Content-Length", "Connection", "Transfer-Encoding"})


def _broken(content: bytes, fault: Fault | None) -> bytes:
    if fault is None:
        return content
    if fault.kind == "wrong":
        return bytes([content[0] ^ 1]) + content[1:]
    return content[: len(content) // 2]
