"""Cuts a connection of its own in each way; prints which directions still pass, as JSON."""

import json
import socket

from deployments.chaos import network
from deployments.chaos.kind import Way

_WAIT_S = 0.5


def passes(sender: socket.socket, receiver: socket.socket) -> bool:
    sender.sendall(b"x")
    receiver.settimeout(_WAIT_S)
    try:
        return bool(receiver.recv(1))
    except TimeoutError:
        return False


def tried(way: Way) -> tuple[bool, bool, bool]:
    """Tell whether bytes pass to the server, back from it, and after the way was healed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        with client, accepted:
            network.cut(way, port)
            to, back = passes(client, accepted), passes(accepted, client)
            network.heal()
            with socket.create_connection(("127.0.0.1", port)) as again, server.accept()[0] as new:
                return to, back, passes(again, new)


if __name__ == "__main__":
    print(json.dumps({way: tried(way) for way in (Way.CUT, Way.CUT_TO, Way.CUT_FROM)}))
