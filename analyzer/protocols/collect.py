"""From the packet table to the few packets that ARP, ICMP and DNS are about.

Rows are picked by masks over columns; only the picked ones become objects, their bytes read in one go. Nothing is
interpreted here beyond ports: the parsers decide what the bytes mean.

Sources: IANA service names (53 domain, 5353 mdns, 5355 llmnr); RFC 792 (what an ICMP error quotes).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from socket import AF_INET, AF_INET6, inet_pton

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.link import link_addresses
from analyzer.decode.table import Kind, PacketTable
from analyzer.problems import ProblemLog
from analyzer.protocols import arp
from analyzer.protocols.arp import ArpMessage
from analyzer.protocols.base import Datagram
from analyzer.protocols.dns.framing import DNS_TCP_PORTS, tcp_dns_messages
from analyzer.protocols.dns.messages import HEADER_BYTES, is_whole
from analyzer.protocols.dns.plain import Plain
from analyzer.protocols.icmp_quotes import (
    CIRCLE_NS,
    ICMP4,
    ICMP6,
    NOTHING,
    QUOTE_BYTES,
    IcmpMessage,
    Quote,
    Quoted,
    Resolver,
)
from analyzer.protocols.ndp import messages as ndp
from analyzer.protocols.source_route import far_end
from analyzer.schema import maker

DNS_PORTS = (53, 5353, 5355)
"""DNS, multicast DNS, LLMNR."""

QUIC_PORT = 853
"""DNS over QUIC; nothing else may run there."""

DNS_LOOKALIKES = (137, 138)
"""NetBIOS names use DNS's format (RFC 1002 section 4.2) and are none."""

MIN_QUERY = 17
"""Bytes of the shortest query: header, root name, type and class."""

MAX_RECORDS = 64
"""Records per section that are believed of a message on a port that is not DNS's."""

MAX_SIGHTINGS = 256
"""Sightings looked at of one quoted packet; one that runs in a circle is seen once per round, 255 times at most."""

ETHERNET, ETHERNET_BYTES = 1, 14
"""Link type, and size of the header whose last two bytes are the type."""

_icmp_message = maker(IcmpMessage)

__all__ = [
    "DNS_PORTS",
    "DNS_TCP_PORTS",
    "arp_messages",
    "datagrams",
    "icmp_messages",
    "neighbour_messages",
    "on_ports",
    "resolver",
    "tcp_dns_messages",
    "with_vlans",
]


def arp_messages(table: PacketTable, problems: ProblemLog | None = None) -> list[ArpMessage]:
    """Return every ARP message in frame order."""
    rows = np.flatnonzero(table.kind == Kind.ARP)
    if not rows.size:
        return []
    vlans = [link.vlan for link in link_addresses(table, rows)]
    times = table.index.time[rows].tolist()
    payloads = _payloads(table, rows, arp.MAX_MESSAGE)
    return [
        arp.parse(payload, row + 1, time, vlan, problems)
        for row, time, vlan, payload in zip(rows.tolist(), times, vlans, payloads, strict=True)
    ]


def icmp_messages(table: PacketTable) -> list[IcmpMessage]:
    """Return every ICMP and ICMPv6 message in frame order, along a source route with the far end as destination."""
    rows = np.flatnonzero(table.kind == Kind.ICMP)
    if not rows.size:
        return []
    ends = _far_ends(table, rows)
    src, dst = table.src[rows].tolist(), table.dst[rows].tolist()
    hosts = table.host_texts(src + dst)
    columns = (table.index.time, table.proto, table.ttl, table.payload_len)
    return [
        _icmp_message(row + 1, time, hosts[source], ends.get(row) or hosts[destination], protocol, ttl, size, payload)
        for row, source, destination, payload, time, protocol, ttl, size in zip(
            rows.tolist(),
            src,
            dst,
            _payloads(table, rows, QUOTE_BYTES),
            *(column[rows].tolist() for column in columns),
            strict=True,
        )
    ]


