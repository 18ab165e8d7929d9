"""The packet table: one row of numpy columns per frame, the only thing that layers above know of packets.

Row ``i`` is frame ``i + 1``. ``kind`` says which columns mean something:

========== =====================================================================================
ARP        an ARP message starts at ``payload`` (its Ethernet payload)
TCP, UDP   addresses, ports, and the TCP columns are set; ``payload`` is the segment's data
ICMP       addresses are set; ``payload`` starts at the ICMP header (v4 or v6, see ``proto``)
OTHER_IP   addresses and ``proto`` are set
NON_IP     link layer decoded, no IP, no ARP
FRAGMENT   an IP fragment that does not complete a datagram (the completing one carries the datagram)
UNSUPPORTED, MALFORMED   see ``reasons``
========== =====================================================================================

The innermost decodable transport header of a tunnelled packet decides the row, as in Wireshark.
Where the datagram was put together from fragments its bytes are no longer in the file; they live in ``rebuilt``,
and :meth:`PacketTable.payload` hides the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from analyzer.addresses import host_text
from analyzer.capture.model import PacketIndex
from analyzer.problems import Problem


class Kind(IntEnum):
    """Where a frame is booked in the ledger."""

    NON_IP = 0
    ARP = 1
    TCP = 2
    UDP = 3
    ICMP = 4
    OTHER_IP = 5
    FRAGMENT = 6
    UNSUPPORTED = 7
    MALFORMED = 8


class Flag(IntEnum):
    """TCP flag bits as in ``PacketTable.flags`` (RFC 9293 section 3.1; AE is RFC 9768's)."""

    FIN = 0x001
    SYN = 0x002
    RST = 0x004
    PSH = 0x008
    ACK = 0x010
    URG = 0x020
    ECE = 0x040
    CWR = 0x080
    AE = 0x100


@dataclass(slots=True)
class PacketTable:
    """Columns over all frames of a capture.

    Attributes:
        index: where the packets lie and when they were seen (``index.time`` is the time column).
        kind: (n,) uint8, :class:`Kind`.
        src, dst: (n,) int32, index into ``hosts``; -1 without an IP address.
        hosts: (h, 17) uint8, unique addresses: byte 0 is the version (4 or 6), then 16 address bytes (IPv4 in the
            first four, the rest zero). Two hosts are equal exactly when their rows are.
        proto: (n,) uint8, IP protocol of the innermost IP header (6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6), 0 without IP.
        sport, dport: (n,) uint16.
        seq, ack: (n,) uint32; window: (n,) uint16 (unscaled); flags: (n,) uint16 of :class:`Flag`.
        tcp_header: (n,) uint8, TCP header length in bytes with options (0 when not TCP).
        ttl: (n,) uint8, hop limit; ip_id: (n,) uint16 (0 for IPv6).
        payload_at: (n,) int32, start of the payload counted from the packet's first byte; for rebuilt rows, from
            the first byte of ``rebuilt[row]``. The TCP header starts ``tcp_header`` bytes before.
        payload_len: (n,) uint32, payload bytes on the wire, from the IP lengths (Ethernet padding excluded).
        payload_cap: (n,) uint32, payload bytes captured (<= payload_len).
        vlan: {row: outermost VLAN id} would be sparse and is asked from the bytes: see :func:`link_addresses`.
        rebuilt: row -> the transport header and payload put together from fragments.
        reasons: row -> why it is UNSUPPORTED or MALFORMED.
        unsupported, malformed: reason -> frames, for the ledger (complete, though ``reasons`` is bounded).
    """

    index: PacketIndex
    kind: NDArray[np.uint8]
    src: NDArray[np.int32]
    dst: NDArray[np.int32]
    hosts: NDArray[np.uint8]
    proto: NDArray[np.uint8]
    sport: NDArray[np.uint16]
    dport: NDArray[np.uint16]
    seq: NDArray[np.uint32]
    ack: NDArray[np.uint32]
    window: NDArray[np.uint16]
    flags: NDArray[np.uint16]
    tcp_header: NDArray[np.uint8]
    ttl: NDArray[np.uint8]
    ip_id: NDArray[np.uint16]
    payload_at: NDArray[np.int32]
    payload_len: NDArray[np.uint32]
    payload_cap: NDArray[np.uint32]
    rebuilt: Mapping[int, bytes] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    unsupported: dict[str, int] = field(default_factory=dict)
    malformed: dict[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def __len__(self) -> int:
        return int(self.kind.size)

    def payload(self, row: int, start: int = 0, size: int | None = None) -> bytes:
        """Return captured payload bytes ``[start, start + size)`` of a row (to the end without ``size``)."""
        available = max(int(self.payload_cap[row]) - start, 0)
        count = available if size is None else min(size, available)
        at = int(self.payload_at[row]) + start
        whole = self.rebuilt.get(row)
        if whole is not None:
            return whole[at : at + count]
        return self.index.data.read(int(self.index.offset[row]) + at, count)

    def tcp_options(self, row: int) -> bytes:
        """Return the raw TCP option bytes of a row (empty when there are none or they were cut)."""
        header = int(self.tcp_header[row])
        if header <= 20:
            return b""
        at = int(self.payload_at[row]) - header + 20
        whole = self.rebuilt.get(row)
        if whole is not None:
            return whole[max(at, 0) : at + header - 20]
        size = min(header - 20, int(self.index.caplen[row]) - at)
        return self.index.data.read(int(self.index.offset[row]) + at, max(size, 0))

    def host(self, host_id: int) -> str:
        """Return an address as text (RFC 5952 for IPv6); empty text for -1."""
        if host_id < 0:
            return ""
        return host_text(self.hosts[host_id].tobytes())

    def host_texts(self, host_ids: Iterable[int]) -> dict[int, str]:
        """Return address text for each distinct host id."""
        return {int(h): self.host(int(h)) for h in set(host_ids)}
