import socket

from deployments.bench.readers.memory import Memory


def test_what_nobody_reads_is_found_in_the_sockets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        before = Memory.now()
        sender = socket.create_connection(server.getsockname())
        receiver, _ = server.accept()
        sender.setblocking(False)
        sent = 0
        try:
            while True:
                sent += sender.send(b"x" * 65536)
        except BlockingIOError:
            held = Memory.now().above(before)
        sender.close()
        receiver.close()
    assert held.sockets > sent / (1 << 20) / 2


def test_what_has_come_is_the_difference() -> None:
    assert Memory(5, 3, 2).above(Memory(1, 1, 1)) == Memory(4, 2, 1)