def _far_ends(table: PacketTable, rows: NDArray[np.intp]) -> dict[int, str]:
    """Return the far end of each packet along a source route by its row.

    A header without options ends right before the ICMP header, with both addresses; only the few others are read.
    """
    rows = rows[(table.proto[rows] == ICMP4) & (table.payload_at[rows] >= _IP4_HEADER)]
    if table.rebuilt:
        rows = rows[~np.isin(rows, np.fromiter(table.rebuilt, np.intp, len(table.rebuilt)))]
    starts = table.index.offset[rows] + table.payload_at[rows]
    plain = np.ones(rows.size, np.bool_)
    data = table.index.data.array
    for span in table.index.data.spans(starts):
        place = starts[span]
        plain[span] = data[place - _IP4_HEADER] == _IP4_PLAIN
        for side, back in ((table.src, 8), (table.dst, 4)):
            address = table.hosts[side[rows[span]], 1:5]
            plain[span] &= (data[place[:, np.newaxis] + np.arange(-back, 4 - back)] == address).all(axis=1)
    ends = ((row, _far_end(table, row)) for row in rows[~plain].tolist())
    return {row: end for row, end in ends if end is not None}


_IP4_HEADER, _IP4_PLAIN, _IP4_LONGEST = 20, 0x45, 60


def _far_end(table: PacketTable, row: int) -> str | None:
    """Find the IPv4 header with options that ends where the ICMP header begins, and read its source route."""
    at = int(table.payload_at[row])
    size = min(at, _IP4_LONGEST)
    before = table.index.data.read(int(table.index.offset[row]) + at - size, size)
    addresses = table.hosts[table.src[row], 1:5].tobytes() + table.hosts[table.dst[row], 1:5].tobytes()
    for length in range(_IP4_HEADER + 4, size + 1, 4):
        header = before[size - length :]
        if header[0] == 0x40 | length // 4 and header[9] == ICMP4 and header[12:20] == addresses:
            return far_end(header[_IP4_HEADER:])
    return None


def neighbour_messages(table: PacketTable) -> list[ndp.Signal]:
    """Return every ICMPv6 message of neighbour discovery in frame order."""
    rows = np.flatnonzero((table.kind == Kind.ICMP) & (table.proto == ICMP6) & (table.payload_cap > 0))
    kinds = _first_bytes(table, rows)
    rows = rows[(kinds >= ndp.TYPES.start) & (kinds < ndp.TYPES.stop)]
    if not rows.size:
        return []
    src, dst = table.src[rows].tolist(), table.dst[rows].tolist()
    hosts = table.host_texts(src + dst)
    columns = (table.index.time, table.ttl, table.payload_len)
    return [
        ndp.Signal(row + 1, time, hosts[source], hosts[destination], ttl, size, payload, link.src_mac, link.vlan)
        for row, source, destination, payload, link, time, ttl, size in zip(
            rows.tolist(),
            src,
            dst,
            _payloads(table, rows, ndp.MAX_BYTES),
            link_addresses(table, rows),
            *(column[rows].tolist() for column in columns),
            strict=True,
        )
    ]


def datagrams(table: PacketTable, read: Plain | None = None) -> list[Datagram]:
    """Return every UDP datagram that carries DNS in frame order, without those of lookups that were read already.

    That is each one from or to a DNS port (empty ones left out), and on other ports each that is a whole, ordinary
    query or response from its first to its last byte.
    """
    udp = np.flatnonzero((table.kind == Kind.UDP) & (table.payload_len > 0))
    by_port = _has_port(table, udp, DNS_PORTS)
    others = _dns_elsewhere(table, udp[~by_port])
    wanted = np.zeros(len(table), np.bool_)
    wanted[udp[by_port]] = wanted[others] = True
    if read is not None:
        wanted[read.query] = wanted[read.response] = False
    return _datagrams(table, np.flatnonzero(wanted))


