"""What an ICMP error says besides its type and code: the packet it quotes, the size it asks for, the router it names.

Sources: RFC 792 (quotes, redirect), RFC 1812 section 4.3.2.3 (how much is quoted), RFC 1191 section 4 (next-hop MTU),
RFC 4443 sections 2.4 and 3.2 (ICMPv6, packet too big), RFC 4861 section 4.5 (redirect).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from analyzer.addresses import ip_text
from analyzer.protocols.source_route import far_end
from analyzer.schema import maker

ICMP4, ICMP6 = 1, 58
HEADER_BYTES = 8

QUOTE_BYTES = 256
"""Bytes kept of a message: the header, the quoted IP header with options or extensions, and its first bytes."""

MAX_EXTENSIONS = 8
"""IPv6 extension headers followed in a quote; real packets have one or two."""

CIRCLE_NS = 10_000_000_000
"""Longest time that a packet is on its way round in a circle: 255 hops of 40 ms, and hardly any takes as long."""

ECHO = {(ICMP4, 8): True, (ICMP4, 0): False, (ICMP6, 128): True, (ICMP6, 129): False}
"""Protocol and type of echoes: whether it is a request."""

REDIRECTS = frozenset({(ICMP4, 5), (ICMP6, 137)})

_PORTS = frozenset({6, 17, 33, 132, 136})  # TCP, UDP, DCCP, SCTP, UDP-Lite start with two ports
_EXTENSIONS = frozenset({0, 43, 44, 60})  # hop-by-hop, routing, fragment, destination options
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp"}


@dataclass(frozen=True, slots=True)
class IcmpMessage:
    """One ICMP message.

    Attributes:
        destination: the far end, also along a source route.
        protocol: 1 ICMP, 58 ICMPv6.
        ttl: of the IP header.
        size: bytes on the wire from the ICMP header on.
        payload: from the ICMP header on, at most :data:`QUOTE_BYTES`.
    """

    frame: int
    time: int
    source: str
    destination: str
    protocol: int
    ttl: int
    size: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Quote:
    """What an error says of the packet it is about.

    Attributes:
        protocol: of the quoted packet's transport header.
        source_port, destination_port: None without ports; for an echo the id and the sequence number.
        seq: TCP sequence number, None without one.
        ip_id: identification of the quoted IPv4 header, None for IPv6.
        error_frame: frame of the error; what it quotes was sent before.
        stop: the address in the header of a packet along a source route; None where that is the destination.
    """

    source: str
    destination: str
    protocol: int
    source_port: int | None
    destination_port: int | None
    seq: int | None
    ip_id: int | None
    error_frame: int
    stop: str | None = None

    @property
    def protocol_name(self) -> str:
        """Return ``tcp``, ``udp``, ``icmp``, ``ipv6-icmp``, or the number of another protocol."""
        return _PROTOCOLS.get(self.protocol, str(self.protocol))

    @property
    def ports(self) -> tuple[int | None, int | None]:
        """Return the source and the destination port, None where the protocol has none."""
        return (self.source_port, self.destination_port) if self.protocol in _PORTS else (None, None)


@dataclass(frozen=True, slots=True)
class Quoted:
    """The packet that an error is about, as far as it was captured.

    Attributes:
        stream: ``tcp.stream``; frame, ttl, time: of its last sighting before the error.
        highest_ttl: of all sightings within :data:`CIRCLE_NS`. A packet that goes round in circles past the recorder is
            seen again and again.
    """

    stream: int | None = None
    frame: int | None = None
    ttl: int | None = None
    time: int | None = None
    highest_ttl: int | None = None


Resolver = Callable[[Quote], Quoted]
NOTHING = Quoted()


def read_quote(message: IcmpMessage) -> Quote | None:
    """Read the packet that an error quotes, None where the quote is cut before its transport header.

    Source: RFC 792 (the IP header and 64 bits), RFC 1812 section 4.3.2.3 (as much as fits), RFC 4443 section 2.4 (c).
    """
    inner = message.payload[HEADER_BYTES:]
    if len(inner) < 20:
        return None
    found = _quoted_ip4(inner) if message.protocol == ICMP4 else _quoted_ip6(inner)
    if found is None:
        return None
    source, destination, stop, protocol, rest, ip_id = found
    first = second = seq = None
    if protocol in _PORTS and len(rest) >= 4:
        first, second = struct.unpack_from("!HH", rest)
        seq = int.from_bytes(rest[4:8], "big") if protocol == 6 and len(rest) >= 8 else None
    elif protocol in (ICMP4, ICMP6) and len(rest) >= 8 and ECHO.get((protocol, rest[0])):
        first, second = struct.unpack_from("!HH", rest, 4)
    return _quote(source, destination, protocol, first, second, seq, ip_id, message.frame, stop)


_quote = maker(Quote)
_Inner = tuple[str, str, str | None, int, bytes, int | None]


def _quoted_ip4(inner: bytes) -> _Inner | None:
    header = (inner[0] & 15) * 4
    fragment_offset = (inner[6] & 0x1F) << 8 | inner[7]
    if inner[0] >> 4 != 4 or header < 20:
        return None
    rest = b"" if fragment_offset else inner[header:]
    source, destination = ip_text(inner[12:16]), ip_text(inner[16:20])
    end = far_end(inner[20:header]) if header > 20 else None
    ident = inner[4] << 8 | inner[5]
    return source, end or destination, destination if end else None, inner[9], rest, ident


def _quoted_ip6(inner: bytes) -> _Inner | None:
    if inner[0] >> 4 != 6 or len(inner) < 40:
        return None
    protocol, at = inner[6], 40
    for _ in range(MAX_EXTENSIONS):
        if protocol not in _EXTENSIONS or len(inner) < at + 8:
            break
        size = 8 if protocol == 44 else (inner[at + 1] + 1) * 8
        protocol, at = inner[at], at + size
    return ip_text(inner[8:24]), ip_text(inner[24:40]), None, protocol, inner[at:], None


def next_mtu(message: IcmpMessage) -> int | None:
    """Return the size that a "too big" error asks for; None for other messages, and where it names none.

    Routers older than RFC 1191 leave the field zero.
    """
    data = message.payload
    if len(data) < HEADER_BYTES:
        return None
    if message.protocol == ICMP4 and data[:2] == b"\x03\x04":
        return int.from_bytes(data[6:8], "big") or None
    if message.protocol == ICMP6 and data[0] == 2:
        return int.from_bytes(data[4:8], "big") or None
    return None


def better_router(message: IcmpMessage) -> tuple[str, str | None] | None:
    """Return the router that a redirect names, and for ICMPv6 the destination that it is for; None for the rest.

    Where ICMPv6 names the destination itself as the router, it is a neighbour (RFC 4861 section 4.5).
    """
    data = message.payload
    if (message.protocol, data[0] if data else -1) not in REDIRECTS:
        return None
    if message.protocol == ICMP4:
        return (ip_text(data[4:8]), None) if len(data) >= HEADER_BYTES else None
    return (ip_text(data[8:24]), ip_text(data[24:40])) if len(data) >= 40 else None
