"""From packet table rows to segments sorted by connection, with positions instead of wrapping numbers.

Also decides which side is the client: the sender of the first SYN; else the receiver of the first SYN-ACK; else
the side with the higher port (servers listen on known, lower ones); with equal ports the sender of the first packet.

Source of the base sequence number rule (first segment, or what the other side acknowledges, whichever is earlier):
RFC 9293 section 3.4, read the way Wireshark counts relative numbers, so that both show the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows.groups import NOTHING, Groups, ranges, stable_order
from analyzer.flows.key import StreamKeys
from analyzer.flows.model import CLIENT_BY
from analyzer.flows.seq import distance, unwrap

_SYN_ACK = Flag.SYN | Flag.ACK
OPENING = _SYN_ACK | Flag.RST
"""Flags that tell a SYN and a SYN/ACK from other segments: one with RST opens nothing (RFC 9293 section 3.10.7)."""
_NEAR = 1 << 30
"""Positions up to here are sure not to have passed 2^32: a quarter of it, and twice that between two of them."""


@dataclass(slots=True)
class Sorted:
    """Segments in stream order.

    Attributes:
        groups: the streams; rows: (n,) int64 packet table rows.
        side: (n,) bool, True when sent by the sender of the stream's first segment.
        client: (n,) bool, True when sent by the client; client_by: (streams,) uint8 code into CLIENT_BY.
        flags: (n,) uint16; time: (n,) int64 ns; length: (n,) int64 payload bytes on the wire.
        seq, ack: (n,) int64 relative positions; ``ack`` is NOTHING without the ACK flag.
        syn, synack: (streams,) int64 index of the first SYN and SYN-ACK, -1 without.
        opening: (2, streams) int64 index of the first segment with SYN, ACK or not, of the server (row 0) and the
            client (row 1), -1 without.
        base: (2, streams) uint32, number at position 0 of the server's (row 0) and the client's (row 1) direction.
    """

    groups: Groups
    rows: NDArray[np.int64]
    side: NDArray[np.bool_]
    client: NDArray[np.bool_]
    client_by: NDArray[np.uint8]
    flags: NDArray[np.uint16]
    time: NDArray[np.int64]
    length: NDArray[np.int64]
    seq: NDArray[np.int64]
    ack: NDArray[np.int64]
    syn: NDArray[np.int64]
    synack: NDArray[np.int64]
    opening: NDArray[np.int64]
    base: NDArray[np.uint32]


def sort(table: PacketTable, keys: StreamKeys) -> Sorted:
    """Take the TCP columns into stream order and unwrap sequence and acknowledgement numbers."""
    groups, rows = Groups(keys.first), keys.rows
    flags, sport, src = table.flags[rows], table.sport[rows], table.src[rows]
    lead = keys.first[:-1][groups.of]
    side = (src == src[lead]) & (sport == sport[lead])
    syn = groups.first_where((flags & OPENING) == Flag.SYN)
    synack = groups.first_where((flags & OPENING) == _SYN_ACK)
    lead_is_client, by = _client(table, keys, side, syn, synack)
    client = side == lead_is_client[groups.of]
    has_syn = (flags & Flag.SYN) != 0
    opening = np.stack([groups.first_where((client == mine) & has_syn) for mine in (False, True)])
    base = _bases(table, groups, rows, client, flags, opening)
    seq, ack = _positions(table, groups, rows, client, flags, base)
    return Sorted(
        groups,
        rows,
        side,
        client,
        by,
        flags,
        table.index.time[rows],
        table.payload_len[rows].astype(np.int64),
        seq,
        ack,
        syn,
        synack,
        opening,
        base,
    )


def _client(
    table: PacketTable,
    keys: StreamKeys,
    side: NDArray[np.bool_],
    syn: NDArray[np.int64],
    synack: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """Return per stream whether the sender of the first segment is the client, and the rule that said so."""
    lead = keys.rows[keys.first[:-1]]
    source, target = table.sport[lead], table.dport[lead]
    by_port = source >= target
    rules = (
        (syn >= 0, side[syn] if side.size else side, CLIENT_BY.index("syn")),
        (synack >= 0, ~side[synack] if side.size else side, CLIENT_BY.index("synack")),
        (source != target, by_port, CLIENT_BY.index("port")),
    )
    answer = np.ones(lead.size, np.bool_)
    by = np.full(lead.size, CLIENT_BY.index("first_packet"), np.uint8)
    open_ = np.ones(lead.size, np.bool_)
    for applies, value, code in rules:
        use = open_ & applies
        answer[use], by[use] = value[use], code
        open_ &= ~use
    return answer, by


def _bases(
    table: PacketTable,
    groups: Groups,
    rows: NDArray[np.int64],
    client: NDArray[np.bool_],
    flags: NDArray[np.uint16],
    openings: NDArray[np.int64],
) -> NDArray[np.uint32]:
    """Return (2, streams) uint32: the sequence number before the first data byte, per direction."""
    out = np.zeros((2, groups.count), np.uint32)
    acks = (flags & Flag.ACK) != 0
    for mine in (False, True):
        opening = openings[int(mine)]  # speaks for itself, whatever came before it
        own = np.where(opening >= 0, opening, groups.first_where(client == mine))
        told = groups.first_where((client != mine) & acks)
        use_own = (own >= 0) & ((opening >= 0) | (told < 0) | (own < told))
        at = own[use_own]
        one = ((flags[at] & Flag.SYN) == 0).astype(np.uint32)
        out[int(mine), use_own] = table.seq[rows[at]] - one
        use_told = ~use_own & (told >= 0)
        out[int(mine), use_told] = table.ack[rows[told[use_told]]] - np.uint32(1)
    return out


def _positions(
    table: PacketTable,
    groups: Groups,
    rows: NDArray[np.int64],
    client: NDArray[np.bool_],
    flags: NDArray[np.uint16],
    base: NDArray[np.uint32],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return relative (seq, ack).

    As long as a number stays near the base of its direction its distance from there is its position. Only streams
    that go far (or claim to) are followed step by step, so that they may pass 2^32.
    """
    sizes = np.diff(groups.first)
    server_base, client_base = np.repeat(base[0], sizes), np.repeat(base[1], sizes)
    seq = distance(table.seq[rows], np.where(client, client_base, server_base))
    ack = distance(table.ack[rows], np.where(client, server_base, client_base))
    acks = (flags & Flag.ACK) != 0
    ack[~acks] = NOTHING
    far = groups.any_where((np.abs(seq) > _NEAR) | (acks & (np.abs(ack) > _NEAR)))
    if far.any():
        index = ranges(groups.first[:-1][far], groups.first[1:][far])
        direction = groups.of[index] * 2 + client[index]
        order = stable_order(direction)
        index, direction = index[order], direction[order]
        side = client[index].astype(np.int8)
        seq[index] = unwrap(table.seq[rows[index]], _heads(direction), base[side, groups.of[index]])
        told = acks[index]
        index, direction, side = index[told], direction[told], side[told]
        ack[index] = unwrap(table.ack[rows[index]], _heads(direction), base[1 - side, groups.of[index]])
    return seq, ack


def _heads(ranked: NDArray[np.int64]) -> NDArray[np.bool_]:
    heads = np.ones(ranked.size, np.bool_)
    heads[1:] = ranked[1:] != ranked[:-1]
    return heads
