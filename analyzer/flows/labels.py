"""Wireshark's analysis words for every TCP segment, computed for all segments at once.

The rules are MEASURES "TCP, per segment", in that order. Wireshark walks packet by packet and keeps a few numbers
per direction; each of those numbers is a function of the segments before (a running maximum, the latest value of a
side, a count since the last change), so all of them become columns and each rule one boolean expression.

Two numbers depend on the labels given so far and are walked, over the few segments that matter: zero-window probes do
not advance the highest sequence number, and what may be acknowledged stands still at a hole (:mod:`.unseen`).

Names: *fwd* is the segment's own direction, *rev* the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.groups import NOTHING, Groups, pick
from analyzer.flows.model import Label
from analyzer.flows.unseen import Course, acked_unseen
from analyzer.units import NS_PER_MS

FAST_RETRANSMISSION_NS = 20 * NS_PER_MS
"""A fast retransmission follows the duplicate ACK at most this much later (Wireshark's constant)."""
DEFAULT_REORDER_NS = 3 * NS_PER_MS
"""How late a segment may be to count as reordered while the initial round trip is unknown (Wireshark's constant)."""
NO_SCALE = -1
"""Window scale of a side whose SYN was not seen."""

_CONTROL = Flag.SYN | Flag.FIN | Flag.RST
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Facts:
    """What the rules need of each segment, in stream order.

    Attributes:
        time: (n,) int64 ns; side: (n,) bool, two values, one per direction.
        flags: (n,) uint16; seq, ack: (n,) int64 relative positions (SYN at 0; ``ack`` is NOTHING without ACK flag).
        blank: (n,) bool, a reset with sequence number 0: it answers a segment without ACK (RFC 9293 section 3.5.2)
            and its number says nothing of what was sent.
        length: (n,) int64; window: (n,) int64 as sent, unscaled.
        scale: (n,) int8, window scale shift of the segment's sender, NO_SCALE when unknown.
        initial_rtt: (streams,) int64 ns, 0 when unknown; known_from: (streams,) int64, index of the segment that
            told it: it counts for later ones.
    """

    time: Ints
    side: Bools
    flags: NDArray[np.uint16]
    seq: Ints
    ack: Ints
    blank: Bools
    length: Ints
    window: Ints
    scale: NDArray[np.int8]
    initial_rtt: Ints
    known_from: Ints


Indices = NDArray[np.int32]


def _latest(groups: Groups, side: Bools, where: Bools | None = None) -> tuple[Indices, Indices]:
    """Return the latest earlier segment (among ``where``) of each segment's own direction and of the other one.

    -1 where there is none.
    """
    low, high = (
        groups.last_index((side == s) if where is None else (side == s) & where, before=True) for s in (False, True)
    )
    return np.where(side, high, low), np.where(side, low, high)


def label(groups: Groups, facts: Facts) -> NDArray[np.uint16]:
    """Return (n,) uint16 of :class:`Label` bits for segments in stream order."""
    f = facts
    if not groups.size:
        return np.zeros(0, np.uint16)
    fwd, rev = _latest(groups, f.side)
    plain = (f.flags & _CONTROL) == 0
    syn_fin = (f.flags & (Flag.SYN | Flag.FIN)) != 0
    end = f.seq + f.length + syn_fin
    rev_window = pick(f.window, rev, -1)
    probe, reached = _probes(groups, f, fwd, end, rev_window)
    nextseq = pick(reached, fwd, NOTHING)
    known = nextseq > NOTHING
    last_ack, last_window = pick(f.ack, fwd, NOTHING), pick(f.window, fwd, -1)
    rev_ack = pick(f.ack, rev, NOTHING)

    zero = (f.window == 0) & plain
    lost = known & (f.seq > nextseq) & ((f.flags & Flag.RST) == 0) & ~probe
    keep_alive = plain & known & (f.length <= 1) & (f.seq == nextseq - 1) & ~probe
    still = plain & (f.length == 0) & known & (f.seq == nextseq) & (f.ack == last_ack) & (f.ack > NOTHING)
    same_window = f.window == last_window
    update = still & (f.window != 0) & ~same_window & (fwd >= 0)
    full = _window_full(f, rev, rev_ack, rev_window) & plain & ~probe
    del rev_window, last_window  # a connection of ten million segments feels each column
    after_keep_alive = np.where(rev >= 0, keep_alive[rev], False)
    after_probe = np.where(rev >= 0, probe[rev], False)
    keep_alive_ack = still & (f.window != 0) & same_window & after_keep_alive
    probe_ack = still & (f.window == 0) & same_window & after_probe
    duplicate = still & (f.window != 0) & same_window & ~keep_alive_ack
    moved = f.ack != last_ack
    del last_ack, still, same_window
    course = Course(f.side, f.seq, f.ack, end, (f.flags & Flag.ACK) != 0, probe | f.blank, duplicate, moved)
    unseen, rev_duplicates = acked_unseen(groups, course, nextseq, pick(reached, rev, NOTHING))
    out = np.zeros(groups.size, np.uint16)
    subject = ((f.length > 0) | syn_fin) & ~keep_alive
    retransmission, fast, spurious, reordered = _resent(
        groups, f, fwd, nextseq, known, end, reached, rev, rev_ack, rev_duplicates, subject
    )
    for bits, where in (
        (Label.ZERO_WINDOW_PROBE, probe),
        (Label.ZERO_WINDOW, zero & ~probe),
        (Label.LOST_SEGMENT, lost),
        (Label.KEEP_ALIVE, keep_alive),
        (Label.WINDOW_UPDATE, update),
        (Label.WINDOW_FULL, full),
        (Label.KEEP_ALIVE_ACK, keep_alive_ack),
        (Label.ZERO_WINDOW_PROBE_ACK, probe_ack),
        (Label.DUPLICATE_ACK, duplicate),
        (Label.ACKED_UNSEEN, unseen),
        (Label.RETRANSMISSION, retransmission),
        (Label.FAST_RETRANSMISSION, fast),
        (Label.SPURIOUS_RETRANSMISSION, spurious),
        (Label.OUT_OF_ORDER, reordered),
    ):
        out[where] |= int(bits)
    return out


def _reached(groups: Groups, side: Bools, end: Ints, counts: Bools) -> Ints:
    """Return the highest ``end`` of the segment's own direction up to and including each segment."""
    up = groups.running_max(end, side & counts)
    down = groups.running_max(end, ~side & counts)
    return np.where(side, up, down)


def _probes(groups: Groups, f: Facts, fwd: Indices, end: Ints, rev_window: Ints) -> tuple[Bools, Ints]:
    """Return which segments are zero-window probes, and the highest sequence number reached by each side.

    A probe is one byte at the next sequence number towards a closed window. It does not advance that number itself,
    while a byte elsewhere does; so the (few) single bytes sent towards closed windows are judged one after the other.
    """
    suspects = (f.length == 1) & (rev_window == 0)
    reached = _reached(groups, f.side, end, ~(suspects | f.blank))
    if not suspects.any():
        return suspects, reached
    probe = np.zeros(groups.size, np.bool_)
    at = np.flatnonzero(suspects)
    columns = (groups.of[at] * 2 + f.side[at], pick(reached, fwd[at], NOTHING), f.seq[at], end[at])
    advanced: dict[int, int] = {}  # direction -> how far its single bytes that were no probes got
    for k, direction, top, seq, last in zip(at.tolist(), *(c.tolist() for c in columns), strict=True):
        if seq == max(top, advanced.get(direction, NOTHING)):
            probe[k] = True
        else:
            advanced[direction] = max(last, advanced.get(direction, NOTHING))
    return probe, _reached(groups, f.side, end, ~(probe | f.blank))


def _window_full(f: Facts, rev: Indices, rev_ack: Ints, rev_window: Ints) -> Bools:
    """Return where a segment fills the window the other side offered last (RFC 7323: a SYN's window is unscaled)."""
    rev_scale = f.scale[rev]
    known = (rev_scale != NO_SCALE) & (rev >= 0) & (rev_ack > NOTHING)
    rev_scale[(rev_scale < 0) | ((f.flags[rev] & Flag.SYN) != 0)] = 0
    edge = rev_window << rev_scale
    edge += rev_ack
    edge -= f.length
    full: Bools = (f.length > 0) & known & (f.seq == edge)
    return full


def _resent(
    groups: Groups,
    f: Facts,
    fwd: Indices,
    nextseq: Ints,
    known: Bools,
    end: Ints,
    reached: Ints,
    rev: Indices,
    rev_ack: Ints,
    rev_duplicates: NDArray[np.int32],
    subject: Bools,
) -> tuple[Bools, Bools, Bools, Bools]:
    """Return (retransmission, fast, spurious, out of order): rule 11, each segment in at most one."""
    behind = known & (f.seq < nextseq) & ~((f.length > 1) & (f.seq == nextseq - 1))
    data_end = f.seq + f.length
    spurious = subject & (f.length > 0) & (rev_ack > NOTHING) & (data_end <= rev_ack)
    left = subject & behind & ~spurious
    nothing = np.zeros(groups.size, np.bool_)
    if not left.any():
        return nothing, nothing, spurious, nothing
    rev_time = pick(f.time, rev, -(1 << 62))
    fast = left & (rev_duplicates >= 2) & (rev_ack == f.seq) & _within(f.time - rev_time, FAST_RETRANSMISSION_NS)
    left &= ~fast
    rtt = f.initial_rtt[groups.of]
    threshold = np.where((rtt != 0) & (np.arange(groups.size) > f.known_from[groups.of]), rtt, DEFAULT_REORDER_NS)
    advanced_at = _time_of_top(groups, f, fwd, end, reached)
    reordered = left & _within(f.time - advanced_at, threshold) & (end != nextseq)
    return left & ~reordered, fast, spurious, reordered


def _within(elapsed: Ints, limit: Ints | int) -> Bools:
    """Return where a time has passed that is below a limit; like Wireshark, going back in time counts as for ever."""
    below: Bools = elapsed.view(np.uint64) < np.asarray(limit, np.int64).view(np.uint64)
    return below


def _time_of_top(groups: Groups, f: Facts, fwd: Indices, end: Ints, reached: Ints) -> Ints:
    """Return when the highest sequence number of the segment's own direction was reached, before the segment."""
    grew = (end == reached) & (reached > pick(reached, fwd, NOTHING))
    return pick(f.time, _latest(groups, f.side, grew)[0], -(1 << 62))
