"""Small servers and clients for what nginx and curl do not do: who closes first, who resets, who never answers.

A server is a function that gets each accepted connection; it runs in a thread inside the server's namespace. Clients
are plain sockets made inside the client's namespace. Sockets stay where they were made.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from lab import net

SERVER_ADDRESS = "198.51.100.80"
Handler = Callable[[socket.socket], None]


@contextlib.contextmanager
def serve(port: int, handler: Handler, address: str = SERVER_ADDRESS) -> Iterator[None]:
    """Listen on an address of the server's namespace and give each connection to ``handler``, one after the other."""
    with net.inside(net.SERVER):
        listener = socket.create_server((address, port))
    listener.settimeout(0.1)
    ending = threading.Event()

    def accept() -> None:
        while not ending.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(10)
            with contextlib.suppress(OSError), connection:
                handler(connection)

    thread = threading.Thread(target=accept, name=f"server {port}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(5)
        listener.close()


def connect(port: int, address: str = SERVER_ADDRESS, timeout: float = 10) -> socket.socket:
    """Open a TCP connection from the client's namespace."""
    with net.inside(net.CLIENT):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(timeout)
    try:
        client.connect((address, port))
    except OSError:
        client.close()
        raise
    return client


def request(target: str, *headers: str, method: str = "GET", host: str = "shop.example", body: bytes = b"") -> bytes:
    """Write an HTTP/1.1 request."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "User-Agent: sample-client/1", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def response(status: str, body: bytes = b"", *headers: str, length: bool = True) -> bytes:
    """Write an HTTP/1.1 response; without ``length`` the body ends with the connection."""
    lines = [f"HTTP/1.1 {status}", "Server: sample-server/1", "Content-Type: text/plain", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def read_head(connection: socket.socket) -> bytes:
    """Read to and including the blank line after a message's header; empty when the other side closed first."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Read ``size`` bytes, fewer only when the other side closes."""
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the other side has closed."""
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def reset(connection: socket.socket) -> None:
    """Close so that the kernel sends RST instead of FIN (SO_LINGER with zero seconds)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
