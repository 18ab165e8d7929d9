#!/usr/bin/env python3
"""The back end of sample ``web-app``: what nginx asks for everything that is not a file, and a small API of its own.

usage: app.py ACCESS_LOG

Three servers in one process, inside the server's namespace:

* 127.0.0.1:9000, HTTP for nginx: logging in, an account, news to poll for, a long poll, orders, uploads;
* 198.51.100.81:8080, HTTP for clients directly: what nginx would not pass on (103, trailers, an answer that ends with
  the connection). It writes ACCESS_LOG in the format of the lab's nginx;
* 127.0.0.1:9001, WebSocket behind nginx: a chat, with permessage-deflate when the client offers it.

Names, passwords and tokens are invented. Needs Debian's python3-websockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
import time
import zlib
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    import websockets

PASSWORD = "example-password"
SESSION = "example-session-0001"
TOKEN = "example-token-0001"
ORIGIN = "http://www.shop.example"
NEWS = {"3": {"id": 1, "text": "The bread is sold out."}, "6": {"id": 2, "text": "The bread is back."}}
LONG_POLL_SECONDS = 1.2
REPORT = "".join(
    f"day {day}; apples {day * 7 % 31}; bread {day * 11 % 29}; cheese {day * 13 % 23}\n" for day in range(120)
)
ARTICLE = b"<!doctype html><title>Cheese</title><p>How cheese is made, in one sentence: slowly.</p>\n"


class _Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with kept connections; counts what it sends, for the log."""

    protocol_version = "HTTP/1.1"
    server_version = "sample-app/1"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.started = 0.0
        self.sent = self.body_sent = self.received = self.served = 0

    def parse_request(self) -> bool:
        """Note when a request began and how long its head is, then read it as usual."""
        self.started = time.time()
        self.sent = self.body_sent = 0
        fine = super().parse_request()
        self.received = len(self.raw_requestline) + len("".join(f"{k}: {v}\r\n" for k, v in self.headers.items())) + 2
        return fine

    def log_message(self, *args: object) -> None:
        """Say nothing on standard error."""

    def read_body(self) -> bytes:
        """Read a body with Content-Length; nginx gives no other."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.received += len(body)
        return body

    def put(self, head: bytes, body: bytes = b"") -> None:
        """Send, and count."""
        self.wfile.write(head + body)
        self.sent += len(head) + len(body)
        self.body_sent += len(body)

    def answer(self, status: str, body: bytes = b"", *fields: str, length: bool = True, version: str = "1.1") -> None:
        """Send a whole response."""
        lines = [f"HTTP/{version} {status}", "Server: sample-app/1", f"Date: {self.date_time_string()}", *fields]
        if length and not status.startswith("204"):
            lines.append(f"Content-Length: {len(body)}")
        self.put("\r\n".join([*lines, "", ""]).encode(), b"" if self.command == "HEAD" else body)

    def json(self, status: str, value: object, *fields: str) -> None:
        """Send a response of one JSON value."""
        self.answer(status, json.dumps(value).encode() + b"\n", "Content-Type: application/json", *fields)


class Behind(_Handler):
    """What nginx passes on."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/account":
            self._account()
        elif url.path == "/quick-login":
            right = asked.get("password") == PASSWORD
            self.answer("302 Found" if right else "403 Forbidden", b"", "Location: /account")
        elif url.path == "/api/news":
            news = NEWS.get(asked.get("poll", ""))
            if news is None:
                self.answer("204 No Content", b"", "Cache-Control: no-store")
            else:
                self.json("200 OK", news, "Cache-Control: no-store")
        elif url.path == "/api/wait":
            time.sleep(LONG_POLL_SECONDS)
            if asked.get("attempt") == "2":  # nothing has happened for so long that a proxy might give up
                self.answer("204 No Content", b"", "Cache-Control: no-store")
            else:
                news = {"id": int(asked.get("after", 0)) + 1, "text": "Somebody has bought cheese."}
                self.json("200 OK", news, "Cache-Control: no-store")
        elif url.path == "/api/report":
            self.answer("200 OK", zlib.compress(REPORT.encode(), 9), "Content-Type: text/plain",
                        "Content-Encoding: deflate")  # fmt: skip
        elif url.path == "/api/profile":
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                self.json("200 OK", {"name": "Demo"}, "Cache-Control: private")
            else:
                self.answer("401 Unauthorized", b"", "WWW-Authenticate: Bearer")
        else:
            self.answer("404 Not Found", b"nothing here\n", "Content-Type: text/plain")

    def _account(self) -> None:
        if f"session={SESSION}" not in self.headers.get("Cookie", ""):
            self.answer("302 Found", b"", "Location: /login.html")
            return
        self.answer("200 OK", b"<!doctype html><title>Account</title><p>Hello, Demo.</p>\n",
                    "Content-Type: text/html; charset=utf-8", "Cache-Control: private, no-store")  # fmt: skip

    def do_POST(self) -> None:
        body = self.read_body()
        path = urlsplit(self.path).path
        if path == "/login":
            if parse_qs(body.decode()).get("password") != [PASSWORD]:
                self.answer("403 Forbidden", b"wrong password\n", "Content-Type: text/plain")
                return
            self.answer("303 See Other", b"", "Location: /account",
                        f"Set-Cookie: session={SESSION}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600",
                        "Set-Cookie: theme=light",
                        "Set-Cookie: invited=; Max-Age=0; Path=/; Domain=shop.example")  # fmt: skip
        elif path == "/api/done":
            self.answer("204 No Content")
        elif path == "/orders":
            self.json("201 Created", {"order": 4711, "bytes": len(body)}, "Location: /orders/4711")
        else:
            self.json("200 OK", {"bytes": len(body)})

    def do_PUT(self) -> None:
        self.json("201 Created", {"bytes": len(self.read_body())}, f"Location: {self.path}")

    def do_PATCH(self) -> None:
        self.json("200 OK", {"order": 4711, "bytes": len(self.read_body())})

    def do_DELETE(self) -> None:
        self.answer("204 No Content")

    def do_OPTIONS(self) -> None:
        self.answer("204 No Content", b"", "Allow: GET, HEAD, POST, PATCH, OPTIONS")


