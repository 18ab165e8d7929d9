"""TCP, UDP and ICMP headers as vectors.

Rules
    1. A TCP header counts when its first 16 bytes (through the window) were captured: then ports, sequence numbers and
       flags are all real, and Wireshark gives the segment its stream. Less is booked as malformed: a sequence number of
       zero that nobody sent would be worse than none.
    2. ``payload_at - tcp_header`` is where the TCP header starts, also when its options were cut off.
    3. A UDP length ends the datagram before the IP length does; zero means a jumbogram or offload.

Sources: RFC 9293 section 3.1, RFC 768, RFC 2675 section 4, RFC 792, RFC 4443.
"""

from __future__ import annotations

import numpy as np

from analyzer.decode import layer
from analyzer.decode.columns import Columns
from analyzer.decode.gather import Cursors, Ints, Mask
from analyzer.decode.table import Kind
from analyzer.problems import Problem

TCP = np.dtype(
    [("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("offset_flags", ">u2"), ("window", ">u2")]
)
UDP = np.dtype([("sport", ">u2"), ("dport", ">u2"), ("length", ">u2"), ("checksum", ">u2")])
TCP_HEADER = 20
ICMP_HEADER = 4

PROTO_ICMP, PROTO_TCP, PROTO_UDP, PROTO_ICMPV6 = 1, 6, 17, 58

TUNNEL_PROTOCOLS = (4, 41, 47, 97, 137)
"""IP protocols that carry packets: IPv4 (RFC 2003), IPv6 (RFC 4213), GRE, EtherIP, MPLS."""

TUNNEL_DESTINATIONS = (4341, 4789, 4790, 6081)
"""UDP ports of tunnels that only ever stand as destination: LISP, VXLAN, VXLAN-GPE, Geneve (their source port is a
hash)."""

TUNNEL_PORTS = (1701, 2152, 3544, 5072, 5247)
"""UDP ports of tunnels on either side: L2TP, GTP-U, Teredo, AYIYA, CAPWAP data."""

EPHEMERAL = 1024
"""The other port of a tunnel whose port is the source: below this it names a service, and the tunnel port is chance."""


def decode(cursors: Cursors, columns: Columns) -> list[Cursors]:
    """Book what follows IP headers.

    Args:
        cursors: before an upper-layer header whose protocol number is ``layer``.

    Returns:
        Cursors that go on: tunnels, with a ``layer`` of :mod:`analyzer.decode.layer`.
    """
    proto = cursors.layer
    is_tcp = proto == PROTO_TCP
    if is_tcp.any():
        tcp(cursors.take(is_tcp), columns)
        if is_tcp.all():
            return []
    deeper: list[Cursors] = []
    is_udp = proto == PROTO_UDP
    if is_udp.any():
        deeper += udp(cursors.take(is_udp), columns)
    is_icmp = (proto == PROTO_ICMP) | (proto == PROTO_ICMPV6)
    if is_icmp.any():
        icmp(cursors.take(is_icmp), columns)
    other = ~(is_tcp | is_udp | is_icmp)
    if other.any():
        rest = cursors.take(other)
        columns.book(rest, Kind.OTHER_IP)
        tunnel = np.isin(rest.layer, TUNNEL_PROTOCOLS)
        if tunnel.any():
            inner = rest.take(tunnel)
            deeper.append(inner.advance(0, inner.layer + layer.IP_PROTOCOL))
    return deeper


def tcp(cursors: Cursors, columns: Columns) -> None:
    """Book TCP segments (RFC 9293 section 3.1)."""
    header = cursors.header(TCP)
    short = cursors.have < TCP.itemsize
    if short.any():
        columns.cut_short(cursors, short, "TCP", TCP_HEADER)
        cursors, header = cursors.take(~short), header[~short]
    word = header["offset_flags"].astype(np.uint16)
    size = (word >> 12).astype(np.int64) * 4
    tiny = size < TCP_HEADER
    if tiny.any():
        cursors = _without_payload(cursors, columns, tiny)
    rows = cursors.rows
    columns.sport[rows] = header["sport"]
    columns.dport[rows] = header["dport"]
    columns.seq[rows] = header["seq"]
    columns.ack[rows] = header["ack"]
    columns.window[rows] = header["window"]
    columns.flags[rows] = word & 0x1FF
    columns.tcp_header[rows] = size
    columns.book(cursors.advance(size, 0), Kind.TCP)


def _without_payload(cursors: Cursors, columns: Columns, tiny: Mask) -> Cursors:
    """Report header lengths below 20; such a segment keeps its place in the stream, but nobody knows its payload."""
    first = int(cursors.rows[tiny][0]) + 1
    text = f"A TCP header says it is shorter than {TCP_HEADER} bytes; its payload is not read."
    columns.problems.add(Problem("TCP-HEADER-LENGTH", "tcp", text, first), int(np.count_nonzero(tiny)))
    return cursors.bounded(np.where(tiny, 0, np.iinfo(np.int32).max))


def udp(cursors: Cursors, columns: Columns) -> list[Cursors]:
    """Book UDP datagrams (RFC 768); return those that look like tunnels, before their payload."""
    header = cursors.header(UDP)
    length = header["length"].astype(np.int64)
    short = cursors.have < UDP.itemsize
    tiny = ~short & (length < UDP.itemsize) & (length != 0)
    bad = short | tiny
    if bad.any():
        columns.cut_short(cursors, short, "UDP", UDP.itemsize)
        for number in np.unique(length[tiny]).tolist():
            columns.book_malformed(cursors.rows[tiny & (length == number)], f"UDP length {number} below 8")
        cursors, header, length = cursors.take(~bad), header[~bad], length[~bad]
    unknown = length == 0
    if unknown.any():
        length[unknown] = (cursors.wire - cursors.at)[unknown]
    rows = cursors.rows
    columns.sport[rows] = header["sport"]
    columns.dport[rows] = header["dport"]
    inner = cursors.bounded(length).advance(UDP.itemsize, 0)
    columns.book(inner, Kind.UDP)
    port = _tunnel_port(header["sport"].astype(np.int64), header["dport"].astype(np.int64))
    is_tunnel = port > 0
    if not is_tunnel.any():
        return []
    return [inner.take(is_tunnel).advance(0, port[is_tunnel] + layer.UDP_PORT)]


def _tunnel_port(sport: Ints, dport: Ints) -> Ints:
    """Return the tunnel port of each datagram, 0 without one."""
    port = np.zeros(sport.size, dtype=np.int64)
    for number in TUNNEL_PORTS:
        port[(sport == number) & (dport >= EPHEMERAL)] = number
        port[dport == number] = number
    for number in TUNNEL_DESTINATIONS:
        port[dport == number] = number
    return port


def icmp(cursors: Cursors, columns: Columns) -> None:
    """Book ICMP and ICMPv6 messages, from type, code and checksum on (RFC 792, RFC 4443)."""
    short = cursors.have < ICMP_HEADER
    if short.any():
        columns.cut_short(cursors, short, "ICMP", ICMP_HEADER)
        cursors = cursors.take(~short)
    columns.book(cursors, Kind.ICMP)
