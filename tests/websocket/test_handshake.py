"""The handshake: what the server answered to the key, what was agreed, and which exchanges open no WebSocket."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.protocols.http1.session import transactions
from analyzer.protocols.websocket.handshake import accept_value
from analyzer.protocols.websocket.session import connections
from analyzer.schema import WebSocketRow
from tests.http1.talk import Hole, conversation
from tests.websocket.wire import ACCEPT, CLOSE, DEFLATED, REQUEST, RESPONSE, TEXT, frame, masked, response, row, said


def test_the_accept_value_of_the_rfc() -> None:
    """RFC 6455 section 1.3."""
    assert accept_value("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_the_handshake_of_the_rfc() -> None:
    """RFC 6455 section 1.2, with its example of a message."""
    found = row(
        [("s", bytes.fromhex("810548656c6c6f"))], answer=response("Sec-WebSocket-Protocol: chat"), finished=False
    )
    assert (found.stream, found.handshake_index, found.opened_frame) == (0, 0, 2)
    assert (found.url, found.subprotocol, found.extensions) == ("ws://server.example.com/chat", "chat", ())
    assert (found.accept, found.compression, found.outcome) == ("right", None, "open")


@pytest.mark.parametrize(
    ("accept", "verdict"),
    [
        (ACCEPT, "right"),
        (b"sec-websocket-accept:   s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n", "right"),
        (b"Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "wrong"),
        (b"Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n", "wrong"),
        (b"", "missing"),
    ],
)
def test_accept(accept: bytes, verdict: str) -> None:
    found = row([("s", frame(TEXT, b"hi"))], answer=response(accept=accept))
    assert (found.accept, said(found)) == (verdict, [("server", "text", "hi")])


@pytest.mark.parametrize(
    ("lines", "extensions", "compression", "why"),
    [
        ([], (), None, None),
        (["Sec-WebSocket-Extensions: permessage-deflate"], ("permessage-deflate",), "permessage-deflate", None),
        (
            ["Sec-WebSocket-Extensions: Permessage-Deflate; server_no_context_takeover; client_max_window_bits=\"12\""],
            ("Permessage-Deflate; server_no_context_takeover; client_max_window_bits=\"12\"",),
            "Permessage-Deflate; server_no_context_takeover; client_max_window_bits=\"12\"",
            None,
        ),
        (
            ["Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16"],
            ("permessage-deflate; server_max_window_bits=16",),
            "permessage-deflate; server_max_window_bits=16",
            "bad_extension",
        ),
        (
            ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"],
            ("permessage-deflate; client_max_window_bits",),
            "permessage-deflate; client_max_window_bits",
            "bad_extension",
        ),
        (
            ["Sec-WebSocket-Extensions: permessage-deflate", 'Sec-WebSocket-Extensions: bbf-usp-protocol; eid="a,b;c"'],
            ("permessage-deflate", 'bbf-usp-protocol; eid="a,b;c"'),
            "permessage-deflate",
            "extension_not_offered",
        ),
        (["Sec-WebSocket-Protocol: chat"], (), None, None),
        (["Sec-WebSocket-Protocol: soap"], (), None, "subprotocol_not_offered"),
    ],
)  # fmt: skip
def test_what_was_agreed(
    lines: list[str], extensions: tuple[str, ...], compression: str | None, why: str | None
) -> None:
    found = row([("s", frame(CLOSE)), ("c", masked(CLOSE))], answer=response(*lines))
    assert (found.extensions, found.compression) == (extensions, compression)
    assert (found.outcome, found.outcome_why) == ("closed" if why is None else "malformed", why)


def test_the_request_of_another_version() -> None:
    """The drafts before version 13 had other frames (hixie-76: 0x00 text 0xFF), which are not read."""
    old = (
        b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
        b"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\r\n"
    )
    found = row([("s", b"\x00Hello\xff")], request=old, answer=response(accept=b""))
    assert (found.outcome, found.outcome_why, found.messages) == ("malformed", "old_version", ())
    bad = REQUEST.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"c2hvcnQ=")
    found = row(
        [], request=bad, answer=response(accept=b"Sec-WebSocket-Accept: " + accept_value("c2hvcnQ=").encode() + b"\r\n")
    )
    assert (found.accept, found.outcome_why) == ("right", "bad_key")


def rows(turns: list[tuple[str, bytes]], **facts: object) -> list[WebSocketRow]:
    talk = conversation(turns, **facts)  # type: ignore[arg-type]
    return connections(talk, transactions(talk))


def test_what_opens_no_websocket() -> None:
    plain = ("c", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    h2c = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert rows([plain, ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]) == []
    assert rows([("c", h2c), ("s", switched), ("s", b"\0\0\0\4\0\0\0\0\0")]) == []
    assert rows([("c", REQUEST), ("s", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")]) == []
    assert rows([("c", b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\n\r\n")]) == []


def test_after_other_requests_and_inside_a_tunnel() -> None:
    before = [("c", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]
    (found,) = rows([*before, ("c", REQUEST), ("s", RESPONSE + frame(TEXT, b"hi"))])
    assert (found.handshake_index, found.opened_frame, said(found)) == (1, 4, [("server", "text", "hi")])
    tunnel = [("c", b"CONNECT server.example.com:80 HTTP/1.1\r\nHost: server.example.com:80\r\n\r\n"),
              ("s", b"HTTP/1.1 200 Connection established\r\n\r\n")]  # fmt: skip
    (found,) = rows([*tunnel, ("c", REQUEST), ("s", RESPONSE), ("c", masked(TEXT, b"through"))])
    assert (found.handshake_index, found.url) == (1, "ws://server.example.com/chat")
    assert said(found) == [("client", "text", "through")]


def test_frames_in_the_same_segment_as_the_handshake() -> None:
    (found,) = rows([("c", REQUEST), ("s", RESPONSE + frame(TEXT, b"early") + frame(TEXT, b"bird"))])
    assert [(m.text, m.frame) for m in found.messages] == [("early", 2), ("bird", 2)]


def test_sides_that_were_guessed_wrong() -> None:
    """The opening was not seen and the server has the higher port: HTTP turns the connection round, so do frames."""
    turns = [("s", REQUEST), ("c", RESPONSE), ("s", masked(TEXT, b"ask")), ("c", frame(TEXT, b"answer")),
             ("s", masked(CLOSE, b"\x03\xe8")), ("c", frame(CLOSE, b"\x03\xe8"))]  # fmt: skip
    (found,) = rows(turns, from_start=False)
    assert said(found) == [
        ("client", "text", "ask"), ("server", "text", "answer"),
        ("client", "close", "1000"), ("server", "close", "1000"),
    ]  # fmt: skip
    assert (found.accept, found.outcome, found.closed_by) == ("right", "closed", "client")


def test_over_tls_the_address_says_so() -> None:
    talk = conversation([("c", REQUEST), ("s", RESPONSE)])
    (found,) = connections(talk, transactions(talk, "https"))
    assert found.url == "wss://server.example.com/chat"


def test_only_the_server_was_recorded() -> None:
    (found,) = rows([("s", RESPONSE), ("s", frame(TEXT, b"hi")), ("s", frame(CLOSE, b"\x03\xe9"))])
    assert (found.accept, found.url, found.closed_by, found.close_code) == ("not_captured", None, "server", 1001)
    assert said(found) == [("server", "text", "hi"), ("server", "close", "1001")]
    assert (found.outcome, found.outcome_why) == ("closed", "one_direction")


def test_only_the_client_was_recorded() -> None:
    """A client sends frames only after a yes, so frames behind its request prove the switch (section 4.1)."""
    (found,) = rows([("c", REQUEST), ("c", masked(TEXT, b"one")), ("c", masked(TEXT, b"two")), ("c", masked(CLOSE))])
    assert (found.accept, found.url, found.opened_frame) == ("not_captured", "ws://server.example.com/chat", 1)
    assert [m.text for m in found.messages] == ["one", "two", None]
    assert (found.closed_by, found.outcome, found.outcome_why) == ("client", "closed", "one_direction")
    assert rows([("c", REQUEST), ("c", b"one\r\n"), ("c", b"two\r\n")]) == []
    assert rows([("c", REQUEST), ("c", masked(TEXT, b"one"))]) == []  # one may be chance


def test_a_response_that_was_not_captured() -> None:
    (found,) = rows([("c", REQUEST), ("s", Hole(RESPONSE)), ("c", masked(TEXT, b"one")), ("s", frame(TEXT, b"1")),
                     ("c", masked(TEXT, b"two")), ("s", frame(TEXT, b"2"))])  # fmt: skip
    assert [m.text for m in found.messages] == ["one", "1", "two", "2"]
    assert (found.accept, found.server_missing_bytes, found.outcome) == ("not_captured", len(RESPONSE), "cut")


def test_a_hole_in_the_response() -> None:
    """What a head that was not captured whole does not say is not known."""
    cut = DEFLATED.index(b"Connection")
    (found,) = rows(
        [("c", REQUEST), ("s", DEFLATED[:cut]), ("s", Hole(DEFLATED[cut:])), ("s", frame(TEXT, b"one")),
         ("s", frame(TEXT, b"two")), ("s", frame(TEXT, b"three")), ("c", masked(TEXT, b"four"))]
    )  # fmt: skip
    assert (found.accept, found.compression) == ("not_captured", None)
    assert said(found) == [("server", "text", "one"), ("server", "text", "two"), ("server", "text", "three"),
                           ("client", "text", "four")]  # fmt: skip


def test_reading_again_reports_nothing_twice() -> None:
    junk = b"what is this?\r\n\r\n"
    talk = conversation([("s", junk), ("s", REQUEST), ("c", RESPONSE), ("s", masked(TEXT, b"x"))], from_start=False)
    found = transactions(talk)
    counts = dict(talk.problems.counts)
    connections(talk, [replace(r) for r in found])
    assert dict(talk.problems.counts) == counts
