"""HTTP/1.x exchanges with what a reader of the RFCs says of them.

A vector is turns of a conversation and, for each transaction, the columns that matter. Each is run whole, byte by
byte, and (unless it ends with the connection) with another exchange behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.http1.talk import Turn


@dataclass(frozen=True)
class Vector:
    """``rows`` holds for each transaction the columns that are checked; ``last`` when nothing can follow."""

    name: str
    turns: list[Turn]
    rows: list[dict[str, Any]]
    source: str
    last: bool = False


GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def simple(
    name: str, response: bytes, source: str, *, last: bool = False, method: bytes = b"GET", **columns: Any
) -> Vector:
    """One request for ``/`` and this response."""
    request = method + b" / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    expected = {"method": method.decode(), "target": "/", "outcome": "complete", **columns}
    return Vector(name, [("c", request), ("s", response)], [expected], source, last)


def asked(name: str, request: bytes, source: str, *, last: bool = False, **columns: Any) -> Vector:
    """This request and a plain 200."""
    expected = {"status": 200, "outcome": "complete", **columns}
    return Vector(name, [("c", request), ("s", OK)], [expected], source, last)


VECTORS: list[Vector] = [
    # ── request lines ────────────────────────────────────────────────────────────────────────────────────────────
    asked(
        "origin form",
        b"GET /a/b?c=d HTTP/1.1\r\nHost: A.Example\r\n\r\n",
        "RFC 9112 section 3.2.1",
        method="GET",
        target="/a/b?c=d",
        host="a.example",
        url="http://a.example/a/b?c=d",
        http_version="1.1",
    ),
    asked(
        "absolute form wins over Host",
        b"GET http://Real.Example:8080/x HTTP/1.1\r\nHost: other.example\r\n\r\n",
        "RFC 9112 section 3.2.2",
        target="http://Real.Example:8080/x",
        host="real.example",
        url="http://real.example:8080/x",
    ),
    asked(
        "asterisk form",
        b"OPTIONS * HTTP/1.1\r\nHost: a.example:8001\r\n\r\n",
        "RFC 9112 section 3.2.4",
        method="OPTIONS",
        target="*",
        url="http://a.example:8001",
    ),
    asked(
        "no Host: the server's address",
        b"GET /x HTTP/1.0\r\n\r\n",
        "RFC 9112 section 3.3",
        http_version="1.0",
        host="10.0.0.2",
        url="http://10.0.0.2/x",
        keep_alive=False,
    ),
    asked(
        "the scheme's own port is not shown",
        b"GET / HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
        "RFC 9110 section 4.2.3",
        url="http://a.example/",
        host="a.example",
    ),
    asked(
        "IPv6 literal",
        b"GET / HTTP/1.1\r\nHost: [2001:DB8::1]:8080\r\n\r\n",
        "RFC 3986 section 3.2.2",
        url="http://[2001:db8::1]:8080/",
        host="[2001:db8::1]",
    ),
    asked(
        "any token is a method", b"BREW-4!x /pot HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9110 section 9.1", method="BREW-4!x"
    ),
    asked("methods keep their case", b"get / HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9110 section 9.1", method="get"),
    asked(
        "spaces inside the target",
        b"GET /a b c HTTP/1.1\r\nHost: a\r\n\r\n",
        "RFC 9112 section 3.2: recipients may be lenient",
        target="/a b c",
    ),
    asked(
        "bytes that are no text", b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n", "backslashreplace", target="/\\xff\\xfe"
    ),
    asked("bare LF", b"GET /lf HTTP/1.1\nHost: a\nX: y\n\n", "RFC 9112 section 2.2", target="/lf", host="a"),
    asked(
        "blank lines first", b"\r\n\r\nGET /late HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9112 section 2.2", target="/late"
    ),
    asked(
        "folded header",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: one\r\n  two\r\n\tthree\r\n\r\n",
        "RFC 9112 section 5.2",
        request_headers=(("Host", "a"), ("X-Long", "one two three")),
    ),
    asked(
        "repeated headers keep order",
        b"GET / HTTP/1.1\r\nhost: a\r\nX: 1\r\nx: 2\r\nX:\r\n\r\n",
        "RFC 9110 section 5.3",
        request_headers=(("host", "a"), ("X", "1"), ("x", "2"), ("X", "")),
    ),
    asked(
        "a line without colon is no field",
        b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\nX: 1\r\n\r\n",
        "RFC 9112 section 5",
        request_headers=(("Host", "a"), ("X", "1")),
    ),
    asked(
        "columns from headers",
        b'GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: t/1\r\nReferer: http://b/\r\nIf-None-Match: "x"\r\n\r\n',
        "RFC 9110 section 10.1",
        user_agent="t/1",
        referer="http://b/",
        cache="conditional",
    ),
    # ── request bodies ───────────────────────────────────────────────────────────────────────────────────────────
    asked(
        "body by length",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "RFC 9112 section 6.3 case 6",
        method="POST",
        request_body_bytes=5,
    ),
    asked(
        "chunked body with extension and trailer",
        b"PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'4;ext="v"\r\nWiki\r\n5\r\npedia\r\n0\r\nExpires: never\r\n\r\n',
        "RFC 9112 section 7.1",
        method="PUT",
        request_body_bytes=len(b'4;ext="v"\r\nWiki\r\n5\r\npedia\r\n0\r\nExpires: never\r\n\r\n'),
    ),
    # ── responses ────────────────────────────────────────────────────────────────────────────────────────────────
    simple(
        "content length",
        OK,
        "RFC 9112 section 6.3 case 6",
        status=200,
        reason="OK",
        framing="content_length",
        response_body_bytes=2,
        response_decoded_bytes=2,
        keep_alive=True,
    ),
    simple("no phrase", b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", "RFC 9112 section 4", status=404, reason=None),
    simple(
        "phrase with spaces",
        b"HTTP/1.1 404 Not  Found here\r\nContent-Length: 0\r\n\r\n",
        "RFC 9112 section 4",
        status=404,
        reason="Not  Found here",
    ),
    simple("an unregistered code", b"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n", "RFC 9110 section 15", status=299),
    simple(
        "chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
        "RFC 9112 section 7.1",
        status=200,
        framing="chunked",
        response_body_bytes=28,
        response_decoded_bytes=13,
    ),
    simple(
        "chunk sizes with zeros, upper case and LF",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0000b\nhello world\n00\n\n",
        "RFC 9112 section 7.1",
        framing="chunked",
        response_decoded_bytes=11,
    ),
    simple(
        "transfer coding beats content length",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "RFC 9112 section 6.3 case 3",
        framing="chunked",
        response_decoded_bytes=1,
    ),
    simple(
        "identity is no transfer coding",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
        "RFC 2616 section 4.4",
        framing="content_length",
        response_body_bytes=2,
    ),
    simple(
        "equal lengths repeated",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\ncontent-length: 2\r\n\r\nok",
        "RFC 9112 section 6.3 case 5",
        framing="content_length",
        response_body_bytes=2,
    ),
    simple(
        "lengths that contradict: the one that fits",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nok",
        "RFC 9112 section 6.3 case 5",
        status=200,
        outcome="malformed",
        outcome_why="conflicting_lengths",
        response_body_bytes=2,
    ),
    simple(
        "HEAD has no body",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
        "RFC 9112 section 6.3 case 1",
        method=b"HEAD",
        status=200,
        framing="none",
        response_body_bytes=0,
        keep_alive=True,
    ),
    simple(
        "204 has no body",
        b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "RFC 9112 section 6.3 case 1",
        status=204,
        framing="none",
    ),
    simple(
        "304 has no body",
        b'HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: "x"\r\n\r\n',
        "RFC 9112 section 6.3 case 1",
        status=304,
        framing="none",
        cache="hit_304",
        etag='"x"',
    ),
    simple(
        "until the connection closes",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome body",
        "RFC 9112 section 6.3 case 8",
        last=True,
        framing="until_close",
        response_body_bytes=9,
        keep_alive=False,
    ),
    simple(
        "gzip without chunked lasts until close",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx",
        "RFC 9112 section 6.3 case 4",
        last=True,
        framing="until_close",
    ),
    simple("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "RFC 9110 section 15.2.1", status=200),
    simple("103 with fields", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + OK, "RFC 8297", status=200),
    simple(
        "columns from headers",
        b"HTTP/1.1 302 Found\r\nServer: s/2\r\nLocation: /there\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n"
        b"Content-Type: Text/HTML; charset=utf-8\r\nCache-Control: private, No-Store\r\nContent-Length: 0\r\n\r\n",
        "RFC 9110",
        status=302,
        server="s/2",
        location="/there",
        set_cookies=("a", "b"),
        content_type="text/html",
        cache="no_store",
    ),
    # ── connections ──────────────────────────────────────────────────────────────────────────────────────────────
    Vector(
        "1.0 keep-alive",
        [
            ("c", b"GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
            ("s", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx"),
        ],
        [{"keep_alive": True, "http_version": "1.0"}],
        "RFC 9112 section 9.3",
    ),
    Vector(
        "HTTP/0.9",
        [("c", b"GET /old\r\n"), ("s", b"<html>no head</html>")],
        [
            {
                "method": "GET",
                "target": "/old",
                "http_version": "0.9",
                "status": None,
                "outcome": "complete",
                "response_body_bytes": 20,
                "framing": "until_close",
            }
        ],
        "RFC 1945 section 4.1",
        last=True,
    ),
    Vector(
        "CONNECT switches",
        [
            ("c", b"CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n"),
            ("s", b"HTTP/1.1 200 Connection established\r\nContent-Length: 9\r\n\r\n"),
            ("c", b"\x16\x03\x01\x00\x05hello"),
            ("s", b"\x16\x03\x03\x00\x05hello"),
        ],
        [
            {
                "method": "CONNECT",
                "target": "b.example:443",
                "url": "b.example:443",
                "host": "b.example",
                "status": 200,
                "outcome": "switched",
                "framing": "none",
            }
        ],
        "RFC 9110 section 9.3.6",
        last=True,
    ),
    Vector(
        "CONNECT refused does not",
        [
            ("c", b"CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n"),
            ("s", b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno"),
        ],
        [{"status": 407, "outcome": "complete", "response_body_bytes": 2}],
        "RFC 9110 section 9.3.6",
    ),
    Vector(
        "plain HTTP inside a tunnel",
        [
            ("c", b"CONNECT b.example:80 HTTP/1.1\r\nHost: b.example:80\r\n\r\n"),
            ("s", b"HTTP/1.1 200 OK\r\n\r\n"),
            ("c", b"GET /in HTTP/1.1\r\nHost: b.example\r\n\r\n"),
            ("s", OK),
        ],
        [{"method": "CONNECT", "outcome": "switched"}, {"method": "GET", "url": "http://b.example/in", "status": 200}],
        "RFC 9110 section 9.3.6",
    ),
    Vector(
        "upgrade to WebSocket",
        [
            ("c", b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            ("s", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"),
            ("c", b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
            ("s", b"\x81\x05hello"),
        ],
        [{"status": 101, "outcome": "switched", "upgrade": "WebSocket"}],
        "RFC 6455 section 1.3",
        last=True,
    ),
    Vector(
        "upgrade ignored",
        [
            ("c", b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"),
            ("s", OK),
            ("c", b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("s", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ],
        [{"status": 200, "upgrade": "h2c", "outcome": "complete"}, {"target": "/2", "status": 404}],
        "RFC 9110 section 7.8",
    ),
    Vector(
        "Expect: 100-continue",
        [
            ("c", b"PUT /u HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"),
            ("s", b"HTTP/1.1 100 Continue\r\n\r\n"),
            ("c", b"body"),
            ("s", b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
        ],
        [{"method": "PUT", "status": 201, "request_body_bytes": 4, "outcome": "complete"}],
        "RFC 9110 section 10.1.1",
    ),
    Vector(
        "Expect refused, body never sent",
        [
            ("c", b"PUT /u HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4000\r\n\r\n"),
            ("s", b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"),
            ("c", b"GET /again HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("s", OK),
        ],
        [{"status": 417, "request_body_bytes": 0}, {"target": "/again", "status": 200}],
        "RFC 9110 section 10.1.1",
    ),
    Vector(
        "blank lines between responses",
        [("c", GET), ("s", OK + b"\r\n"), ("c", GET), ("s", b"HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n")],
        [{"status": 200}, {"status": 500}],
        "RFC 9112 section 2.2",
    ),
    Vector(
        "junk instead of a response",
        [("c", GET), ("s", b"\x00\x01\x02 what is this"), ("c", b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"), ("s", OK)],
        [{"status": None, "outcome": "malformed", "outcome_why": "not_http"}, {"target": "/2", "status": 200}],
        "nothing answers the first, and the second keeps its own",
    ),
    Vector(
        "a status line that is none",
        [
            ("c", GET),
            ("s", b"HTTP/1.1 2xx OK\r\nContent-Length: 0\r\n\r\n"),
            ("c", b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("s", OK),
        ],
        [
            {"status": None, "outcome": "malformed", "outcome_why": "bad_status_line"},
            {"target": "/2", "status": 200},
        ],
        "RFC 9112 section 4: three digits",
    ),
    Vector(
        "a body that is broken off by the server",
        [("c", GET), ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")],
        [
            {
                "status": 200,
                "outcome": "truncated",
                "outcome_why": "closed",
                "response_body_bytes": 9,
                "response_decoded_bytes": None,
            }
        ],
        "RFC 9112 section 8",
        last=True,
    ),
    Vector(
        "a chunk size that is none",
        [("c", GET), ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n")],
        [{"status": 200, "outcome": "malformed", "outcome_why": "bad_chunk"}],
        "RFC 9112 section 7.1",
    ),
]