def dns_over_quic(table: PacketTable) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Return who speaks with whom over UDP port 853 (RFC 9250 section 4.1.1): client, server, first frames."""
    udp = np.flatnonzero((table.kind == Kind.UDP) & ((table.dport == QUIC_PORT) | (table.sport == QUIC_PORT)))
    if not udp.size:
        return ()
    away = table.dport[udp] == QUIC_PORT
    clients = np.where(away, table.src[udp], table.dst[udp]).astype(np.int64)
    servers = np.where(away, table.dst[udp], table.src[udp]).astype(np.int64)
    _, first = np.unique(clients << 32 | servers, return_index=True)
    hosts = table.host_texts([*clients[first].tolist(), *servers[first].tolist()])
    return tuple((hosts[int(clients[at])], hosts[int(servers[at])], (int(udp[at]) + 1,)) for at in np.sort(first))


def on_ports(table: PacketTable, ports: Iterable[int]) -> list[Datagram]:
    """Return every UDP datagram with data from or to one of these ports, in frame order."""
    udp = np.flatnonzero((table.kind == Kind.UDP) & (table.payload_len > 0))
    return _datagrams(table, udp[_has_port(table, udp, ports)])


def with_vlans(table: PacketTable, found: list[Datagram]) -> list[Datagram]:
    """Return datagrams, in frame order, with the VLAN each was on."""
    tagged = np.flatnonzero(_maybe_tagged(table, np.array([datagram.frame - 1 for datagram in found], np.intp)))
    if not tagged.size:
        return found
    out = list(found)
    places = tagged.tolist()
    for at, link in zip(places, link_addresses(table, (found[at].frame - 1 for at in places)), strict=True):
        if link.vlan is not None:
            out[at] = found[at]._replace(vlan=link.vlan)
    return out


def _maybe_tagged(table: PacketTable, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return (n,) bool: which packets may have a VLAN tag; of Ethernet the type before the network layer tells."""
    index = table.index
    ethernet = np.array([interface.link_type == ETHERNET for interface in index.interfaces], np.bool_)
    out = ~ethernet[index.interface[rows]] if ethernet.size else np.ones(rows.size, np.bool_)
    plain = np.flatnonzero(~out & (index.caplen[rows] >= ETHERNET_BYTES))
    starts = index.offset[rows[plain]] + ETHERNET_BYTES - 2
    for span in index.data.spans(starts):
        first = index.data.array[starts[span]]
        out[plain[span]] = (first == 0x81) | (first == 0x88) | (first >= 0x91) & (first <= 0x93)
    return out


def _datagrams(table: PacketTable, rows: NDArray[np.intp]) -> list[Datagram]:
    if not rows.size:
        return []
    src, dst = table.src[rows].tolist(), table.dst[rows].tolist()
    hosts = table.host_texts(src + dst)
    cut = table.payload_cap[rows] < table.payload_len[rows]
    return list(
        map(
            Datagram,
            (rows + 1).tolist(),
            table.index.time[rows].tolist(),
            map(hosts.__getitem__, src),
            table.sport[rows].tolist(),
            map(hosts.__getitem__, dst),
            table.dport[rows].tolist(),
            _payloads(table, rows),
            cut.tolist(),
        )
    )


def _has_port(table: PacketTable, rows: NDArray[np.intp], ports: Iterable[int]) -> NDArray[np.bool_]:
    sport, dport = table.sport[rows], table.dport[rows]
    found = np.zeros(rows.size, np.bool_)
    for port in ports:
        found |= (sport == port) | (dport == port)
    return found


