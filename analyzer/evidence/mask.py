"""What of a cited packet may be handed on.

Rules, the safest one wins:

* headers of the link, network and transport layer stay; a packet is cut behind what is surely header, and keeps the
  length that it had on the wire, so that Wireshark shows it as cut;
* whole stay: ARP, DNS, DHCP, neighbour discovery; of ICMP its own fields and the headers of the packet it quotes;
* of TCP data stays what :mod:`analyzer.evidence.streams` can place;
* fragments, unknown protocols and what could not be decoded end at the last header that is known.

A TCP checksum is changed along with what was overwritten: a right one stays right, a wrong one stays as wrong as it was
(RFC 1624), and it tells nothing of the bytes that were there. Checksums of cut packets, which nobody can verify, and of
a tunnel around the segment are left.

Sources: RFC 1035 section 4.1.1, RFC 1624 section 3, RFC 2131 section 3, RFC 8415 section 7.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from analyzer.decode.table import Kind, PacketTable
from analyzer.evidence import headers
from analyzer.protocols.collect import DNS_PORTS
from analyzer.protocols.dhcp import messages6, session, session6
from analyzer.protocols.dhcp.messages import COOKIE, FIXED_BYTES
from analyzer.protocols.dns.messages import HEADER_BYTES, is_whole, parse

TcpData = Callable[[int, bytes], bytes]
"""Gives what may be shown of the data of a row's segment: its first bytes, perhaps overwritten in place."""

_DHCP4, _DHCP6, _DNS = frozenset(session.PORTS), frozenset(session6.PORTS), frozenset(DNS_PORTS)
_DHCP6_TYPES = frozenset({*messages6.TYPES, *messages6.RELAYED})
_DNS_QUESTIONS = (b"\0\0", b"\0\1")
"""Counts of questions that a message can have (RFC 9619 section 4); with another one it is something else."""
_CHECKSUM_AT = 16


def masked(table: PacketTable, row: int, packet: bytes, data: TcpData) -> bytes:
    """Return the bytes of a packet that may be handed on.

    Args:
        row: frame - 1; packet: its captured bytes.
        data: asked about the data of TCP segments.
    """
    kind = int(table.kind[row])
    if row in table.rebuilt or kind in (Kind.FRAGMENT, Kind.NON_IP, Kind.UNSUPPORTED, Kind.MALFORMED):
        link_type = table.index.interfaces[int(table.index.interface[row])].link_type
        return packet[: headers.outer(link_type, packet, transport=kind == Kind.MALFORMED)]
    at = min(int(table.payload_at[row]), len(packet))
    payload = packet[at : at + int(table.payload_cap[row])]
    if kind == Kind.ARP:
        return packet[: at + headers.arp(payload)]
    if kind == Kind.ICMP:
        return packet[: at + headers.icmp(payload, int(table.proto[row]))]
    if kind == Kind.UDP:
        ports = frozenset({int(table.sport[row]), int(table.dport[row])})
        return packet[: at + _datagram(payload, ports)]
    if kind == Kind.TCP and payload:
        return _segment(packet, at, int(table.tcp_header[row]), data(row, payload))
    return packet[:at]


def _datagram(payload: bytes, ports: frozenset[int]) -> int:
    """Return how much of a UDP datagram's data is a message that may be shown."""
    if ports & _DHCP4 and payload.startswith(COOKIE, FIXED_BYTES):
        return len(payload)
    if ports & _DHCP6 and payload[:1] and payload[0] in _DHCP6_TYPES:
        return len(payload)
    if ports & _DNS and parse(payload).end == len(payload):
        return len(payload)
    if ports & _DNS and payload[4:6] in _DNS_QUESTIONS:
        return min(HEADER_BYTES, len(payload))
    return len(payload) if payload and is_whole(payload) else 0


def _segment(packet: bytes, at: int, header: int, shown: bytes) -> bytes:
    """Return a segment with the data that may be shown, and a checksum that takes account of what was overwritten."""
    was = packet[at : at + len(shown)]
    out = bytearray(packet[:at] + shown)
    place = at - header + _CHECKSUM_AT
    if shown != was and header >= 20 and place + 2 <= at:
        out[place : place + 2] = _adjusted(packet[place : place + 2], was, shown)
    return bytes(out)


def _adjusted(checksum: bytes, was: bytes, now: bytes) -> bytes:
    """Return the Internet checksum after some data changed: HC' = ~(~HC + ~m + m'), RFC 1624 equation 3.

    Half a word at the end counts with the same other half, whichever, before and after.
    """
    old, new = _words(was), _words(now)
    total = (~int.from_bytes(checksum, "big") & 0xFFFF) + sum(0xFFFF - word for word in old) + sum(new)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


def _words(data: bytes) -> tuple[int, ...]:
    padded = data + b"\0" * (len(data) % 2)
    return struct.unpack(f">{len(padded) // 2}H", padded)
