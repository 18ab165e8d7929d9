"""How each connection was opened: frames, times, options, for all connections at once.

Definitions: MEASURES "TCP, per connection". ``connect_ms`` runs from the first SYN to the ACK of the SYN-ACK (what the
user waited); ``initial_rtt_ms`` from the *latest* SYN (Wireshark's number); ``syn_loss_ms`` from the first SYN to
the one that was answered, not counting those that were answered otherwise (refused, or with an ACK of something older):
they were not lost. The legs split the rest at the SYN-ACK.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows import options
from analyzer.flows.acceptable import MAX_ACKED, answering
from analyzer.flows.groups import Groups, ranges
from analyzer.flows.model import HANDSHAKES
from analyzer.flows.segments import OPENING, Sorted
from analyzer.units import NS_PER_MS

_SYN_ACK = Flag.SYN | Flag.ACK


@dataclass(slots=True)
class Handshakes:
    """Per stream; indices are into the sorted segments, -1 is none; durations float64 ms, NaN is unknown."""

    answers: NDArray[np.bool_]  # (n,) segments that may answer the other side's SYN
    kind: NDArray[np.uint8]
    syn: NDArray[np.int64]
    opening_ack: NDArray[np.int64]
    latest_syn: NDArray[np.int64]  # the last SYN before opening_ack, where Wireshark's initial round trip begins
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
    accurate_ecn: NDArray[np.int8]
    multipath: NDArray[np.int8]


def read(table: PacketTable, s: Sorted) -> Handshakes:
    """Find and time the handshake of every stream."""
    g, flags = s.groups, s.flags
    syns, synacks = (np.flatnonzero((flags & OPENING) == bits) for bits in (Flag.SYN, _SYN_ACK))
    syn, synack = s.syn, s.synack
    answered = g.last_of(_before(g, syns[s.client[syns]], synack))
    answers = answering(g, s.client, s.flags, s.seq, s.ack, s.length)
    ack = _final_ack(s, synack, answers)
    opening = _opening_ack(s, syns)
    latest = g.last_of(_before(g, syns, opening))
    last_synack = g.last_of(_before(g, synacks, ack))
    agreed = _options(table, s)
    return Handshakes(
        answers,
        _kinds(s, syn, synack, ack),
        syn,
        opening,
        latest,
        synack,
        ack,
        _ms(s.time, syn, ack),
        _ms(s.time, _first_lost(s, syns, syn, answered), np.where(synack >= 0, answered, -1)),
        _ms(s.time, latest, opening),
        _ms(s.time, answered, synack),
        _ms(s.time, last_synack, ack),
        agreed.mss,
        agreed.offered_scale,
        agreed.scale,
        agreed.sack,
        agreed.timestamps,
        agreed.fast_open,
        agreed.ecn,
        agreed.accurate_ecn,
        agreed.multipath,
    )


def _before(g: Groups, hits: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of some segments that come before their stream's ``end`` (all of a stream where that is -1)."""
    limit = end[g.of[hits]]
    return hits[(limit < 0) | (hits < limit)]