def _dns_elsewhere(table: PacketTable, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the rows that hold DNS although no port says so (test servers on 1053, 5300, 8053 ...).

    The header is judged by its columns: opcode QUERY, the reserved bit clear, one question; a query without
    answers and response bits, a response with few records. What passes must then parse to its last byte.
    """
    whole = (table.payload_len[rows] >= MIN_QUERY) & (table.payload_cap[rows] == table.payload_len[rows])
    rows = rows[whole]
    rows = rows[~_has_port(table, rows, DNS_LOOKALIKES)]
    if table.rebuilt:
        rows = rows[~np.isin(rows, np.fromiter(table.rebuilt, np.intp, len(table.rebuilt)))]
    if not rows.size:
        return rows
    starts = table.index.offset[rows] + table.payload_at[rows]
    flags, questions, answers, authorities, additionals = _header_words(table, starts)
    query = (flags & 0xFE8F) == 0
    query &= (answers == 0) & (authorities == 0) & (additionals <= 1)
    response = (flags & 0xF840) == 0x8000
    response &= (answers <= MAX_RECORDS) & (authorities <= MAX_RECORDS) & (additionals <= MAX_RECORDS)
    likely = rows[(questions == 1) & (query | response)]
    sure = np.array([is_whole(payload) for payload in _payloads(table, likely)], np.bool_)
    return rows[np.isin(rows, likely[sure])]


def _header_words(table: PacketTable, starts: NDArray[np.int64]) -> list[NDArray[np.uint16]]:
    """Return the five 16-bit words of DNS headers after the id."""
    data = table.index.data.array
    words = [np.zeros(starts.size, np.uint16) for _ in range(2, HEADER_BYTES, 2)]
    for span in table.index.data.spans(starts):
        for word, at in zip(words, range(2, HEADER_BYTES, 2), strict=True):
            place = starts[span] + at
            word[span] = data[place].astype(np.uint16) << 8 | data[place + 1]
    return words


def _first_bytes(table: PacketTable, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return the first payload byte of rows that have one."""
    starts = table.index.offset[rows] + table.payload_at[rows]
    if table.rebuilt:  # their bytes are elsewhere
        whole = np.isin(rows, np.fromiter(table.rebuilt, np.intp, len(table.rebuilt)))
        starts[whole] = table.index.offset[rows[whole]]
    out = np.zeros(rows.size, np.uint8)
    for span in table.index.data.spans(starts):
        out[span] = table.index.data.array[starts[span]]
    if table.rebuilt:
        for at in np.flatnonzero(whole).tolist():
            out[at] = int.from_bytes(table.payload(int(rows[at]), 0, 1), "big")
    return out


def _payloads(table: PacketTable, rows: NDArray[np.intp], limit: int | None = None) -> Iterator[bytes]:
    """Yield the captured payload of each row, at most ``limit`` bytes."""
    sizes = table.payload_cap[rows].astype(np.int64)
    if limit is not None:
        sizes = np.minimum(sizes, limit)
    starts = table.index.offset[rows] + table.payload_at[rows]
    rebuilt = table.rebuilt
    view = memoryview(table.index.data.array.data)
    if not rebuilt:
        for span in table.index.data.spans(starts):
            ends = (starts[span] + sizes[span]).tolist()
            yield from [view[start:end].tobytes() for start, end in zip(starts[span].tolist(), ends, strict=True)]
        return
    for span in table.index.data.spans(starts):
        for row, start, size in zip(rows[span].tolist(), starts[span].tolist(), sizes[span].tolist(), strict=True):
            yield table.payload(row, 0, size) if row in rebuilt else view[start : start + size].tobytes()


def resolver(table: PacketTable, stream_of: Callable[[int], int | None] | None = None) -> Resolver:
    """Return a function that finds the packet an ICMP error quotes: the last one before it that fits.

    A packet fits with the same addresses, protocol and ports, and the same TCP sequence number or, for other
    protocols over IPv4, the same identification. The first call sorts the packets once; each call is a binary
    search.

    Args:
        table: the packets.
        stream_of: gives the ``tcp.stream`` of a frame.
    """
    return _Sent(table, stream_of).find


class _Sent:
    """All TCP and UDP packets, sorted by a hash of what an ICMP error quotes, then by frame."""

    def __init__(self, table: PacketTable, stream_of: Callable[[int], int | None] | None) -> None:
        self._table = table
        self._stream_of = stream_of
        self._hosts = {row.tobytes(): number for number, row in enumerate(table.hosts)}
        self._rows: NDArray[np.intp] | None = None
        self._hashes = memoryview(b"").cast("Q")  # single numbers are read of it three times as quick as of an array

    def find(self, quote: Quote) -> Quoted:
        """Return the packet that a quote is about, :data:`NOTHING` when it was not captured."""
        if quote.source_port is None or quote.destination_port is None:
            return NOTHING
        source, destination = self._host(quote.source), self._host(quote.stop or quote.destination)
        if source < 0 or destination < 0:
            return NOTHING
        if self._rows is None:
            self._sort()
        assert self._rows is not None
        mark = (quote.seq if quote.protocol == 6 else quote.ip_id) or 0
        key = (source, destination, quote.protocol, quote.source_port, quote.destination_port, mark)
        wanted = _hash_one(key)
        low = bisect_left(self._hashes, wanted)
        if low == len(self._hashes) or self._hashes[low] != wanted:
            return NOTHING
        high = bisect_right(self._hashes, wanted, low)
        before = int(np.searchsorted(self._rows[low:high], quote.error_frame - 1))
        if before == 0:
            return NOTHING
        row = int(self._rows[low + before - 1])
        if key != self._key(row):  # two flows with one hash: not worth a longer search
            return NOTHING
        stream = self._stream_of(row + 1) if self._stream_of is not None and quote.protocol == 6 else None
        time, ttl = int(self._table.index.time[row]), int(self._table.ttl[row])
        if before > 1:
            seen = self._rows[low + max(before - MAX_SIGHTINGS, 0) : low + before]
            seen = seen[self._table.index.time[seen] >= time - CIRCLE_NS]
            return Quoted(stream, row + 1, ttl, time, int(self._table.ttl[seen].max()))
        return Quoted(stream, row + 1, ttl, time, ttl)

    def _host(self, text: str) -> int:
        packed = inet_pton(AF_INET6 if ":" in text else AF_INET, text)
        return self._hosts.get((b"\x04" if len(packed) == 4 else b"\x06") + packed.ljust(16, b"\0"), -1)

    def _key(self, row: int) -> tuple[int, int, int, int, int, int]:
        table = self._table
        mark = table.seq[row] if table.kind[row] == Kind.TCP else table.ip_id[row]
        columns = (table.src, table.dst, table.proto, table.sport, table.dport)
        source, destination, protocol, sport, dport = (int(column[row]) for column in columns)
        return source, destination, protocol, sport, dport, int(mark)

    def _sort(self) -> None:
        table = self._table
        rows = np.flatnonzero((table.kind == Kind.TCP) | (table.kind == Kind.UDP))
        mark = np.where(table.kind[rows] == Kind.TCP, table.seq[rows], table.ip_id[rows].astype(np.uint32))
        columns = (table.src, table.dst, table.proto, table.sport, table.dport)
        hashes = _hash(*(column[rows].astype(np.uint64) for column in columns), mark.astype(np.uint64))
        order = np.argsort(hashes, kind="stable")
        self._rows, self._hashes = rows[order], hashes[order].data


_MIX = 0x9E3779B97F4A7C15
_SHIFT = 29


def _hash(*columns: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix columns into one number per row (multiplication by an odd constant, Knuth's multiplicative hashing)."""
    mixed = np.zeros(columns[0].size, np.uint64)
    for column in columns:
        mixed = (mixed ^ column) * np.uint64(_MIX)
        mixed ^= mixed >> np.uint64(_SHIFT)
    return mixed


def _hash_one(values: Iterable[int]) -> int:
    """Return what :func:`_hash` gives for one row."""
    mixed = 0
    for value in values:
        mixed = (mixed ^ value) * _MIX & 0xFFFF_FFFF_FFFF_FFFF
        mixed ^= mixed >> _SHIFT
    return mixed
