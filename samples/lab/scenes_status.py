"""Sample ``status-codes``: each common status for its usual reason, from nginx or a small server."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import time
from pathlib import Path

from lab import net, peers, services, site
from lab.client import curl
from lab.scene import Lab, require

API = "198.51.100.81"
HANGING_PORT = 9504
CONFIG = """
    limit_req_zone $server_name zone=slow:32k rate=6r/m;
    keepalive_timeout 20s;
    server {{
        listen 198.51.100.80:80; server_name shop.example; root {root};
        location = /old {{ return 301 http://shop.example/; }}
        location = /today {{ return 302 /index.html; }}
        location = /order {{ return 307 http://api.shop.example/orders; }}
        location = /beacon {{ return 204; }}
        location /members/ {{ auth_basic "members"; auth_basic_user_file {home}/users; }}
        location /private/ {{ deny all; }}
        location = /limited {{ limit_req zone=slow; limit_req_status 429; try_files /index.html =404; }}
        location = /upstream-down {{ proxy_pass http://127.0.0.1:9; }}
        location = /upstream-silent {{ proxy_pass http://127.0.0.1:9504; proxy_read_timeout 1s; }}
        location = /maintenance {{ add_header Retry-After 120 always; return 503; }}
    }}
"""
SITE = "http://shop.example"
API_SITE = "http://api.shop.example"
EXPECTED = (100, 101, 200, 201, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 405, 429, 500, 502, 503, 504)
WEBSOCKET_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3


class _Api:
    """The small server: 201 after 100, 500, and a WebSocket. Writes its log in nginx's format."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.connections = 0

    def __call__(self, connection: socket.socket) -> None:
        self.connections += 1
        client = "{}:{}".format(*connection.getpeername())
        count = 0
        while connection.recv(1, socket.MSG_PEEK):
            count += 1
            start = time.time()
            head = peers.read_head(connection)
            line = head.split(b"\r\n", 1)[0].decode()
            method, target, _ = line.split(" ")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            length = len(head) + int(fields.get(b"content-length", 0))
            status, size, sent = self._answer(connection, method, target, fields)
            end = time.time()
            with self.log.open("a") as out:
                out.write(
                    f'{end:.3f} connection=api-{self.connections}/{count} http "{line}" status={status} body={size} '
                    f"seconds={end - start:.3f} sent={sent} length={length} upstream=- client={client} "
                    f"host={fields[b'host'].decode()}\n"
                )
            if status == 101:
                _echo(connection)
                return

    def _answer(
        self, connection: socket.socket, method: str, target: str, fields: dict[bytes, bytes]
    ) -> tuple[int, int, int]:
        """Answer one request; return status, bytes of the body, and all bytes of the (final) answer."""
        if b"upgrade" in fields:
            digest = hashlib.sha1(f"{WEBSOCKET_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
            accept = base64.b64encode(digest).decode()
            lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                     f"Sec-WebSocket-Accept: {accept}", "", ""]  # fmt: skip
            answer = "\r\n".join(lines).encode()
            connection.sendall(answer)
            return 101, 0, len(answer)
        if method == "POST":
            if fields.get(b"expect") == b"100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            size = len(peers.read_exactly(connection, int(fields[b"content-length"])))
            status, body, extra = "201 Created", b'{"order": 4711, "bytes": %d}\n' % size, ["Location: /orders/4711"]
        elif target == "/crash":
            status, body, extra = "500 Internal Server Error", b"something went wrong\n", []
        else:
            status, body, extra = "200 OK", b'{"order": 4711}\n', []
        answer = peers.response(status, body, *extra)
        connection.sendall(answer)
        return int(status[:3]), len(body), len(answer)


def _echo(connection: socket.socket) -> None:
    """Answer one masked text message with the same text and one close with the same code (RFC 6455)."""
    for _ in range(2):
        first, size = peers.read_exactly(connection, 2)
        mask = peers.read_exactly(connection, 4)
        data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(peers.read_exactly(connection, size & 127)))
        connection.sendall(bytes((first, len(data))) + data)


def _websocket() -> None:
    mask = bytes((0x37, 0xFA, 0x21, 0x3D))  # RFC 6455 section 5.7

    def frame(opcode: int, data: bytes) -> bytes:
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        return bytes((0x80 | opcode, 0x80 | len(data))) + mask + masked

    with peers.connect(80, API) as client:
        client.sendall(
            peers.request("/socket", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {WEBSOCKET_KEY}",
                          "Sec-WebSocket-Version: 13", host="api.shop.example")
        )  # fmt: skip
        peers.read_head(client)
        client.sendall(frame(1, b"Hello"))
        require(peers.read_exactly(client, 7) == b"\x81\x05Hello", "a WebSocket echo")
        client.sendall(frame(8, struct.pack("!H", 1000)))
        peers.read_to_end(
            client
        )  # the answer to the close frame, then the server closes TCP first (RFC 6455 section 7.1.1)


def _bad_request() -> None:
    """HTTP/1.1 without Host: RFC 9112 section 3.2 demands 400."""
    with peers.connect(80) as client:
        client.sendall(b"GET /no-host HTTP/1.1\r\nUser-Agent: sample-client/1\r\n\r\n")
        peers.read_to_end(client)


def _many_on_one(lab: Lab, etag: str) -> None:
    """One curl, one connection, one request after the other."""
    nothing = ["-o", "/dev/null"]
    steps = [
        [f"{SITE}/"],
        ["-I", f"{SITE}/"],
        [f"{SITE}/old"],
        [f"{SITE}/today"],
        ["-X", "POST", f"{SITE}/order"],
        ["-r", "100-299", f"{SITE}/data.bin"],
        ["-H", f"If-None-Match: {etag}", f"{SITE}/"],
        ["-X", "POST", f"{SITE}/index.html"],
        [f"{SITE}/beacon"],
        [f"{SITE}/private/plan"],
        [f"{SITE}/missing"],
        [f"{SITE}/maintenance"],
        [f"{SITE}/upstream-down"],
        [f"{SITE}/"],
    ]
    arguments: list[str] = []
    for step in steps:
        arguments += [*(["--next", "-s", "-S"] if arguments else []), *nothing, *step]
    curl(lab, *arguments)


def _play(lab: Lab, etag: str) -> None:
    nothing = ["-o", "/dev/null"]
    _many_on_one(lab, etag)
    curl(lab, *nothing, f"{SITE}/members/list.html")
    curl(lab, *nothing, "-u", "demo:example", f"{SITE}/members/list.html")
    curl(lab, *nothing, f"{SITE}/limited", *nothing, f"{SITE}/limited")
    _bad_request()
    curl(lab, *nothing, "-H", "Expect: 100-continue", "-H", "Content-Type: application/json", "-d", '{"item": "apple"}',
         f"{API_SITE}/orders", "--next", "-s", "-S", *nothing, f"{API_SITE}/orders/4711",
         "--next", "-s", "-S", *nothing, f"{API_SITE}/crash")  # fmt: skip
    curl(lab, *nothing, f"{SITE}/upstream-silent")
    _websocket()
    time.sleep(0.1)


def status_codes(lab: Lab, target: Path) -> None:
    """Twenty status codes, fourteen requests of them on one kept connection, the others on connections of their own."""
    root = lab.home / "www"
    site.make(root)
    site.write(
        root, {"data.bin": bytes(range(256)) * 8, "members/list.html": b"<p>three members</p>\n", "private/plan": b"?"}
    )
    password = base64.b64encode(hashlib.sha1(b"example").digest()).decode()
    (lab.home / "users").write_text(f"demo:{{SHA}}{password}\n")
    etag = f'"{site.MODIFIED:x}-{(root / "index.html").stat().st_size:x}"'
    api = _Api(lab.home / "api.log")
    with net.inside(net.SERVER):
        silent = socket.create_server(("127.0.0.1", HANGING_PORT))  # connections wait in its queue, nobody accepts
    comment = "Twenty HTTP status codes, each for its usual reason. Recorded at the client."
    with (
        silent,
        peers.serve(80, api, API),
        services.nginx(lab.home, CONFIG.format(root=root, home=lab.home)) as access_log,
    ):
        with services.name_servers(lab.home), services.recorder(target, lab.home, comment=comment):
            _play(lab, etag)
        lab.keep_log(access_log, api.log)
        lab.keep_answers()
    statuses = {row[3] for row in lab.served}
    require(statuses >= set(EXPECTED) - {100}, f"all statuses; missing {set(EXPECTED) - {100} - statuses}")
