"""Builders of DNS messages, written from RFC 1035 section 4 and independent of the code under test."""

from __future__ import annotations

import struct

from analyzer.protocols.base import Datagram

CLIENT, SERVER = "10.0.0.1", "10.0.0.53"

QUERY, RESPONSE = 0x0100, 0x8180
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV = 1, 2, 5, 6, 12, 15, 16, 28, 33


def name(text: str) -> bytes:
    """Return ``www.example.com`` as labels; ``.`` is the root."""
    labels = [label for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def pointer(offset: int) -> bytes:
    """Return a compression pointer."""
    return struct.pack("!H", 0xC000 | offset)


def question(text: str, qtype: int = A, qclass: int = 1) -> bytes:
    """Return one question."""
    return name(text) + struct.pack("!HH", qtype, qclass)


def record(owner: bytes, rtype: int, data: bytes, *, ttl: int = 60, rclass: int = 1) -> bytes:
    """Return one resource record."""
    return owner + struct.pack("!HHIH", rtype, rclass, ttl, len(data)) + data


def message(
    questions: list[bytes],
    answers: list[bytes] | None = None,
    authority: list[bytes] | None = None,
    additional: list[bytes] | None = None,
    *,
    ident: int = 0x1234,
    flags: int = QUERY,
    counts: tuple[int, int, int, int] | None = None,
) -> bytes:
    """Return a whole message; ``counts`` lies about its sections."""
    sections = (questions, answers or [], authority or [], additional or [])
    announced = counts or tuple(len(section) for section in sections)
    return struct.pack("!6H", ident, flags, *announced) + b"".join(b"".join(section) for section in sections)


def opt(size: int = 1232, extended_rcode: int = 0) -> bytes:
    """Return an OPT record (RFC 6891 section 6.1.2)."""
    return record(b"\0", 41, b"", ttl=extended_rcode << 24, rclass=size)


def query(frame: int, time_ms: float, text: str = "example.com", qtype: int = A, **facts: object) -> Datagram:
    """Return a query from :data:`CLIENT` port 40000 to :data:`SERVER`."""
    return sent(frame, time_ms, message([question(text, qtype)], ident=int(facts.pop("ident", 7))), **facts)  # type: ignore[call-overload]


def reply(
    frame: int,
    time_ms: float,
    text: str = "example.com",
    qtype: int = A,
    data: bytes = b"\x0a\0\0\x09",
    **facts: object,
) -> Datagram:
    """Return the reply to :func:`query` with one answer."""
    payload = message(
        [question(text, qtype)],
        [record(pointer(12), qtype, data)],
        ident=int(facts.pop("ident", 7)),  # type: ignore[call-overload]
        flags=RESPONSE,
    )
    return back(frame, time_ms, payload, **facts)


def sent(frame: int, time_ms: float, payload: bytes, *, port: int = 40000, server_port: int = 53, cut: bool = False,
         stream: int | None = None, client: str = CLIENT, server: str = SERVER) -> Datagram:  # fmt: skip
    """Return a datagram from the client."""
    return Datagram(frame, round(time_ms * 1e6), client, port, server, server_port, payload, cut, stream)


def back(frame: int, time_ms: float, payload: bytes, *, port: int = 40000, server_port: int = 53, cut: bool = False,
         stream: int | None = None, client: str = CLIENT, server: str = SERVER) -> Datagram:  # fmt: skip
    """Return a datagram from the server."""
    return Datagram(frame, round(time_ms * 1e6), server, server_port, client, port, payload, cut, stream)
