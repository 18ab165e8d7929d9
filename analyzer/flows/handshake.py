"""How each connection was opened: frames, times, options, for all connections at once.

Definitions: MEASURES "TCP, per connection". ``connect_ms`` runs from the first SYN to the ACK of the SYN-ACK (what the
user waited); ``initial_rtt_ms`` from the *latest* SYN (Wireshark's number); ``syn_loss_ms`` from the first SYN to
the one that was answered. The legs split the rest at the SYN-ACK.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows import options
from analyzer.flows.model import HANDSHAKES
from analyzer.flows.segments import Sorted
from analyzer.units import NS_PER_MS

_SYN_ACK = Flag.SYN | Flag.ACK
_MAX_HANDSHAKE_ACK = 1 << 30
"""The final ACK may already cover data, but not a gigabyte of it (then it belongs to something else)."""


@dataclass(slots=True)
class Handshakes:
    """Per stream; indices are into the sorted segments, -1 is none; durations float64 ms, NaN is unknown."""

    kind: NDArray[np.uint8]
    syn: NDArray[np.int64]
    answered_syn: NDArray[np.int64]
    opening_ack: NDArray[np.int64]
    synack: NDArray[np.int64]
    ack: NDArray[np.int64]
    connect_ms: NDArray[np.float64]
    syn_loss_ms: NDArray[np.float64]
    initial_rtt_ms: NDArray[np.float64]
    server_leg_ms: NDArray[np.float64]
    client_leg_ms: NDArray[np.float64]
    mss: NDArray[np.int64]  # (2, streams), row 0 the server's, row 1 the client's, -1 unknown
    offered_scale: NDArray[np.int64]  # (2, streams), as the SYNs have it, -1 without
    scale: NDArray[np.int64]  # (2, streams), -1 unknown or not used
    sack: NDArray[np.int8]  # (streams,) 1, 0, -1 unknown
    timestamps: NDArray[np.int8]
    fast_open: NDArray[np.int8]
    ecn: NDArray[np.int8]


def read(table: PacketTable, s: Sorted) -> Handshakes:
    """Find and time the handshake of every stream."""
    g, flags = s.groups, s.flags
    is_syn = (flags & _SYN_ACK) == Flag.SYN
    is_synack = (flags & _SYN_ACK) == _SYN_ACK
    syn, synack = s.syn, s.synack
    before_answer = is_syn & s.client & ((synack[g.of] < 0) | (np.arange(g.size) < synack[g.of]))
    answered = g.last_where(before_answer)
    ack = _final_ack(s, synack)
    opening = _opening_ack(s, is_syn)
    latest = g.last_where(is_syn & ((opening[g.of] < 0) | (np.arange(g.size) < opening[g.of])))
    last_synack = g.last_where(is_synack & ((ack[g.of] < 0) | (np.arange(g.size) < ack[g.of])))
    both = _options(table, s)
    return Handshakes(
        _kinds(s, syn, synack, ack),
        syn,
        answered,
        opening,
        synack,
        ack,
        _ms(s.time, syn, ack),
        _ms(s.time, syn, np.where(synack >= 0, answered, -1)),
        _ms(s.time, latest, opening),
        _ms(s.time, answered, synack),
        _ms(s.time, last_synack, ack),
        *both,
    )


def _ms(time: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the milliseconds between two segments, NaN where one is missing."""
    known = (start >= 0) & (end >= 0)
    out = np.full(start.size, np.nan)
    out[known] = (time[end[known]] - time[start[known]]) / NS_PER_MS
    return out


