"""IPv4 and IPv6 headers as vectors, and the chain of extension headers.

Rules
    1. The IP length bounds the packet (Ethernet padding and trailers fall away), the captured bytes bound reading.
       A length of zero means segmentation offload: the packet as it was seen on the wire counts.
       A length beyond the packet is believed only up to the packet's own wire length.
    2. Addresses become ids at once; what follows only sees rows.
    3. A fragment whose bytes were all captured goes to reassembly. One that was cut cannot be put together:
       then the first still shows its transport header, as in Wireshark, and the others stay fragments.

Sources: RFC 791, RFC 8200 (extension headers, section 4), RFC 4302 (AH), RFC 2675 (jumbograms), RFC 6946 (atomic
fragments).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.columns import Columns
from analyzer.decode.gather import Cursors, Ints, Mask
from analyzer.decode.table import Kind

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
EXTENSIONS = np.zeros(256, dtype=np.bool_)
EXTENSIONS[[HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION, 135, 139, 140]] = True
"""Next header values that are extension headers: also mobility, HIP and shim6."""

MAX_EXTENSIONS = 256
"""Extension headers followed in one packet; each round is a pass, and real packets have up to five."""

IPV4 = np.dtype(
    [
        ("version_length", "u1"),
        ("tos", "u1"),
        ("length", ">u2"),
        ("id", ">u2"),
        ("fragment", ">u2"),
        ("ttl", "u1"),
        ("proto", "u1"),
        ("checksum", ">u2"),
        ("src", ">u4"),
        ("dst", ">u4"),
    ]
)
IPV6 = np.dtype(
    [
        ("version", "u1"),
        ("rest", "V3"),
        ("length", ">u2"),
        ("next", "u1"),
        ("hops", "u1"),
        ("src_high", ">u8"),
        ("src_low", ">u8"),
        ("dst_high", ">u8"),
        ("dst_low", ">u8"),
    ]
)
EXTENSION = np.dtype([("next", "u1"), ("length", "u1"), ("offset", ">u2"), ("id", ">u4")])

V4_MORE, V4_OFFSET = 0x2000, 0x1FFF
V6_MORE, V6_OFFSET = 0x0001, 0xFFF8


@dataclass(slots=True)
class Fragments:
    """Fragments whose bytes are all there, at the start of their data (struct of arrays, all (m,)).

    Attributes:
        cursors: before the fragment's data; ``layer`` is the protocol of the datagram.
        version: 4 or 6, for all.
        offset: int64, bytes from the start of the datagram.
        more: bool, not the last one.
        ident: int64, the identification field.
    """

    cursors: Cursors
    version: int
    offset: Ints
    more: Mask
    ident: Ints


def ipv4(cursors: Cursors, columns: Columns) -> tuple[Cursors, list[Fragments]]:
    """Read IPv4 headers (RFC 791 section 3.1).

    Returns:
        Cursors after the header with the protocol as their ``layer``, and the fragments.
    """
    header = cursors.header(IPV4)
    size = (header["version_length"].astype(np.int64) & 0x0F) * 4
    length = header["length"].astype(np.int64)
    room = cursors.wire - cursors.at
    good = (cursors.have >= IPV4.itemsize) & (header["version_length"] >> 4 == 4) & (size >= IPV4.itemsize)
    good &= (length >= size) | (length == 0)
    if not good.all():
        _bad_ipv4(cursors, columns, header["version_length"], size, ~good)
        cursors, header, size, length, room = cursors.take(good), header[good], size[good], length[good], room[good]
    rows = cursors.rows
    columns.reset(rows)
    columns.src[rows] = columns.hosts.ids4(header["src"])
    columns.dst[rows] = columns.hosts.ids4(header["dst"])
    columns.proto[rows] = header["proto"]
    columns.ttl[rows] = header["ttl"]
    columns.ip_id[rows] = header["id"]
    offload = length == 0
    if offload.any():
        length[offload] = room[offload]
    after = cursors.bounded(length).advance(size, header["proto"].astype(np.int64))
    word = header["fragment"]
    piece = (word & (V4_MORE | V4_OFFSET)) != 0
    if not piece.any():
        return after, []
    fragments = Fragments(
        after, 4, (word & V4_OFFSET).astype(np.int64) * 8, (word & V4_MORE) != 0, header["id"].astype(np.int64)
    )
    return _split_fragments(fragments, piece, columns)


def _bad_ipv4(cursors: Cursors, columns: Columns, first: NDArray[np.uint8], size: Ints, bad: Mask) -> None:
    short = bad & (cursors.have < IPV4.itemsize)
    columns.cut_short(cursors, short, "IPv4", IPV4.itemsize)
    rest = bad & ~short
    version = first >> 4
    wrong = rest & (version != 4)
    for number in np.unique(version[wrong]).tolist():
        columns.book_malformed(cursors.rows[wrong & (version == number)], f"version {number} in an IPv4 header")
    rest &= ~wrong
    tiny = rest & (size < IPV4.itemsize)
    for number in np.unique(size[tiny]).tolist():
        columns.book_malformed(cursors.rows[tiny & (size == number)], f"IPv4 header length {number} below 20")
    columns.book_malformed(cursors.rows[rest & ~tiny], "IPv4 total length below its header length")


def ipv6(cursors: Cursors, columns: Columns) -> tuple[Cursors, list[Fragments]]:
    """Read IPv6 headers and follow their extension headers (RFC 8200 sections 3 and 4).

    Returns:
        Cursors before the upper-layer header with its protocol as their ``layer``, and the fragments.
    """
    header = cursors.header(IPV6)
    version = header["version"] >> 4
    good = (cursors.have >= IPV6.itemsize) & (version == 6)
    if not good.all():
        short = cursors.have < IPV6.itemsize
        columns.cut_short(cursors, short, "IPv6", IPV6.itemsize)
        for number in np.unique(version[~good & ~short]).tolist():
            which = ~good & ~short & (version == number)
            columns.book_malformed(cursors.rows[which], f"version {number} in an IPv6 header")
        cursors, header = cursors.take(good), header[good]
    rows = cursors.rows
    columns.reset(rows)
    columns.src[rows] = columns.hosts.ids6(header["src_high"], header["src_low"])
    columns.dst[rows] = columns.hosts.ids6(header["dst_high"], header["dst_low"])
    columns.proto[rows] = header["next"]
    columns.ttl[rows] = header["hops"]
    columns.ip_id[rows] = 0
    length = header["length"].astype(np.int64) + IPV6.itemsize
    # Zero: a jumbogram, whose length is in a hop-by-hop option, or segmentation offload. Either way the wire knows.
    unknown = length == IPV6.itemsize
    if unknown.any():
        length[unknown] = (cursors.wire - cursors.at)[unknown]
    after = cursors.bounded(length).advance(IPV6.itemsize, header["next"].astype(np.int64))
    return extensions(after, columns)


def extensions(cursors: Cursors, columns: Columns) -> tuple[Cursors, list[Fragments]]:
    """Follow extension headers until an upper-layer header, a fragment, or the end.

    Args:
        cursors: before a header whose protocol number is ``layer``.

    Returns:
        Cursors before the upper-layer header (``proto`` is booked again), and the fragments.
    """
    at, layer = cursors.at.copy(), cursors.layer.copy()
    fragments: list[Fragments] = []
    finished = np.zeros(len(cursors), dtype=np.bool_)
    todo = np.flatnonzero(EXTENSIONS[layer])
    if not todo.size:
        return cursors, fragments
    changed = todo
    for _ in range(MAX_EXTENSIONS):
        now = Cursors(
            cursors.data, cursors.rows[todo], cursors.start[todo], at[todo], cursors.end[todo], cursors.wire[todo],
            layer[todo],
        )  # fmt: skip
        header = now.header(EXTENSION)
        size = _extension_size(now.layer, header["length"].astype(np.int64))
        is_fragment = now.layer == FRAGMENT
        # Only the first bytes are needed to go on; a header that runs past the end leaves nothing after it.
        short = now.have < np.where(is_fragment, 8, 2)
        if short.any():
            columns.cut_short(now, short, "IPv6 extension", 8)
            finished[todo[short]] = True
        word = header["offset"]
        piece = is_fragment & ~short & ((word & (V6_MORE | V6_OFFSET)) != 0)
        at[todo] += size
        layer[todo] = header["next"]
        if piece.any():
            where = now.take(piece).advance(8, header["next"][piece].astype(np.int64))
            offset = (word[piece] & V6_OFFSET).astype(np.int64)
            found = Fragments(where, 6, offset, (word[piece] & V6_MORE) != 0, header["id"][piece].astype(np.int64))
            columns.proto[where.rows] = header["next"][piece]
            going_on, whole = _split_fragments(found, np.ones(len(where), dtype=np.bool_), columns)
            fragments += whole
            finished[todo[piece]] = True
            # A first fragment cut by snaplen is read like a whole packet: back among those that go on.
            finished[todo[piece][np.isin(where.rows, going_on.rows)]] = False
        todo = todo[EXTENSIONS[layer[todo]] & ~finished[todo]]
        if not todo.size:
            break
    else:
        columns.book_malformed(cursors.rows[todo], f"more than {MAX_EXTENSIONS} IPv6 extension headers")
        finished[todo] = True
    columns.proto[cursors.rows[changed]] = layer[changed]
    after = Cursors(cursors.data, cursors.rows, cursors.start, at, cursors.end, cursors.wire, layer)
    return after.take(~finished), fragments


def _extension_size(kind: Ints, length: Ints) -> Ints:
    """Return header sizes in bytes (RFC 8200 section 4.2; AH counts in 4 bytes, RFC 4302 section 2.2)."""
    size = (length + 1) * 8
    size[kind == AUTHENTICATION] = (length[kind == AUTHENTICATION] + 2) * 4
    size[kind == FRAGMENT] = 8
    return size


def _split_fragments(fragments: Fragments, piece: Mask, columns: Columns) -> tuple[Cursors, list[Fragments]]:
    """Part cursors into those that go on as packets and fragments to put together; book the latter."""
    cursors = fragments.cursors
    length = cursors.wire - cursors.at
    whole = piece & (cursors.end >= cursors.wire) & (length > 0)
    lost = piece & ~whole & ((fragments.offset > 0) | (length <= 0))
    if lost.any():
        columns.book(cursors.take(lost), Kind.FRAGMENT)
    if not whole.any():
        return cursors.take(~lost), []
    kept = cursors.take(whole)
    columns.book(kept, Kind.FRAGMENT)
    return cursors.take(~lost & ~whole), [
        Fragments(kept, fragments.version, fragments.offset[whole], fragments.more[whole], fragments.ident[whole])
    ]
