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
from analyzer.flows.groups import stable_order

_SYN_ACK = Flag.SYN | Flag.ACK


@dataclass(frozen=True, slots=True)
class StreamKeys:
    """TCP rows grouped by stream.

    Attributes:
        rows: (n,) int64 packet table rows, sorted by stream and inside a stream by frame.
        first: (streams + 1,) int64 pointers into ``rows``.
        reused: (k,) int64 indices into ``rows`` of SYNs that reused the ports of an earlier connection.
    """

    rows: NDArray[np.int64]
    first: NDArray[np.int64]
    reused: NDArray[np.int64]


def group(table: PacketTable) -> StreamKeys:
    """Sort all TCP rows of a packet table into streams."""
    rows = np.flatnonzero(table.kind == Kind.TCP).astype(np.int64)
    if not rows.size:
        return StreamKeys(rows, np.zeros(1, np.int64), np.zeros(0, np.int64))
    pair = _pair_ids(table, rows)
    order = stable_order(pair)
    rows, pair = rows[order], pair[order]
    head = np.ones(rows.size, np.bool_)
    head[1:] = pair[1:] != pair[:-1]
    splits = _port_reuse(table, rows, head)
    head[splits] = True
    return _number(rows, head, splits)


def _pair_ids(table: PacketTable, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n,) int64 ids, equal exactly for the two directions of one pair of endpoints, and small."""
    a = (table.src[rows].astype(np.int64) << 16) | table.sport[rows]
    b = (table.dst[rows].astype(np.int64) << 16) | table.dport[rows]
    low, high = np.minimum(a, b), np.maximum(a, b)
    span = (len(table.hosts) + 1) << 16
    if span < 1 << 31:
        key = low * span + high
    else:  # too many hosts for one product: number the endpoints first
        _, numbered = np.unique(np.concatenate((low, high)), return_inverse=True)
        key = numbered[: rows.size].astype(np.int64) * (2 * rows.size) + numbered[rows.size :]
    _, ids = np.unique(key, return_inverse=True)
    return np.asarray(ids, np.int64)


def _port_reuse(table: PacketTable, rows: NDArray[np.int64], head: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the indices of SYNs that begin a new connection on a pair of endpoints already in use.

    Pairs whose SYNs all repeat the pair's very first packet need no look; the rest (few) are walked SYN by SYN.
    """
    first = np.flatnonzero(head)
    owner = np.cumsum(head) - 1
    flags = table.flags[rows]
    syn = (flags & _SYN_ACK) == Flag.SYN
    lead = first[owner]
    repeats = (
        syn[lead]
        & (table.seq[rows] == table.seq[rows[lead]])
        & (table.src[rows] == table.src[rows[lead]])
        & (table.sport[rows] == table.sport[rows[lead]])
    )
    doubtful = np.flatnonzero(syn & ~head & ~repeats)
    if not doubtful.size:
        return doubtful
    bounds = np.append(first, rows.size)
    found: list[int] = []
    for pair in np.unique(owner[doubtful]).tolist():
        found += _splits_of_pair(table, rows, int(bounds[pair]), int(bounds[pair + 1]))
    return np.array(found, np.int64)


def _splits_of_pair(table: PacketTable, rows: NDArray[np.int64], low: int, high: int) -> list[int]:
    """Walk the SYNs of one pair of endpoints and return where new connections begin."""
    own = rows[low:high]
    side = (table.src[own] == table.src[own[0]]) & (table.sport[own] == table.sport[own[0]])
    flags = table.flags[own]
    acks = (flags & Flag.ACK) != 0
    begin = 0
    splits: list[int] = []
    bases: dict[bool, int] = {}  # base sequence number per side of the connection that began at `begin`
    for k in np.flatnonzero((flags & _SYN_ACK) == Flag.SYN).tolist():
        mine = bool(side[k])
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
    """Number the groups by first frame and sort the rows accordingly."""
    group_of = np.cumsum(head) - 1
    leads = rows[head]
    rank = np.empty(leads.size, np.int64)
    rank[np.argsort(leads, kind="stable")] = np.arange(leads.size)
    stream = rank[group_of]
    order = stable_order(stream)
    reused_rows = rows[splits]
    rows = rows[order]
    counts = np.bincount(stream, minlength=leads.size)
    first = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    # Inside a stream the order is by row already: both sorts are stable and rows began in file order.
    reused = np.flatnonzero(np.isin(rows, reused_rows)) if reused_rows.size else np.zeros(0, np.int64)
    return StreamKeys(rows, first, reused)