class Direct(_Handler):
    """What clients ask without nginx between; every request is logged as the lab's nginx would."""

    log: Path
    connections = 0
    lock = threading.Lock()

    def setup(self) -> None:
        super().setup()
        with Direct.lock:
            Direct.connections += 1
            self.serial = Direct.connections

    def handle_one_request(self) -> None:
        """Serve one request and write it down."""
        super().handle_one_request()
        if not self.sent:
            return
        self.served += 1
        end = time.time()
        client = "{}:{}".format(*self.client_address[:2])
        with Direct.lock, Direct.log.open("a") as out:
            out.write(
                f'{end:.3f} connection=app-{self.serial}/{self.served} http "{self.requestline}" status={self.status} '
                f"body={self.body_sent} seconds={end - self.started:.3f} sent={self.sent} length={self.received} "
                f"upstream=- client={client} host={self.headers.get('Host', '-').partition(':')[0]}\n"
            )
        self.sent = 0

    def answer(self, status: str, body: bytes = b"", *fields: str, length: bool = True, version: str = "1.1") -> None:
        self.status = status[:3]
        super().answer(status, body, *fields, length=length, version=version)

    def do_OPTIONS(self) -> None:
        """Let a page of the shop ask with a header of its own (a CORS preflight, Fetch standard section 3.2.2)."""
        self.answer("204 No Content", b"", f"Access-Control-Allow-Origin: {ORIGIN}",
                    "Access-Control-Allow-Headers: x-client", "Access-Control-Allow-Methods: GET")  # fmt: skip

    def do_GET(self) -> None:
        if self.path == "/prices":
            self.json("200 OK", {"apple": 210, "bread": 390, "cheese": 1450}, f"Access-Control-Allow-Origin: {ORIGIN}")
        elif self.path == "/article":
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </css/shop.css>; rel=preload; as=style\r\n\r\n")
            time.sleep(0.06)
            self.answer("200 OK", ARTICLE, "Content-Type: text/html; charset=utf-8")
        elif self.path == "/ticker":
            self._ticker()
        else:
            self.close_connection = True
            self.answer("200 OK", ARTICLE * 3, "Content-Type: text/html", length=False, version="1.0")

    def _ticker(self) -> None:
        """Send an answer in chunks as its parts come to be, with an extension and a trailer (RFC 9112 section 7.1)."""
        self.answer("200 OK", b"", "Content-Type: text/plain", "Transfer-Encoding: chunked", "Trailer: Parts",
                    length=False)  # fmt: skip
        for part in range(1, 4):
            line = f"part {part} of 3\n".encode()
            self.put(b"", b"%x;part=%d\r\n%b\r\n" % (len(line), part, line))
            time.sleep(0.06)
        self.put(b"", b"0\r\nParts: 3\r\n\r\n")


async def chat(socket: websockets.WebSocketServerProtocol, path: str = "") -> None:
    """Greet, ping, repeat what is said (in three fragments if it begins with ``long``), say goodbye on ``bye``."""
    from websockets import ConnectionClosed

    await socket.send(json.dumps({"from": "shop", "text": "Welcome to the chat of the example shop."}))
    await (await socket.ping(b"are you there"))

    async def in_parts(said: str) -> AsyncIterator[str]:
        third = len(said) // 3
        for part in (said[:third], said[third : 2 * third], said[2 * third :]):
            yield part

    with contextlib.suppress(ConnectionClosed):
        async for said in socket:
            if said == "bye":
                await socket.close(1000, "see you")
                return
            if isinstance(said, str) and said.startswith("long"):
                await socket.send(in_parts(said))
            else:
                await socket.send(said)


async def _chats() -> None:
    import websockets  # here, so that making other samples does not need it

    async with websockets.serve(
        chat, "127.0.0.1", 9001, ping_interval=None, subprotocols=[websockets.Subprotocol("chat.shop.example")],
        server_header="sample-chat/1",
    ):  # fmt: skip
        await asyncio.Future()


def main(log: str) -> None:
    """Serve until killed."""
    Direct.log = Path(log)
    Direct.log.touch()
    for address, handler in ((("127.0.0.1", 9000), Behind), (("198.51.100.81", 8080), Direct)):
        server = ThreadingHTTPServer(address, handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    asyncio.run(_chats())


if __name__ == "__main__":
    main(sys.argv[1])
