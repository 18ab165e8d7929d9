"""Who hands IP packets to whom on the wire: hardware addresses beside IP addresses, one row for each four of them.

Only Ethernet frames whose own IP header is the one the packet table holds are counted: inside a tunnel the addresses
belong to another network than the hardware addresses do. Broadcast and multicast frames go to nobody in particular.

Sources: IEEE 802.3 clause 3, IEEE 802.1Q clause 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.gather import gather
from analyzer.decode.link import TAG_TYPES
from analyzer.decode.table import Kind, PacketTable

Ints = NDArray[np.int64]

ETHERNET = np.dtype(
    [
        ("to_high", ">u2"),
        ("to_low", ">u4"),
        ("from_high", ">u2"),
        ("from_low", ">u4"),
        ("type", ">u2"),
        ("tag", "V2"),
        ("inner", ">u2"),
    ]
)
WORD = np.dtype([("word", ">u4")])
IP4, IP6 = 0x0800, 0x86DD
LINK_ETHERNET = 1
GROUP_BIT = 1 << 40
"""Set in addresses that mean several stations (IEEE 802 clause 8.2)."""

_IP_KINDS = (Kind.TCP, Kind.UDP, Kind.ICMP, Kind.OTHER_IP)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


@dataclass(frozen=True, slots=True)
class Hops:
    """Columns, one row for each (sender's MAC, receiver's MAC, source, destination), in order of the first frame.

    Attributes:
        from_mac, to_mac: (n,) int64, the six bytes as a number.
        src, dst: (n,) int32 into ``hosts`` of the packet table.
        packets: (n,) int64; first, last: (n,) int64, rows of the packet table (frame - 1).
    """

    from_mac: Ints
    to_mac: Ints
    src: NDArray[np.int32]
    dst: NDArray[np.int32]
    packets: Ints
    first: Ints
    last: Ints

    def __len__(self) -> int:
        return int(self.src.size)


def mac_text(number: int) -> str:
    """Write a MAC given as a number."""
    return number.to_bytes(6, "big").hex(":")


def hops(table: PacketTable) -> Hops:
    """Group the IP packets of a capture by the stations that handed them over and the hosts they are between."""
    rows = np.flatnonzero(_countable(table))
    from_mac, to_mac, whole = _stations(table, rows)
    rows, from_mac, to_mac = rows[whole], from_mac[whole], to_mac[whole]
    mixed = keys(from_mac, to_mac, table.src[rows], table.dst[rows])
    _, first, group, count = np.unique(mixed, return_index=True, return_inverse=True, return_counts=True)
    last = np.zeros(first.size, np.int64)
    np.maximum.at(last, group, rows)
    order = np.argsort(first)
    at = first[order]
    return Hops(
        from_mac[at],
        to_mac[at],
        table.src[rows[at]],
        table.dst[rows[at]],
        count[order].astype(np.int64),
        rows[at].astype(np.int64),
        last[order],
    )


def _countable(table: PacketTable) -> NDArray[np.bool_]:
    """Return (packets,) bool: IP over Ethernet, with both addresses."""
    index = table.index
    ethernet = np.array([i.link_type == LINK_ETHERNET for i in index.interfaces] or [False], np.bool_)
    found = np.isin(table.kind, _IP_KINDS) & (table.src >= 0) & (table.dst >= 0)
    found &= index.caplen >= ETHERNET.itemsize
    if not ethernet.all():
        found &= ethernet[index.interface]
    return np.asarray(found)


def _stations(table: PacketTable, rows: NDArray[np.intp]) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Return (sender's MAC, receiver's MAC, whether the row counts) of some rows."""
    starts = table.index.offset[rows].astype(np.int64)
    from_mac, to_mac = np.zeros(rows.size, np.int64), np.zeros(rows.size, np.int64)
    outer = np.zeros(rows.size, np.bool_)
    data = table.index.data.array
    four = table.hosts[:, 0] == 4
    # Of an IPv6 address the last word is compared: the first ones are the network's, which a tunnel may share.
    own = np.where(four[:, None], table.hosts[:, 1:5], table.hosts[:, 13:17]).copy().view(">u4")[:, 0]
    family = np.where(four, IP4, IP6)
    for span in table.index.data.spans(starts):
        header = gather(data, starts[span], ETHERNET)
        to_mac[span] = header["to_high"].astype(np.int64) << 32 | header["to_low"]
        from_mac[span] = header["from_high"].astype(np.int64) << 32 | header["from_low"]
        kind = header["type"].astype(np.int64)
        tagged = (kind != IP4) & (kind != IP6) & np.isin(kind, TAG_TYPES)
        kind = np.where(tagged, header["inner"], kind)
        at = starts[span] + np.where(tagged, 18, 14) + np.where(kind == IP4, 12, 20)
        word = gather(data, at, WORD)["word"]
        src = table.src[rows[span]]
        outer[span] = (kind == family[src]) & (word == own[src])
    return from_mac, to_mac, outer & (to_mac & GROUP_BIT == 0) & (to_mac != 0)


def keys(*columns: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Mix columns into one number per row; among 2^64 keys two of a capture do not meet by chance."""
    mixed = np.zeros(columns[0].size, np.uint64)
    for column in columns:
        mixed = (mixed ^ column.astype(np.uint64)) * _MIX
        mixed ^= mixed >> _SHIFT
    return mixed
