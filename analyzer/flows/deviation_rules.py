"""Which segments depart from the ordinary course of opening and closing: the rules about segments.

The same rules look at all connections at once and at one in full (:mod:`analyzer.flows.deviations`, where they are
listed with their sources): they take a :class:`View` and give indices into it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.groups import Groups, ranges, stable_order
from analyzer.flows.model import HANDSHAKES, NOTHING_NEW, Label
from analyzer.units import NS_PER_MS

COPY_NS = NS_PER_MS
"""The same control segment this soon again is the same packet seen twice: retransmission timers start at a second, and
none runs below some milliseconds (RFC 6298). Many hosts send SYN/ACKs without an IP number that would prove it."""

SYN_ACK = Flag.SYN | Flag.ACK
_REPEATED = NOTHING_NEW | Label.ZERO_WINDOW_PROBE | Label.CAPTURED_TWICE

Indices = NDArray[np.int64]


@dataclass(slots=True)
class View:
    """Segments of some connections, and what was found out about them; all that the rules look at.

    Attributes:
        client, flags, time, seq, length, label: (n,) as in :class:`Sorted` and :class:`Segments`.
        answers: (n,) bool, the other side may take it for an answer to its SYN (:mod:`analyzer.flows.acceptable`).
        handshake: (g,) uint8 code into HANDSHAKES; syn, ack: (g,) index of the first SYN and the handshake's last ACK.
        fin, fin_acked: (2, g) index, row 0 the server's FIN and the segment that acknowledged it, row 1 the client's.
    """

    groups: Groups
    client: NDArray[np.bool_]
    flags: NDArray[np.uint16]
    time: Indices
    seq: Indices
    length: NDArray[np.integer]
    label: NDArray[np.uint16]
    answers: NDArray[np.bool_]
    handshake: NDArray[np.uint8]
    syn: Indices
    ack: Indices
    fin: Indices
    fin_acked: Indices


def opened_by(v: View) -> Indices:
    """Return per connection the first segment that shows it open, -1 for one that never was."""
    g = v.groups
    plain = v.answers & ((v.flags & (Flag.SYN | Flag.RST | Flag.ACK)) == Flag.ACK)
    proof = g.first_where(plain & (v.client | (v.length > 0)))
    proof = np.where(v.syn < 0, g.first_where(plain), proof)  # met mid-stream: any ACK will do
    proof = np.where((v.ack >= 0) & ((proof < 0) | (v.ack < proof)), v.ack, proof)
    return np.where(v.handshake == HANDSHAKES.index("refused"), -1, proof)


def marks(v: View, opened: Indices) -> dict[str, Indices]:
    """Return for each rule about segments the segments that break the ordinary course, in capture order."""
    resets = np.flatnonzero(v.flags & Flag.RST)
    side = v.client[resets].astype(np.int8)
    own_fin = v.fin[side, v.groups.of[resets]]
    after = (own_fin >= 0) & (own_fin < resets)
    return {
        "syn_repeated": _repeats(v, Flag.SYN | Flag.ACK | Flag.RST, Flag.SYN),
        "synack_repeated": _repeats(v, SYN_ACK | Flag.RST, SYN_ACK),
        "data_with_syn": _data_with_syn(v),
        "data_after_fin": np.concatenate([_data_after_fin(v, by_client) for by_client in (False, True)]),
        "fin_repeated": _repeats(v, Flag.FIN | Flag.RST, Flag.FIN),
        "rst_instead_of_fin": _instead_of_fin(v, resets[~after], opened),
        "rst_after_fin": resets[after],
    }


def _repeats(v: View, mask: int, bits: int) -> Indices:
    """Return the control segments that a side sends once more: not the first, not a copy of the recorder's.

    A SYN may lose the data it carried when it is sent again (RFC 7413 section 4.2), so it is known by where it begins;
    a FIN may take other data with it, so it is known by where it stands.
    """
    hits = np.flatnonzero(((v.flags & mask) == bits) & ((v.label & Label.CAPTURED_TWICE) == 0))
    if hits.size < 2:
        return hits[:0]
    ranked = hits[stable_order(v.groups.of[hits] * 2 + v.client[hits])]
    sender = v.groups.of[ranked] * 2 + v.client[ranked]
    lead = np.ones(ranked.size, np.bool_)
    lead[1:] = sender[1:] != sender[:-1]
    first = ranked[np.maximum.accumulate(np.where(lead, np.arange(ranked.size), 0))]
    waited = np.zeros(ranked.size, np.int64)
    waited[1:] = np.abs(v.time[ranked[1:]] - v.time[ranked[:-1]])  # a clock may be set back
    place = v.seq[ranked] - v.seq[first]
    if bits == Flag.FIN:
        place = end_of(v, ranked) - end_of(v, first)
    return np.sort(ranked[~lead & (place == 0) & (waited >= COPY_NS)])


def end_of(v: View, index: Indices) -> Indices:
    """Return the position behind each segment's payload."""
    return np.asarray(v.seq[index] + v.length[index].astype(np.int64))


def _data_with_syn(v: View) -> Indices:
    hits = np.flatnonzero((v.flags & (Flag.SYN | Flag.RST)) == Flag.SYN)
    return np.asarray(hits[(v.length[hits] > 0) & ((v.label[hits] & Label.CAPTURED_TWICE) == 0)])


def _data_after_fin(v: View, by_client: bool) -> Indices:
    """Return the new data of a side that knows of the other's FIN (that of the client, or of the server)."""
    acked = v.fin_acked[int(by_client)]
    have = acked >= 0
    index = ranges(acked[have], v.groups.first[1:][have])
    index = index[(v.client[index] != by_client) & (v.length[index] > 0)]
    return np.asarray(index[((v.label[index] & _REPEATED) == 0) & ((v.flags[index] & Flag.RST) == 0)])


def _instead_of_fin(v: View, resets: Indices, opened: Indices) -> Indices:
    """Return those resets (without a FIN of their side before) that cut an open connection off.

    Of one met mid-stream the side must have said something else first: its FIN may lie before the capture.
    """
    g = v.groups
    owner = g.of[resets]
    known = (opened[owner] >= 0) & (opened[owner] < resets)
    resets, owner = resets[known], owner[known]
    met = v.handshake[owner] == HANDSHAKES.index("midstream")
    if met.any():
        spoke = np.stack([g.first_where((v.client == mine) & ((v.flags & Flag.RST) == 0)) for mine in (False, True)])
        began = spoke[v.client[resets].astype(np.int8), owner]
        resets = resets[~met | ((began >= 0) & (began < resets))]
    return resets
