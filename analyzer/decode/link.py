"""Link layers that are read as vectors, and the addresses of the link layer on demand.

Vectorised here: Ethernet with any stack of tags (802.1Q, QinQ, 802.1ad ...), IEEE 802.2 LLC with SNAP, Linux cooked
v1 and v2, BSD loopback in both byte orders, raw IP. Each step takes cursors before its header and returns the
ones that go on, before the header that ``layer`` names; what ends here is booked. Other link types are in
:mod:`analyzer.decode.fallback`.

Sources: IEEE 802.3 clause 3, IEEE 802.1Q clause 9, IEEE 802.2, RFC 1042 (SNAP), the LINKTYPE_ registry of tcpdump.org.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from analyzer.capture.model import PacketIndex
from analyzer.decode import layer
from analyzer.decode.columns import Columns
from analyzer.decode.gather import Cursors, Header, Ints
from analyzer.decode.table import Kind, PacketTable
from analyzer.decode.wireless import wireless_addresses

MAX_HEADERS = 12
"""Link-layer headers and tags peeled off one frame; provider bridges stack four or five, and each costs a pass."""

MAX_LENGTH = 1500
"""Values up to this in the type field are a length, and LLC follows (IEEE 802.3 clause 3.2.6)."""

MIN_TYPE = 0x0600

LINK_BYTES = 512
"""Bytes of a packet that link-layer addresses are looked for in (a radiotap header is rarely above 64)."""

TAG_SIZES = {0x8100: 4, 0x88A8: 4, 0x9100: 4, 0x9200: 4, 0x9300: 4, 0x893F: 8, 0x8926: 6, 0x892F: 6}
"""Ethernet types of tags -> bytes from after that type to after the next one, which ends the tag: VLAN tags,
802.1BR E-TAG, VN-TAG, HSR."""

TAG_TYPES = np.array(sorted(TAG_SIZES), dtype=np.int64)

NULL_FAMILIES = {2: layer.IPV4, 10: layer.IPV6, 23: layer.IPV6, 24: layer.IPV6, 28: layer.IPV6, 30: layer.IPV6}
"""AF_ values of BSD loopback headers: IPv6 has another number on each system."""

ETHERNET = np.dtype([("dst_high", ">u4"), ("rest", "V8"), ("type", ">u2")])
TAG = np.dtype([("data", "V2"), ("type", ">u2")])
LLC = np.dtype(
    [("dsap", "u1"), ("ssap", "u1"), ("control", "u1"), ("oui_high", "u1"), ("oui_low", ">u2"), ("type", ">u2")]
)
SLL = np.dtype([("packet_type", ">u2"), ("hardware", ">u2"), ("rest", "V10"), ("type", ">u2")])
SLL2 = np.dtype([("type", ">u2"), ("rest", "V6"), ("hardware", ">u2"), ("end", "V10")])
NULL = np.dtype([("family", "<u4")])
NIBBLE = np.dtype([("version", "u1")])
ISL_DESTINATIONS = (0x01000C00, 0x0C000C00)
ISL_HEADER = 26


def ethernet(cursors: Cursors, columns: Columns) -> Cursors:
    """Read Ethernet headers (IEEE 802.3 clause 3), and Cisco ISL, which wraps a whole frame in another."""
    header = cursors.header(ETHERNET)
    cursors, header = _whole(cursors, columns, header, "Ethernet", ETHERNET.itemsize)
    kind = header["type"].astype(np.int64)
    high = header["dst_high"]
    out = _typed(cursors.advance(ETHERNET.itemsize, kind))
    isl = (high == ISL_DESTINATIONS[0]) | (high == ISL_DESTINATIONS[1])
    if isl.any():
        isl &= kind <= MAX_LENGTH
        out.layer[isl] = layer.ETHERNET
        out.at[isl] += ISL_HEADER - ETHERNET.itemsize
        # A length field of ISL counts differently from LLC's: back to the bounds of the packet.
        out.end[isl] = cursors.end[isl]
        out.wire[isl] = cursors.wire[isl]
    return out


def _typed(cursors: Cursors) -> Cursors:
    """Turn type fields that are lengths into LLC, bounded by that length."""
    length = cursors.layer <= MAX_LENGTH
    if not length.any():
        return cursors
    limit = np.where(length, cursors.layer, np.iinfo(np.int32).max)
    out = cursors.bounded(limit)
    out.layer = np.where(length, layer.LLC, cursors.layer)
    return out


def tags(cursors: Cursors, columns: Columns) -> Cursors:
    """Peel one tag off each frame; ``layer`` says which tag it is."""
    size: Ints = np.zeros(len(cursors), dtype=np.int64)
    for number, bytes_on in TAG_SIZES.items():
        size[cursors.layer == number] = bytes_on
    short = cursors.have < size
    if short.any():
        columns.cut_short(cursors, short, "VLAN tag", 4)
        cursors, size = cursors.take(~short), size[~short]
    kind = cursors.advance(size - TAG.itemsize, 0).header(TAG)["type"].astype(np.int64)
    return _typed(cursors.advance(size, kind))


def llc(cursors: Cursors, columns: Columns) -> Cursors:
    """Read LLC; only SNAP with an Ethernet type (RFC 1042) and the old IP service point go on."""
    header = cursors.header(LLC)
    snap = (header["dsap"] == 0xAA) & (header["ssap"] == 0xAA) & (cursors.have >= LLC.itemsize)
    snap &= (header["oui_high"] == 0) & ((header["oui_low"] == 0) | (header["oui_low"] == 0x00F8))
    plain_ip = (header["dsap"] == 0x06) & (header["ssap"] == 0x06) & (header["control"] == 0x03)
    next_layer = np.where(snap, header["type"], layer.NOTHING).astype(np.int64)
    next_layer[plain_ip] = layer.IP
    return cursors.advance(np.where(snap, 8, 3), next_layer)


def linux_cooked(cursors: Cursors, columns: Columns) -> Cursors:
    """Read LINKTYPE_LINUX_SLL (113)."""
    header = cursors.header(SLL)
    cursors, header = _whole(cursors, columns, header, "Linux cooked", SLL.itemsize)
    return cursors.advance(SLL.itemsize, _cooked_type(header))


def linux_cooked2(cursors: Cursors, columns: Columns) -> Cursors:
    """Read LINKTYPE_LINUX_SLL2 (276)."""
    header = cursors.header(SLL2)
    cursors, header = _whole(cursors, columns, header, "Linux cooked v2", SLL2.itemsize)
    return cursors.advance(SLL2.itemsize, _cooked_type(header))


def _cooked_type(header: Header) -> Ints:
    kind: Ints = header["type"].astype(np.int64)
    # Below 0x600 the field is one of Linux's own numbers: 4 is LLC, the others hold nothing that is read here.
    small = kind < MIN_TYPE
    if small.any():
        kind[small] = np.where(kind[small] == 4, layer.LLC, layer.NOTHING)
    return kind


def null(cursors: Cursors, columns: Columns) -> Cursors:
    """Read LINKTYPE_NULL (0) and LINKTYPE_LOOP (108): an AF_ value in the byte order of whoever recorded it."""
    header = cursors.header(NULL)
    cursors, header = _whole(cursors, columns, header, "loopback", NULL.itemsize)
    family = header["family"].astype(np.int64)
    swapped = family > 0xFFFF
    family[swapped] = header["family"][swapped].byteswap().astype(np.int64)
    # Some recorders put an Ethernet type there, in two bytes of their own or after two that mean nothing.
    kind = np.where(family & 0xFFFF >= MIN_TYPE, family & 0xFFFF, layer.NOTHING)
    for number, next_layer in NULL_FAMILIES.items():
        kind[family == number] = next_layer
    return cursors.advance(NULL.itemsize, kind)


def raw(cursors: Cursors, columns: Columns) -> Cursors:
    """Start with an IP header at once (LINKTYPE_RAW, _IPV4, _IPV6 and the DLT_RAW numbers of BSD systems)."""
    return cursors.advance(0, layer.IP)


def either_ip(cursors: Cursors, columns: Columns) -> Cursors:
    """Read the version nibble and say which IP header follows."""
    empty = cursors.have < 1
    if empty.any():
        columns.cut_short(cursors, empty, "IP", 1)
        cursors = cursors.take(~empty)
    version = cursors.header(NIBBLE)["version"] >> 4
    bad = (version != 4) & (version != 6)
    for number in np.unique(version[bad]).tolist():
        columns.book_malformed(cursors.rows[version == number], f"IP version {number} is neither 4 nor 6")
    if bad.any():
        cursors, version = cursors.take(~bad), version[~bad]
    return cursors.advance(0, np.where(version == 4, layer.IPV4, layer.IPV6).astype(np.int64))


def arp(cursors: Cursors, columns: Columns) -> Cursors:
    """Book ARP and reverse ARP messages (RFC 826, RFC 903); eight bytes say what the addresses are."""
    short = cursors.have < 8
    if short.any():
        columns.cut_short(cursors, short, "ARP", 8)
        cursors = cursors.take(~short)
    columns.reset(cursors.rows)
    columns.src[cursors.rows] = -1
    columns.dst[cursors.rows] = -1
    for column in (columns.proto, columns.ttl, columns.ip_id):
        column[cursors.rows] = 0
    columns.book(cursors, Kind.ARP)
    return cursors.take(np.zeros(len(cursors), dtype=np.bool_))


def _whole(
    cursors: Cursors,
    columns: Columns,
    header: Header,
    name: str,
    size: int,
) -> tuple[Cursors, Header]:
    """Keep what has the whole header; book the rest."""
    short = cursors.have < size
    if not short.any():
        return cursors, header
    columns.cut_short(cursors, short, name, size)
    return cursors.take(~short), header[~short]


STEPS: tuple[tuple[int, Callable[[Cursors, Columns], Cursors]], ...] = (
    (layer.ETHERNET, ethernet),
    *((layer.LINK + number, raw) for number in (12, 14, 101, 228, 229)),
    *((layer.LINK + number, null) for number in (0, 108)),
    (layer.LINK + 113, linux_cooked),
    (layer.LINK + 276, linux_cooked2),
    (layer.LLC, llc),
    (layer.IP, either_ip),
    (layer.ARP, arp),
    (layer.RARP, arp),
)
"""What is read as a vector, by the number of the header; tags and IP have their own places in ``decode``."""


@dataclass(frozen=True, slots=True)
class LinkAddresses:
    """Link-layer addresses of one packet, lower case with colons; None where the link layer has none.

    Attributes:
        vlan: the outermost VLAN id, None when untagged.
    """

    src_mac: str | None
    dst_mac: str | None
    vlan: int | None


def link_addresses(table: PacketTable | PacketIndex, rows: Iterable[int]) -> list[LinkAddresses]:
    """Read the link-layer addresses of a few packets from their bytes.

    Args:
        table: the packet table, or the index it was made from.
        rows: rows (frame - 1), in any order.

    Returns:
        One item per row, in the order asked for.
    """
    index = table.index if isinstance(table, PacketTable) else table
    return [_addresses(index, int(row)) for row in rows]


def _addresses(index: PacketIndex, row: int) -> LinkAddresses:
    size = int(index.caplen[row])
    packet = index.data.read(int(index.offset[row]), min(size, LINK_BYTES))
    link_type = index.interfaces[int(index.interface[row])].link_type
    src: bytes | None = None
    dst: bytes | None = None
    vlan: int | None = None
    if link_type == 1 and size >= 14:
        dst, src = packet[:6], packet[6:12]
        vlan = _vlan(packet, 12)
    elif link_type == 113 and size >= 16:
        length = int.from_bytes(packet[4:6], "big")
        src = packet[6:12] if length == 6 else None
        vlan = _vlan(packet, 14)
    elif link_type == 276 and size >= 20:
        src = packet[12:18] if packet[11] == 6 else None
        vlan = int.from_bytes(packet[20:22], "big") & 0xFFF if packet[:2] in _VLAN_TYPES and size >= 22 else None
    else:
        src, dst = wireless_addresses(link_type, packet)
    return LinkAddresses(_mac(src), _mac(dst), vlan)


_VLAN_TYPES = tuple(kind.to_bytes(2, "big") for kind in (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300))


def _vlan(packet: bytes, at: int) -> int | None:
    if packet[at : at + 2] not in _VLAN_TYPES or len(packet) < at + 4:
        return None
    return int.from_bytes(packet[at + 2 : at + 4], "big") & 0xFFF


def _mac(address: bytes | None) -> str | None:
    return address.hex(":") if address is not None and len(address) == 6 else None
