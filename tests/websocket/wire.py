"""Builds WebSocket bytes by hand, from the figure in RFC 6455 section 5.2, and plays them behind a handshake."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.protocols.base import Conversation
from analyzer.protocols.http1.session import transactions
from analyzer.protocols.websocket.session import connections
from analyzer.schema import WebSocketRow
from tests.http1.talk import Hole, conversation

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = bytes.fromhex("37fa213d")  # the masking key of the RFC's examples

REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
    b"Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
"""RFC 6455 section 1.2, with the offer of RFC 7692 section 7.1."""
ACCEPT = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"


def response(*lines: str, accept: bytes = ACCEPT) -> bytes:
    more = "".join(f"{line}\r\n" for line in lines).encode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + accept + more + b"\r\n"
    )


RESPONSE = response()
DEFLATED = response("Sec-WebSocket-Extensions: permessage-deflate")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    mask: bytes | None = None,
    fin: bool = True,
    rsv: int = 0,
    form: int | None = None,
) -> bytes:
    """One frame; ``form`` 7, 16 or 64 chooses how the length is written, the shortest by default."""
    size = len(payload)
    form = form or (7 if size < 126 else 16 if size < 65_536 else 64)
    word = size if form == 7 else 126 if form == 16 else 127
    out = bytes([fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | word])
    out += size.to_bytes(form // 8, "big") if form > 7 else b""
    if mask is None:
        return out + payload
    return out + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def masked(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """One frame of a client."""
    return frame(opcode, payload, mask=KEY, fin=fin, rsv=rsv)


def played(
    turns: Iterable[tuple[str, bytes]], *, answer: bytes = RESPONSE, request: bytes = REQUEST, **facts: object
) -> Conversation:
    """A conversation that begins with a handshake."""
    return conversation([("c", request), ("s", answer), *turns], **facts)  # type: ignore[arg-type]


def row(turns: Iterable[tuple[str, bytes]], **facts: object) -> WebSocketRow:
    """The row of a conversation that begins with a handshake."""
    talk = played(turns, **facts)  # type: ignore[arg-type]
    (found,) = connections(talk, transactions(talk))
    check(found)
    return found


def check(found: WebSocketRow) -> None:
    """Hold a row to what must always be true of it."""
    data = [m for m in found.messages if m.opcode not in ("close", "ping", "pong")]
    assert len(found.messages) + found.messages_left_out >= found.client_messages + found.server_messages
    if not found.messages_left_out:
        for side in ("client", "server"):
            own = [m for m in data if m.from_ == side and m.opcode != "reserved"]
            assert getattr(found, f"{side}_messages") == len(own)
            assert getattr(found, f"{side}_bytes") == sum(m.bytes for m in own)
            assert getattr(found, f"{side}_transferred_bytes") == sum(m.transferred_bytes or 0 for m in own)
    assert found.outcome in ("closed", "reset", "cut", "open", "malformed")
    assert (found.close_frame is None) == (found.closed_by is None)
    for message in found.messages:
        assert message.frame > 0
        assert message.bytes >= 0
        assert message.text is None or len(message.text.encode("utf-8", "surrogatepass")) <= 4 * 4096


def said(found: WebSocketRow) -> list[tuple[str, str, str | None]]:
    """(who, what, text) of every message listed."""
    return [(m.from_, m.opcode, m.text) for m in found.messages]


__all__ = ["Hole"]