def _ms(time: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the milliseconds between two segments, NaN where one is missing."""
    known = (start >= 0) & (end >= 0)
    out = np.full(start.size, np.nan)
    out[known] = (time[end[known]] - time[start[known]]) / NS_PER_MS
    return out


def _first_lost(
    s: Sorted, syns: NDArray[np.int64], syn: NDArray[np.int64], answered: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the SYN since which they were lost: the first after the server last spoke, before the answered one."""
    many = np.flatnonzero(answered > syn)
    if not many.size:
        return syn
    g = s.groups
    between = ranges(syn[many], answered[many])
    spoke = g.last_of(between[~s.client[between]])
    mine = syns[s.client[syns]]
    return np.where(spoke >= 0, g.first_of(mine[mine > spoke[g.of[mine]]]), syn)


def _final_ack(s: Sorted, synack: NDArray[np.int64], answers: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the first later segment of the other side that acknowledges the SYN-ACK (data may ride on it)."""

    def acknowledges(index: NDArray[np.int64]) -> NDArray[np.bool_]:
        answer = synack[s.groups.of[index]]
        above = s.ack[index] - s.seq[answer]
        plain = (s.flags[index] & (Flag.SYN | Flag.RST | Flag.ACK)) == Flag.ACK
        other = s.client[index] != s.client[answer]
        return np.asarray(plain & other & answers[index] & (above > 0) & (above <= MAX_ACKED))

    return s.groups.first_after(synack, acknowledges)


def _opening_ack(s: Sorted, syns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the segment that ends Wireshark's initial round trip: the first with ACK and without SYN after a SYN.

    Usually the final ACK of the handshake; in a one-sided capture or a refusal it is what comes closest. A round trip
    of zero (a coarse clock) does not count for Wireshark: it goes on to the next ACK, if there is one.
    """
    g = s.groups
    acks = g.first_after(s.syn, lambda index: (s.flags[index] & _SYN_ACK) == Flag.ACK)
    latest = g.last_of(_before(g, syns, acks))
    at_once = (acks >= 0) & (s.time[acks] == s.time[latest]) if g.size else acks >= 0
    if not at_once.any():
        return acks
    is_syn = np.zeros(g.size, np.bool_)
    is_syn[syns] = True
    since = g.last_index(is_syn, before=True)  # -1 only before the first SYN, where nobody looks
    later = g.first_after(
        np.where(at_once, acks, -1),
        lambda index: ((s.flags[index] & _SYN_ACK) == Flag.ACK) & (s.time[index] != s.time[since[index]]),
    )
    return np.where(later >= 0, later, acks)


def _kinds(s: Sorted, syn: NDArray[np.int64], synack: NDArray[np.int64], ack: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Name each handshake (codes into HANDSHAKES)."""
    g = s.groups
    syns, synacks = (np.flatnonzero((s.flags & OPENING) == bits) for bits in (Flag.SYN, _SYN_ACK))
    other_syn = g.first_of(syns[~s.client[syns]]) >= 0
    client_synack = g.first_of(synacks[s.client[synacks]]) >= 0
    server_synack = g.first_of(synacks[~s.client[synacks]]) >= 0
    first_answer = g.first_where(~s.client)
    refuses = (first_answer >= 0) & ((s.flags[first_answer] & Flag.RST) != 0) if g.size else first_answer >= 0
    # A client that acknowledged something had been answered before, only that was not recorded.
    spoken = s.client & ((s.flags & (Flag.SYN | Flag.RST | Flag.ACK)) == Flag.ACK)
    spoke = g.first_where(spoken)
    refuses &= (spoke < 0) | (first_answer < spoke)
    took_syn = other_syn & g.any_where(spoken & (s.ack > 0)) if other_syn.any() else other_syn
    out = np.full(g.count, HANDSHAKES.index("midstream"), np.uint8)
    rules: tuple[tuple[str, NDArray[np.bool_]], ...] = (
        ("midstream", (syn < 0) & (synack < 0)),
        # A split handshake (RFC 793 allowed it) answers the SYN with a bare SYN, which the client then acknowledges:
        # by SYN-ACK as if both had opened, or by ACK alone.
        ("split", (syn >= 0) & other_syn & (client_synack | took_syn) & ~server_synack),
        ("simultaneous", (syn >= 0) & other_syn),
        ("complete", (synack >= 0) & (ack >= 0)),
        ("refused", (syn >= 0) & (synack < 0) & refuses),
        ("no_final_ack", synack >= 0),
        ("no_synack", syn >= 0),
    )
    open_ = np.ones(g.count, np.bool_)
    for name, applies in rules:
        out[open_ & applies] = HANDSHAKES.index(name)
        open_ &= ~applies
    return out


@dataclass(slots=True)
class _Agreed:
    """What the options of both SYNs settled; fields as in :class:`Handshakes`."""

    mss: NDArray[np.int64]
    offered_scale: NDArray[np.int64]
    scale: NDArray[np.int64]
    sack: NDArray[np.int8]
    timestamps: NDArray[np.int8]
    fast_open: NDArray[np.int8]
    ecn: NDArray[np.int8]
    accurate_ecn: NDArray[np.int8]
    multipath: NDArray[np.int8]


def _options(table: PacketTable, s: Sorted) -> _Agreed:
    """Read the options of both SYNs; one counts as agreed when both sides sent it."""
    n = s.groups.count
    mss, scale = np.full((2, n), -1, np.int64), np.full((2, n), -1, np.int64)
    sack, timestamps, fast_open, multipath, ecn, accurate, seen = (np.zeros((2, n), np.bool_) for _ in range(7))
    for side, at in enumerate(s.opening):
        have = at >= 0
        read_ = options.read(table, s.rows[at[have]])
        mss[side, have], scale[side, have] = read_.mss, read_.scale
        sack[side, have], timestamps[side, have] = read_.sack, read_.timestamps
        fast_open[side, have], multipath[side, have] = read_.fast_open, read_.multipath
        ecn[side, have], accurate[side, have] = _congestion(s.flags[at[have]])
        seen[side, have] = True
    known = seen.all(axis=0)
    used = np.where(known & (scale < 0).any(axis=0), -1, scale)  # RFC 7323 section 2.2: both must send it

    def agreed(offered: NDArray[np.bool_]) -> NDArray[np.int8]:
        return np.where(known, offered.all(axis=0), -1).astype(np.int8)

    either = np.where(seen.any(axis=0), fast_open.any(axis=0), -1).astype(np.int8)
    return _Agreed(
        mss,
        scale,
        used,
        agreed(sack),
        agreed(timestamps),
        either,
        np.maximum(agreed(ecn), agreed(accurate)),
        agreed(accurate),
        agreed(multipath),
    )


_CONGESTION = Flag.ECE | Flag.CWR | Flag.AE


def _congestion(flags: NDArray[np.uint16]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which SYNs and SYN-ACKs speak for classic ECN, and which for accurate ECN.

    Source: RFC 3168 section 6.1.1 (a SYN asks with ECE and CWR, a SYN-ACK agrees with ECE alone); RFC 9768 section 3.1,
    table 2 (a SYN asks with all three bits, so that a server which knows the classic kind only can take it; a SYN-ACK
    agrees with AE, CWR and ECE being 010, 011, 100 or 110, after the mark that the SYN arrived with) and section 3.1.3
    (a client takes the reserved 101 as agreement too). A SYN-ACK with all three is a broken echo of the SYN.
    """
    bits = flags & _CONGESTION
    answer = (flags & Flag.ACK) != 0
    classic = np.where(answer, bits == Flag.ECE, (bits & (Flag.ECE | Flag.CWR)) == (Flag.ECE | Flag.CWR))
    replies = (Flag.CWR, Flag.CWR | Flag.ECE, Flag.AE, Flag.AE | Flag.CWR, Flag.AE | Flag.ECE)
    accurate = np.where(answer, np.isin(bits, [int(r) for r in replies]), bits == _CONGESTION)
    return classic, accurate


def window_scales(s: Sorted, h: Handshakes) -> NDArray[np.int8]:
    """Return (n,) int8: the shift of each segment's sender, -1 unknown.

    A side that did not ask to scale settles it for both: nobody scales (RFC 7323 section 2.2). Nothing is known before
    the SYN that says so.
    """
    silent = np.where((s.opening >= 0) & (h.offered_scale < 0), s.opening, s.groups.size).min(axis=0)
    settled = silent < s.groups.size
    shift = np.where(settled, 0, h.offered_scale).astype(np.int8)
    since = np.where(settled, silent, s.opening)
    out = np.full(s.groups.size, -1, np.int8)
    for mine in (False, True):
        own = s.client == mine
        out[own] = np.repeat(shift[int(mine)], np.diff(s.groups.first))[own]
    early = np.flatnonzero((since > s.groups.first[:-1]).any(axis=0))
    index = ranges(s.groups.first[early], since[:, early].max(axis=0)) if early.size else early
    out[index[index < since[s.client[index].astype(np.int8), s.groups.of[index]]]] = -1
    return out


def syn_lists(s: Sorted) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return (SYN frames, SYN-ACK frames) of the streams that have more than one of either."""
    g = s.groups
    syns, synacks = (np.flatnonzero((s.flags & OPENING) == bits) for bits in (Flag.SYN, _SYN_ACK))
    many = np.zeros(g.count, np.bool_)
    for hits in (syns, synacks):
        many |= np.bincount(g.of[hits], minlength=g.count) > 1
    if not many.any():
        return {}
    found: list[dict[int, list[int]]] = []
    for hits in (syns, synacks):
        kept = hits[many[g.of[hits]]]
        frames: dict[int, list[int]] = {}
        for stream, row in zip(g.of[kept].tolist(), s.rows[kept].tolist(), strict=True):
            frames.setdefault(stream, []).append(row + 1)
        found.append(frames)
    return {k: (tuple(found[0].get(k, ())), tuple(found[1].get(k, ()))) for k in np.flatnonzero(many).tolist()}
