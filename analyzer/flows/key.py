"""Which connection a TCP segment belongs to: Wireshark's ``tcp.stream``, port reuse included.

A connection is a pair of endpoints; streams are numbered by first frame. A SYN whose sequence number differs from
the base sequence number already known for its direction starts a new stream (the ports were used again); a
repeated SYN with the same number does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, Kind, PacketTable
from analyzer.flows.groups import ranges, stable_order

_SYN_ACK = Flag.SYN | Flag.ACK


@dataclass(frozen=True, slots=True)
class StreamKeys:
    """TCP rows grouped by stream.

    Attributes:
        rows: (n,) int64 packet table rows, sorted by stream and inside a stream by frame.
        first: (streams + 1,) int64 pointers into ``rows``.
        reused: (k,) int64 indices into ``rows`` of SYNs that reused the ports of an earlier connection; each is the
            first of its stream.
        previous: (k,) int64, the stream that had these ports before.
    """

    rows: NDArray[np.int64]
    first: NDArray[np.int64]
    reused: NDArray[np.int64]
    previous: NDArray[np.int64]


def group(table: PacketTable) -> StreamKeys:
    """Sort all TCP rows of a packet table into streams."""
    rows = np.flatnonzero(table.kind == Kind.TCP).astype(np.int64)
    if not rows.size:
        nothing = np.zeros(0, np.int64)
        return StreamKeys(rows, np.zeros(1, np.int64), nothing, nothing)
    rows, head = _by_pair(table, rows)
    splits = _port_reuse(table, rows, head)
    head[splits] = True
    return _number(rows, head, splits)


def _by_pair(table: PacketTable, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Sort rows by their pair of endpoints, frames in order, and mark the first of each pair."""
    src, dst, sport, dport = table.src[rows], table.dst[rows], table.sport[rows], table.dport[rows]
    turned = (src > dst) | ((src == dst) & (sport > dport))  # so that both directions look the same
    columns: list[NDArray[np.integer]] = [
        np.where(turned, dport, sport),
        np.where(turned, sport, dport),
        np.where(turned, dst, src),
        np.where(turned, src, dst),
    ]
    order = np.arange(rows.size)
    for column in columns:  # radix sort, the least important first
        if column.min() != column.max():
            order = order[stable_order(column[order])]
    head = np.zeros(rows.size, np.bool_)
    head[0] = True
    for column in columns:
        ranked = column[order]
        head[1:] |= ranked[1:] != ranked[:-1]
    return rows[order], head


def _port_reuse(table: PacketTable, rows: NDArray[np.int64], head: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the indices of SYNs that begin a new connection on a pair of endpoints already in use.

    Pairs whose SYNs all repeat the pair's very first packet need no look; the rest (few) are walked SYN by SYN.
    """
    first = np.flatnonzero(head)
    syn = np.flatnonzero(((table.flags[rows] & _SYN_ACK) == Flag.SYN) & ~head)
    owner = np.searchsorted(first, syn, side="right") - 1
    lead, again = rows[first[owner]], rows[syn]
    repeats = (
        ((table.flags[lead] & _SYN_ACK) == Flag.SYN)
        & (table.seq[again] == table.seq[lead])
        & (table.src[again] == table.src[lead])
        & (table.sport[again] == table.sport[lead])
    )
    bounds = np.append(first, rows.size)
    found: list[int] = []
    for pair in np.unique(owner[~repeats]).tolist():
        found += _splits_of_pair(table, rows, int(bounds[pair]), int(bounds[pair + 1]))
    return np.array(found, np.int64)


def _splits_of_pair(table: PacketTable, rows: NDArray[np.int64], low: int, high: int) -> list[int]:
    """Walk the SYNs of one pair of endpoints and return where new connections begin.

    A SYN-ACK never begins one, but its number becomes the base of its side (Wireshark's rule).
    """
    own = rows[low:high]
    side = (table.src[own] == table.src[own[0]]) & (table.sport[own] == table.sport[own[0]])
    flags = table.flags[own]
    acks = (flags & Flag.ACK) != 0
    begin = 0
    splits: list[int] = []
    bases: dict[bool, int] = {}  # base sequence number per side of the connection that began at `begin`
    for k in np.flatnonzero(flags & Flag.SYN).tolist():
        mine = bool(side[k])
        if acks[k]:
            bases[mine] = int(table.seq[own[k]])
            continue
        if mine not in bases:
            same = np.flatnonzero(side[begin:k] == mine)
            other = np.flatnonzero((side[begin:k] != mine) & acks[begin:k])
            if same.size and (not other.size or same[0] < other[0]):
                at = begin + int(same[0])
                bases[mine] = int(table.seq[own[at]]) - (0 if flags[at] & Flag.SYN else 1)
            elif other.size:
                bases[mine] = int(table.ack[own[begin + int(other[0])]]) - 1
            else:
                bases[mine] = int(table.seq[own[k]])
        if (bases[mine] - int(table.seq[own[k]])) & 0xFFFFFFFF:
            splits.append(low + k)
            begin, bases = k, {mine: int(table.seq[own[k]])}
    return splits


def _number(rows: NDArray[np.int64], head: NDArray[np.bool_], splits: NDArray[np.int64]) -> StreamKeys:
    """Number the groups by first frame and put them in that order."""
    begin = np.flatnonzero(head)
    sizes = np.diff(np.append(begin, rows.size))
    order = np.argsort(rows[begin], kind="stable")
    first = np.concatenate(([0], np.cumsum(sizes[order])))
    again = np.flatnonzero(np.isin(begin[order], splits))
    stream = np.empty_like(order)
    stream[order] = np.arange(order.size)
    previous = stream[order[again] - 1]  # before numbering, the groups of a pair stand side by side
    return StreamKeys(
        rows[ranges(begin[order], begin[order] + sizes[order])],
        first,
        first[again],
        previous,
    )
