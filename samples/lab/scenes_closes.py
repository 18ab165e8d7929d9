"""Sample ``handshake-and-close``: each way a connection can begin and end, each on a port of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

from lab import peers, services
from lab.forwarder import ACK, SYN, Packet, Rule
from lab.scene import Lab, require

BODY = b"one line of text\n"


def _answer(connection: socket.socket) -> None:
    peers.read_head(connection)
    connection.sendall(peers.response("200 OK", BODY))


def _four_way(connection: socket.socket) -> None:
    _answer(connection)
    connection.recv(1)  # the client's FIN
    time.sleep(0.15)  # longer than a delayed ACK, so that ACK and FIN travel apart


def _three_way(connection: socket.socket) -> None:
    _answer(connection)
    connection.recv(1)


def _server_first(connection: socket.socket) -> None:
    peers.read_head(connection)
    connection.sendall(peers.response("200 OK", BODY * 10, "Connection: close", length=False))
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)


def _long_answer(connection: socket.socket) -> None:
    peers.read_head(connection)
    connection.sendall(peers.response("200 OK", bytes(12_000)))
    connection.recv(1)


def _reset(connection: socket.socket) -> None:
    peers.read_head(connection)
    time.sleep(0.03)
    peers.reset(connection)


def _after_half_close(connection: socket.socket) -> None:
    peers.read_to_end(connection)
    parts = [BODY] * 3
    connection.sendall(peers.response("200 OK", parts[0], f"Content-Length: {3 * len(BODY)}", length=False))
    for part in parts[1:]:
        time.sleep(0.08)
        connection.sendall(part)


class _Meeting:
    """Lets the client and the server's thread do something at the same moment."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)

    def handler(self, connection: socket.socket) -> None:
        _answer(connection)
        self.barrier.wait(5)

    def client(self, connection: socket.socket) -> None:
        self.barrier.wait(5)
        connection.close()


def _syn_to_8009(packet: Packet) -> bool:
    return packet.way == "up" and packet.destination_port == 8009 and packet.flags & (SYN | ACK) == SYN


def _ask(port: int, target: str) -> socket.socket:
    """Open a connection, send one request and read the whole answer (its body is ``BODY``)."""
    connection = peers.connect(port)
    connection.sendall(peers.request(target))
    peers.read_head(connection)
    peers.read_exactly(connection, len(BODY))
    return connection


def handshake_and_close(lab: Lab, target: Path) -> None:
    """Four-way, three-way, server-first and simultaneous close, resets, half-close, refused, unanswered, left open."""
    meeting, never = _Meeting(), threading.Event()

    def left_open(connection: socket.socket) -> None:
        _answer(connection)
        connection.recv(1)
        never.wait(10)

    handlers = {
        8001: _four_way,
        8002: _three_way,
        8003: _server_first,
        8004: meeting.handler,
        8005: _long_answer,
        8006: _reset,
        8007: _after_half_close,
        8010: left_open,
    }
    comment = "Each way a TCP connection can begin and end, on ports 8001 to 8010. Recorded at the client."
    with contextlib.ExitStack() as stack:
        for port, handler in handlers.items():
            stack.enter_context(peers.serve(port, handler))
        stack.callback(never.set)
        with services.recorder(target, lab.home, comment=comment):
            _play(lab, meeting)
    require(len(lab.forwarder.log) >= 3, "at least three dropped SYNs")


def _play(lab: Lab, meeting: _Meeting) -> None:
    _ask(8001, "/four-way").close()
    time.sleep(0.4)
    _ask(8002, "/three-way").close()
    time.sleep(0.2)

    client = peers.connect(8003)
    client.sendall(peers.request("/server-closes-first", "Connection: close"))
    peers.read_to_end(client)
    time.sleep(0.12)
    client.close()
    time.sleep(0.2)

    meeting.client(_ask(8004, "/both-close-at-once"))
    time.sleep(0.2)

    client = peers.connect(8005)
    client.sendall(peers.request("/client-resets"))
    peers.read_exactly(client, 1000)
    peers.reset(client)
    time.sleep(0.2)

    client = peers.connect(8006)
    client.sendall(peers.request("/server-resets"))
    with contextlib.suppress(ConnectionResetError):
        peers.read_to_end(client)
        require(False, "a reset by the server")
    client.close()
    time.sleep(0.2)

    client = peers.connect(8007)
    client.sendall(peers.request("/half-close", "Connection: close"))
    client.shutdown(socket.SHUT_WR)
    require(peers.read_to_end(client).endswith(BODY * 3), "data after a half-close")
    client.close()
    time.sleep(0.2)

    with contextlib.suppress(ConnectionRefusedError):
        peers.connect(8008)
        require(False, "a refused connection")
    time.sleep(0.1)

    lab.forwarder.rules.append(Rule("unanswered", _syn_to_8009, times=None))
    with contextlib.suppress(TimeoutError):
        peers.connect(8009, timeout=3.5)
        require(False, "an unanswered connection")
    time.sleep(0.1)

    half = _ask(8010, "/left-open")
    half.shutdown(socket.SHUT_WR)
    time.sleep(0.3)  # the recording ends here, before the server closes