def _final_ack(s: Sorted, synack: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first later segment of the other side that acknowledges the SYN-ACK (data may ride on it)."""
    g = s.groups
    if not g.size:
        return np.full(g.count, -1, np.int64)
    answer = synack[g.of]
    has = answer >= 0
    above = s.ack - s.seq[answer]
    wanted = (
        has
        & (np.arange(g.size) > answer)
        & ((s.flags & (Flag.SYN | Flag.RST | Flag.ACK)) == Flag.ACK)
        & (s.client != s.client[answer])
        & (above > 0)
        & (above <= _MAX_HANDSHAKE_ACK)
    )
    return g.first_where(wanted)


def _opening_ack(s: Sorted, is_syn: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the segment that ends Wireshark's initial round trip: the first with ACK and without SYN after a SYN.

    Usually the final ACK of the handshake; in a one-sided capture or a refusal it is what comes closest. A round trip
    of zero (a coarse clock) does not count for Wireshark: it goes on to the next ACK, if there is one.
    """
    g = s.groups
    latest = g.last_index(is_syn, before=True)
    acks = (latest >= 0) & ((s.flags & _SYN_ACK) == Flag.ACK)
    took_time = g.first_where(acks & (s.time != s.time[latest]))
    return np.where(took_time >= 0, took_time, g.first_where(acks))


def _kinds(s: Sorted, syn: NDArray[np.int64], synack: NDArray[np.int64], ack: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Name each handshake (codes into HANDSHAKES)."""
    g = s.groups
    is_syn = (s.flags & _SYN_ACK) == Flag.SYN
    other_syn = g.first_where(is_syn & ~s.client) >= 0
    is_synack = (s.flags & _SYN_ACK) == _SYN_ACK
    client_synack = g.first_where(is_synack & s.client) >= 0
    server_synack = g.first_where(is_synack & ~s.client) >= 0
    reset = g.first_where(((s.flags & Flag.RST) != 0) & ~s.client)
    out = np.full(g.count, HANDSHAKES.index("midstream"), np.uint8)
    rules: tuple[tuple[str, NDArray[np.bool_]], ...] = (
        ("midstream", (syn < 0) & (synack < 0)),
        # A split handshake (RFC 793 allowed it) answers the SYN with a bare SYN, which the client then acknowledges.
        ("split", (syn >= 0) & other_syn & client_synack & ~server_synack),
        ("simultaneous", (syn >= 0) & other_syn),
        ("complete", (synack >= 0) & (ack >= 0)),
        ("refused", (syn >= 0) & (synack < 0) & (reset >= 0) & (reset == g.first_where(~s.client))),
        ("no_final_ack", synack >= 0),
        ("no_synack", syn >= 0),
    )
    open_ = np.ones(g.count, np.bool_)
    for name, applies in rules:
        out[open_ & applies] = HANDSHAKES.index(name)
        open_ &= ~applies
    return out


def _options(
    table: PacketTable, s: Sorted
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int8],
    NDArray[np.int8],
    NDArray[np.int8],
    NDArray[np.int8],
]:
    """Return (mss, offered scale, scale, sack, timestamps, fast open, ecn).

    An option counts as agreed when both sides sent it.
    """
    n = s.groups.count
    mss, scale = np.full((2, n), -1, np.int64), np.full((2, n), -1, np.int64)
    flags = np.zeros((2, 4, n), np.bool_)
    seen = np.zeros((2, n), np.bool_)
    for side, at in enumerate(s.opening):
        have = at >= 0
        read_ = options.read(table, s.rows[at[have]])
        mss[side, have], scale[side, have] = read_.mss, read_.scale
        flags[side, 0, have], flags[side, 1, have] = read_.sack, read_.timestamps
        flags[side, 2, have] = read_.fast_open
        bits = s.flags[at[have]]
        # RFC 3168 section 6.1.1: a SYN asks with both bits, a SYN-ACK agrees with one.
        asked = np.where(bits & Flag.ACK, Flag.ECE, Flag.ECE | Flag.CWR)
        flags[side, 3, have] = (bits & (Flag.ECE | Flag.CWR)) == asked
        seen[side, have] = True
    known = seen.all(axis=0)
    used = np.where(known & (scale < 0).any(axis=0), -1, scale)  # RFC 7323 section 2.2: both must send it
    agreed = [np.where(known, flags[:, k].all(axis=0), -1).astype(np.int8) for k in range(4)]
    agreed[2] = np.where(seen.any(axis=0), flags[:, 2].any(axis=0), -1).astype(np.int8)
    return mss, scale, used, agreed[0], agreed[1], agreed[2], agreed[3]


def window_scales(s: Sorted, h: Handshakes) -> NDArray[np.int64]:
    """Return (n,) int64: the shift of each segment's sender, -1 unknown.

    A side that did not ask to scale settles it for both: nobody scales (RFC 7323 section 2.2). Nothing is known before
    the SYN that says so.
    """
    silent = np.where((s.opening >= 0) & (h.offered_scale < 0), s.opening, s.groups.size).min(axis=0)
    settled = silent < s.groups.size
    shift = np.where(settled, 0, h.offered_scale)
    since = np.where(settled, silent, s.opening)
    side = s.client.astype(np.int8)
    known = np.arange(s.groups.size) >= since[side, s.groups.of]
    return np.where(known, shift[side, s.groups.of], -1)


def syn_lists(s: Sorted) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return (SYN frames, SYN-ACK frames) of the streams that have more than one of either."""
    is_syn, is_synack = (s.flags & _SYN_ACK) == Flag.SYN, (s.flags & _SYN_ACK) == _SYN_ACK
    many = (s.groups.count_where(is_syn) > 1) | (s.groups.count_where(is_synack) > 1)
    out: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    for stream in np.flatnonzero(many).tolist():
        part = slice(int(s.groups.first[stream]), int(s.groups.first[stream + 1]))
        frames = s.rows[part] + 1
        out[stream] = tuple(frames[is_syn[part]].tolist()), tuple(frames[is_synack[part]].tolist())
    return out
