"""HTTP/1.x exchanges with what a reader of the RFCs says of them.

A vector is turns of a conversation and, for each transaction, the columns that matter. Each is run whole, byte by
byte, and with bytes behind it: garbage on both sides and (unless it ends with the connection) another exchange.

``interim`` stands for the codes of the 1xx answers.
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
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
METHODS = [
    *("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"),
    *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "QUERY"),
]


def simple(
    name: str, response: bytes, source: str, *, last: bool = False, method: bytes = b"GET", **columns: Any
) -> Vector:
    """One request for ``/`` and this response; complete, unless a flaw is expected."""
    request = method + b" / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    expected = {"method": method.decode(), "target": "/", "outcome": "complete", "outcome_why": None, **columns}
    return Vector(name, [("c", request), ("s", response)], [expected], source, last)


def asked(name: str, request: bytes, source: str, *, last: bool = False, **columns: Any) -> Vector:
    """This request and a plain 200; complete, unless a flaw is expected."""
    expected = {"status": 200, "outcome": "complete", "outcome_why": None, **columns}
    return Vector(name, [("c", request), ("s", OK)], [expected], source, last)


def flawed(why: str) -> dict[str, str]:
    """Return the columns of a row that breaks a rule."""
    return {"outcome": "malformed", "outcome_why": why}


def told(name: str, fields: bytes, body: bytes, source: str, *, last: bool = False, **columns: Any) -> Vector:
    """One request and a 200 with these fields and this body."""
    return simple(name, b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n" + body, source, last=last, status=200, **columns)


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
    *[
        asked(f"method {name}", f"{name} /m HTTP/1.1\r\nHost: a\r\n\r\n".encode(), "IANA", method=name, target="/m")
        for name in METHODS
    ],
    asked("methods keep their case", b"get / HTTP/1.1\r\nHost: a\r\n\r\n", "RFC 9110 section 9.1", method="get"),
    asked(
        "spaces inside the target",
        b"GET /a b c HTTP/1.1\r\nHost: a\r\n\r\n",
        "RFC 9112 section 3.2: no whitespace is allowed in it",
        target="/a b c",
        **flawed("bad_request_line"),
    ),
    asked(
        "runs of blanks between the words",
        b"GET  /x \t HTTP/1.1  \r\nHost: a\r\n\r\n",
        "RFC 9112 section 3: words may be parsed on whitespace",
        target="/x",
        http_version="1.1",
    ),
    asked(
        "authority form without CONNECT",
        b"GET a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "RFC 9112 section 3.2.3; what it means is the server's to say",
        target="a.example:80",
    ),
    asked(
        "no target",
        b"GET HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "RFC 9112 section 3",
        method="GET",
        target="",
        http_version="1.1",
        **flawed("bad_request_line"),
    ),
    asked(
        "a control character in the target",
        b"GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n",
        "RFC 3986 section 2",
        target="/a\x01b",
        **flawed("bad_request_line"),
    ),
    asked(
        "the version forgotten",
        b"GET /x\r\nHost: a.example\r\n\r\n",
        "RFC 9112 section 3; HTTP/0.9 has no fields",
        target="/x",
        host="a.example",
        http_version="0.9",
        **flawed("bad_request_line"),
    ),
    asked(
        "the version in lower case",
        b"GET / http/1.1\r\nHost: a\r\n\r\n",
        "RFC 9112 section 2.3: case-sensitive",
        http_version="1.1",
        **flawed("bad_version"),
    ),
    asked(
        "a later minor version",
        b"GET / HTTP/1.7\r\nHost: a\r\n\r\n",
        "RFC 9110 section 2.5: the same rules as 1.1",
        http_version="1.1",
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
        **flawed("bad_header"),
    ),
    asked(
        "a field without a name",
        b"GET / HTTP/1.1\r\nHost: a\r\n: nobody\r\n\r\n",
        "RFC 9112 section 5",
        request_headers=(("Host", "a"),),
        **flawed("bad_header"),
    ),
    asked(
        "a blank before the colon",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
        "RFC 9112 section 5.1: a server must refuse it",
        request_headers=(("Host", "a"), ("X", "1")),
        **flawed("bad_header"),
    ),
    asked(
        "a blank before the first field",
        b"GET / HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n",
        "RFC 9112 section 2.2: refuse the message, or leave the line out",
        request_headers=(("Host", "a"),),
        **flawed("bad_header"),
    ),
    asked(
        "a NUL in a value",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\x002\r\n\r\n",
        "RFC 9110 section 5.5",
        **flawed("bad_header"),
    ),
    asked(
        "a CR that ends no line",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n",
        "RFC 9112 section 2.2",
        **flawed("bad_header"),
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
    asked(
        "two lengths in a request: the one behind which the next is proved",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nhello",
        "RFC 9112 section 6.3 case 5",
        request_body_bytes=5,
        **flawed("conflicting_lengths"),
    ),
    asked(
        "a length that is no number",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "RFC 9110 section 8.6",
        request_body_bytes=0,
        **flawed("bad_length"),
    ),
    asked(
        "a request whose last coding is not chunked",
        b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "RFC 9112 section 6.3 case 4: its length cannot be known",
        **flawed("bad_transfer_encoding"),
    ),
    asked(
        "chunked beside a length in a request",
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "RFC 9112 section 6.3 case 3: chunked counts, but it may be an attack",
        request_body_bytes=5,
        **flawed("conflicting_lengths"),
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
        "RFC 9112 section 6.3 case 3: it counts, and the two ought to be handled as an error",
        framing="chunked",
        response_decoded_bytes=1,
        **flawed("conflicting_lengths"),
    ),
    told(
        "chunk extensions",
        b"Transfer-Encoding: chunked",
        b'3;a=1;b="x;y"\r\nabc\r\n2 ; c\r\nde\r\n0;last\r\n\r\n',
        "RFC 9112 section 7.1.1",
        framing="chunked",
        response_decoded_bytes=5,
    ),
    told(
        "trailers are no headers",
        b"Transfer-Encoding: chunked\r\nTrailer: X-Sum",
        b"3\r\nabc\r\n0\r\nX-Sum: 9\r\nSet-Cookie: no=1\r\n\r\n",
        "RFC 9110 section 6.5.1",
        framing="chunked",
        response_decoded_bytes=3,
        response_headers=(("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")),
        set_cookies=(),
    ),
    told(
        "a list of codings that ends in chunked",
        b"Transfer-Encoding: x-own\r\nTransfer-Encoding: , chunked",
        b"2\r\nab\r\n0\r\n\r\n",
        "RFC 9112 section 6.1; RFC 9110 section 5.6.1.2 for the empty element",
        framing="chunked",
        response_body_bytes=12,
    ),
    told(
        "a coding on a line of its own",
        b"Transfer-Encoding:\r\n chunked",
        b"2\r\nab\r\n0\r\n\r\n",
        "RFC 9112 section 5.2",
        framing="chunked",
        response_decoded_bytes=2,
    ),
    told(
        "chunked twice",
        b"Transfer-Encoding: chunked, chunked",
        b"2\r\nab\r\n0\r\n\r\n",
        "RFC 9112 section 6.1: only once",
        framing="chunked",
        **flawed("bad_transfer_encoding"),
    ),
    told(
        "a coding that is no token",
        b"Transfer-Encoding: x chunked",
        b"2\r\nab\r\n0\r\n\r\n",
        "RFC 9112 section 7",
        last=True,
        framing="until_close",
        **flawed("bad_transfer_encoding"),
    ),
    simple(
        "chunked in HTTP/1.0",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "RFC 9112 section 6.1: faulty framing",
        framing="chunked",
        response_decoded_bytes=2,
        **flawed("bad_transfer_encoding"),
    ),
    simple(
        "chunked in HTTP/1.0 that is not",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nplain text",
        "RFC 9112 section 6.1: 1.0 knows no chunks",
        last=True,
        framing="until_close",
        response_body_bytes=10,
        **flawed("bad_transfer_encoding"),
    ),
    told(
        "two lengths in one field",
        b"Content-Length: 5, 2",
        b"ok",
        "RFC 9112 section 6.3 case 5",
        response_body_bytes=2,
        **flawed("conflicting_lengths"),
    ),
    told(
        "a length with a sign",
        b"Content-Length: +2",
        b"ok",
        "RFC 9110 section 8.6",
        last=True,
        framing="until_close",
        **flawed("bad_length"),
    ),
    told(
        "a length beyond all bounds",
        b"Content-Length: 99999999999999999999",
        b"ok",
        "RFC 9110 section 8.6",
        last=True,
        framing="until_close",
        **flawed("bad_length"),
    ),
    simple(
        "bare LF in a response",
        b"HTTP/1.1 200 OK\nContent-Length: 2\nX: y\n\nok",
        "RFC 9112 section 2.2",
        response_headers=(("Content-Length", "2"), ("X", "y")),
        response_body_bytes=2,
    ),
    simple("blank lines before a response", b"\r\n\n" + OK, "RFC 9112 section 2.2 allows it of requests", status=200),
    simple(
        "junk on a line before a response",
        b"what is this\r\n" + OK,
        "RFC 9112 section 2.1",
        status=200,
        response_body_bytes=2,
        **flawed("junk_before"),
    ),
    simple(
        "a NUL in the status line",
        b"HTTP/1.1\x00 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "RFC 9112 section 4",
        status=200,
        response_body_bytes=2,
        **flawed("bad_status_line"),
    ),
    simple(
        "no code in the status line",
        b"HTTP/1.1\r\nContent-Length: 2\r\n\r\nok",
        "RFC 9112 section 4",
        status=None,
        response_body_bytes=2,
        **flawed("bad_status_line"),
    ),
    simple(
        "four digits in the status line",
        b"HTTP/1.1 0200 OK\r\nContent-Length: 2\r\n\r\nok",
        "RFC 9112 section 4",
        status=None,
        response_body_bytes=2,
        **flawed("bad_status_line"),
    ),
    simple(
        "two digits in the version",
        b"HTTP/1.01 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "RFC 9112 section 2.3",
        status=200,
        **flawed("bad_version"),
    ),
    simple(
        "SHOUTcast",
        b"ICY 200 OK\r\nicy-name: radio\r\n\r\nsound",
        "the dialect of old radio servers",
        last=True,
        status=200,
        framing="until_close",
        keep_alive=False,
    ),
    simple(
        "HEAD of a chunked page",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "RFC 9112 section 6.3 case 1",
        method=b"HEAD",
        framing="none",
        response_body_bytes=0,
    ),
    simple(
        "close by field",
        b"HTTP/1.1 200 OK\r\nConnection: Foo, Close\r\nContent-Length: 2\r\n\r\nok",
        "RFC 9112 section 9.3",
        last=True,
        keep_alive=False,
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
    simple("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + OK, "RFC 9110 section 15.2.1", status=200, interim=(100,)),
    simple(
        "103 with fields",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + OK,
        "RFC 8297",
        status=200,
        interim=(103,),
        response_headers=(("Content-Length", "2"),),
    ),
    simple(
        "several interim answers",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + OK,
        "RFC 9110 section 15.2",
        status=200,
        interim=(102, 103, 103),
    ),
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
        "pipelined",
        [
            ("c", b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(3))),
            ("s", OK + NOT_FOUND + OK),
        ],
        [
            {"target": "/0", "status": 200, "pipelined": False},
            {"target": "/1", "status": 404, "pipelined": True},
            {"target": "/2", "status": 200, "pipelined": True},
        ],
        "RFC 9112 section 9.3.2",
    ),
    Vector(
        "answers without body in a pipeline",
        [
            ("c", b"HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("c", b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n"),
            (
                "s",
                b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 700\r\n\r\n" + NOT_FOUND,
            ),
        ],
        [
            {"target": "/1", "status": 200, "response_body_bytes": 0},
            {"target": "/2", "status": 204, "response_body_bytes": 0},
            {"target": "/3", "status": 304, "response_body_bytes": 0},
            {"target": "/4", "status": 404, "response_body_bytes": 0},
        ],
        "RFC 9112 section 6.3 case 1",
    ),
    Vector(
        "a body behind 204",
        [("c", GET), ("s", b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"), ("c", GET), ("s", NOT_FOUND)],
        [{"status": 204, "response_body_bytes": 0}, {"status": 404}],
        "RFC 9110 section 15.3.5: there is none",
    ),
    Vector(
        "more body than was announced",
        [
            ("c", b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcdef"),
            ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokmore"),
            ("c", b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n"),
            ("s", NOT_FOUND),
        ],
        [
            {"target": "/p", "status": 200, "request_body_bytes": 3, "response_body_bytes": 2},
            {"target": "/2", "status": 404},
        ],
        "RFC 9112 section 6.3: the length counts",
    ),
    Vector(
        "junk on a line before a request",
        [("c", b"\x01\x02junk\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"), ("s", OK)],
        [{"target": "/2", "status": 200, "outcome": "complete"}],
        "RFC 9112 section 2.2",
    ),
    Vector(
        "an early answer, and the rest of the body behind it",
        [
            ("c", b"POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123"),
            ("s", b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!"),
            ("c", b"456789"),
        ],
        [{"target": "/big", "status": 413, "request_body_bytes": 10, "outcome": "complete", "outcome_why": None}],
        "RFC 9112 section 9.3",
    ),
    Vector(
        "an early answer in the middle of a chunked body",
        [
            ("c", b"POST /big HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n"),
            ("s", NOT_FOUND),
            ("c", b"2\r\n45\r\n0\r\n\r\n"),
        ],
        [{"target": "/big", "status": 404, "request_body_bytes": 21, "outcome": "complete"}],
        "RFC 9112 section 9.3",
    ),
    Vector(
        "1.1 asked, 1.0 answered",
        [("c", GET), ("s", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")],
        [{"http_version": "1.1", "status": 200, "keep_alive": False}],
        "RFC 9112 section 9.3",
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
        "upgrade to HTTP/2 without TLS",
        [
            (
                "c",
                b"GET /h2 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
            ),
            ("s", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
            ("c", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
            ("s", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
        ],
        [{"target": "/h2", "status": 101, "outcome": "switched", "upgrade": "h2c"}],
        "RFC 7540 section 3.2",
        last=True,
    ),
    Vector(
        "upgrade named by the server alone",
        [
            ("c", GET),
            ("s", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: own/1\r\n\r\n"),
            ("s", b"\x00\x01own protocol"),
        ],
        [{"status": 101, "outcome": "switched", "upgrade": "own/1"}],
        "RFC 9110 section 15.2.2",
        last=True,
    ),
    Vector(
        "101 without a protocol",
        [("c", GET), ("s", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), ("c", GET), ("s", OK)],
        [{"status": 101, "response_body_bytes": 0, **flawed("bad_upgrade")}, {"status": 200, "outcome": "complete"}],
        "RFC 9110 section 15.2.2: an Upgrade field must name it",
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
        [{"method": "PUT", "status": 201, "interim": (100,), "request_body_bytes": 4, "outcome": "complete"}],
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
            {"status": None, "framing": "content_length", "outcome": "malformed", "outcome_why": "bad_status_line"},
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
