"""Wireshark's analysis words for every TCP segment, computed for all segments at once.

The rules are MEASURES "TCP, per segment", in that order. Wireshark walks packet by packet and keeps a few numbers
per direction; each of those numbers is a function of the segments before (a running maximum, the latest value of a
side, a count since the last change), so all of them become columns and each rule one boolean expression.

Two numbers feed back into themselves and are solved by repetition until nothing changes: zero-window probes do not
advance the highest sequence number, and an acknowledgement of unseen data moves what may be acknowledged.

Names: *fwd* is the segment's own direction, *rev* the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.groups import NOTHING, Groups
from analyzer.flows.model import Label
from analyzer.units import NS_PER_MS

FAST_RETRANSMISSION_NS = 20 * NS_PER_MS
"""A fast retransmission follows the duplicate ACK at most this much later (Wireshark's constant)."""
DEFAULT_REORDER_NS = 3 * NS_PER_MS
"""How late a segment may be to count as reordered while the initial round trip is unknown (Wireshark's constant)."""
NO_SCALE = -1
"""Window scale of a side whose SYN was not seen."""
MAX_ROUNDS = 8
"""Repetitions for the two self-feeding numbers; each settles in two or three unless the capture is nonsense."""

_CONTROL = Flag.SYN | Flag.FIN | Flag.RST
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Facts:
    """What the rules need of each segment, in stream order.

    Attributes:
        time: (n,) int64 ns; side: (n,) bool, two values, one per direction.
        flags: (n,) uint16; seq, ack: (n,) int64 relative positions (SYN at 0; ``ack`` is NOTHING without ACK flag).
        length: (n,) int64; window: (n,) int64 as sent, unscaled.
        scale: (n,) int64, window scale shift of the segment's sender, NO_SCALE when unknown.
        initial_rtt: (streams,) int64 ns, 0 when unknown; known_from: (streams,) int64, index from which it is known.
    """

    time: Ints
    side: Bools
    flags: NDArray[np.uint16]
    seq: Ints
    ack: Ints
    length: Ints
    window: Ints
    scale: Ints
    initial_rtt: Ints
    known_from: Ints


class _Pair:
    """The latest earlier segment (among ``where``) of each segment's own direction and of the other one."""

    def __init__(self, groups: Groups, side: Bools, where: Bools | None = None) -> None:
        self.side = side
        self.last = {
            s: groups.last_index((side == s) if where is None else (side == s) & where, before=True)
            for s in (False, True)
        }

    def fwd_index(self) -> Ints:
        return np.where(self.side, self.last[True], self.last[False])

    def rev_index(self) -> Ints:
        return np.where(self.side, self.last[False], self.last[True])


def _pick(values: NDArray[np.generic], index: Ints, default: int) -> Ints:
    """Return ``values[index]``, ``default`` where the index is -1."""
    return np.where(index >= 0, values[index], default).astype(np.int64)


def label(groups: Groups, facts: Facts) -> NDArray[np.uint16]:
    """Return (n,) uint16 of :class:`Label` bits for segments in stream order."""
    f = facts
    if not groups.size:
        return np.zeros(0, np.uint16)
    pair = _Pair(groups, f.side)
    fwd, rev = pair.fwd_index(), pair.rev_index()
    plain = (f.flags & _CONTROL) == 0
    syn_fin = (f.flags & (Flag.SYN | Flag.FIN)) != 0
    end = f.seq + f.length + syn_fin
    rev_window = _pick(f.window, rev, -1)
    probe, reached = _probes(groups, f, pair, end, rev_window)
    nextseq = _pick(reached, fwd, NOTHING)
    known = nextseq > NOTHING
    last_ack, last_window = _pick(f.ack, fwd, NOTHING), _pick(f.window, fwd, -1)
    rev_ack = _pick(f.ack, rev, NOTHING)

    zero = (f.window == 0) & plain
    lost = known & (f.seq > nextseq) & ((f.flags & Flag.RST) == 0) & ~probe
    keep_alive = plain & known & (f.length <= 1) & (f.seq == nextseq - 1) & ~probe
    still = plain & (f.length == 0) & known & (f.seq == nextseq) & (f.ack == last_ack) & (f.ack > NOTHING)
    same_window = f.window == last_window
    update = still & (f.window != 0) & ~same_window & (fwd >= 0)
    full = _window_full(f, fwd, rev, rev_ack, rev_window) & plain & ~probe
    after_keep_alive = np.where(rev >= 0, keep_alive[rev], False)
    after_probe = np.where(rev >= 0, probe[rev], False)
    keep_alive_ack = still & (f.window != 0) & same_window & after_keep_alive
    probe_ack = still & (f.window == 0) & same_window & after_probe
    duplicate = still & (f.window != 0) & same_window & ~keep_alive_ack
    unseen = _acked_unseen(groups, f, pair, end, probe, reached)

    moved = f.ack != last_ack
    duplicates = _per_side_count(groups, f.side, duplicate, moved)
    out = np.zeros(groups.size, np.uint16)
    retransmission, fast, spurious, reordered = _resent(
        groups, f, pair, nextseq, known, end, reached, rev, rev_ack, duplicates, (f.length > 0) | syn_fin, keep_alive
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


def _probes(groups: Groups, f: Facts, pair: _Pair, end: Ints, rev_window: Ints) -> tuple[Bools, Ints]:
    """Return which segments are zero-window probes, and the highest sequence number reached by each side."""
    suspects = (f.length == 1) & (rev_window == 0)
    counts = (f.flags & Flag.RST) == 0  # a reset may carry any number
    if not suspects.any():
        return suspects, _reached(groups, f.side, end, counts)
    fwd, excluded = pair.fwd_index(), suspects
    probe = suspects
    for _ in range(MAX_ROUNDS):
        reached = _reached(groups, f.side, end, counts & ~excluded)
        probe = suspects & (f.seq == _pick(reached, fwd, NOTHING))
        if np.array_equal(probe, excluded):
            break
        excluded = probe
    return probe, _reached(groups, f.side, end, counts & ~probe)


def _window_full(f: Facts, fwd: Ints, rev: Ints, rev_ack: Ints, rev_window: Ints) -> Bools:
    """Return where a segment fills the window the other side offered last (RFC 7323: a SYN's window is unscaled)."""
    rev_scale = _pick(f.scale, rev, NO_SCALE)
    rev_syn = np.where(rev >= 0, (f.flags[rev] & Flag.SYN) != 0, False)
    offered = rev_window << np.where(rev_syn, 0, np.maximum(rev_scale, 0))
    both = (f.scale != NO_SCALE) & (rev_scale != NO_SCALE)
    full: Bools = (f.length > 0) & (rev >= 0) & both & (rev_ack > NOTHING) & (f.seq + f.length == rev_ack + offered)
    return full


def _per_side_count(groups: Groups, side: Bools, where: Bools, restart: Bools) -> Ints:
    """Count ``where`` in each direction since its last ``restart``, up to and including each segment.

    The count of a side at a segment of the other side is its latest.
    """
    out = np.zeros((2, groups.size), np.int64)
    for s in (False, True):
        mine = side == s
        # A segment that restarts is itself no duplicate, so counting from it starts at zero.
        out[int(s)] = groups.run_count(where & mine, restart & mine)
    return out


def _acked_unseen(groups: Groups, f: Facts, pair: _Pair, end: Ints, probe: Bools, reached: Ints) -> Bools:
    """Return where a segment acknowledges bytes of the other side beyond what was contiguously seen.

    The limit of a side follows its highest sequence number while there is no hole. Only directions that ever had a
    hole are walked, and there only the segments that matter.
    """
    rev = pair.rev_index()
    rev_reached = _pick(reached, rev, NOTHING)
    acks = ((f.flags & Flag.ACK) != 0) & (rev_reached > NOTHING)
    simple: Bools = acks & (f.ack > rev_reached)
    nextseq = _pick(reached, pair.fwd_index(), NOTHING)
    uneven = (nextseq > NOTHING) & (f.seq != nextseq) & (end > nextseq)  # a hole, or new bytes behind old ones
    troubled = groups.count_where(uneven | simple) > 0
    if not troubled.any():
        return simple
    out: Bools = simple & ~troubled[groups.of]
    for stream in np.flatnonzero(troubled).tolist():
        low, high = int(groups.first[stream]), int(groups.first[stream + 1])
        out[low:high] = _walk_acked(f, end, probe, low, high)
    return out


def _walk_acked(f: Facts, end: Ints, probe: Bools, low: int, high: int) -> Bools:
    """Follow one connection segment by segment (MEASURES: ``maxseqtobeacked``)."""
    out = np.zeros(high - low, np.bool_)
    limit = [NOTHING, NOTHING]
    top = [NOTHING, NOTHING]
    columns = (f.side, f.flags, f.seq, f.ack, end, probe)
    for k, (side, flags, seq, ack, last, probing) in enumerate(
        zip(*(column[low:high].tolist() for column in columns), strict=True)
    ):
        me, other = int(side), int(not side)
        if flags & Flag.ACK and limit[other] > NOTHING and ack > limit[other]:
            out[k] = True
            limit[other] = ack  # so that one lost segment is reported once
        if not probing:
            top[me] = max(top[me], last)
            if seq == limit[me] or limit[me] == NOTHING:
                limit[me] = top[me]
    return out


def _resent(
    groups: Groups,
    f: Facts,
    pair: _Pair,
    nextseq: Ints,
    known: Bools,
    end: Ints,
    reached: Ints,
    rev: Ints,
    rev_ack: Ints,
    duplicates: Ints,
    carries: Bools,
    keep_alive: Bools,
) -> tuple[Bools, Bools, Bools, Bools]:
    """Return (retransmission, fast, spurious, out of order): rule 11, each segment in at most one."""
    subject = carries & ~keep_alive
    behind = known & (f.seq < nextseq) & ~((f.length > 1) & (f.seq == nextseq - 1))
    data_end = f.seq + f.length
    spurious = subject & (f.length > 0) & (rev_ack > NOTHING) & (data_end <= rev_ack)
    left = subject & behind & ~spurious
    nothing = np.zeros(groups.size, np.bool_)
    if not left.any():
        return nothing, nothing, spurious, nothing
    rev_time = _pick(f.time, rev, -(1 << 62))
    rev_duplicates = np.where(f.side, duplicates[0], duplicates[1])
    fast = left & (rev_duplicates >= 2) & (rev_ack == f.seq) & (f.time - rev_time < FAST_RETRANSMISSION_NS)
    left &= ~fast
    rtt = f.initial_rtt[groups.of]
    threshold = np.where((rtt > 0) & (np.arange(groups.size) > f.known_from[groups.of]), rtt, DEFAULT_REORDER_NS)
    advanced_at = _time_of_top(groups, f, pair, end, reached)
    reordered = left & (f.time - advanced_at < threshold) & (end != nextseq)
    return left & ~reordered, fast, spurious, reordered


def _time_of_top(groups: Groups, f: Facts, pair: _Pair, end: Ints, reached: Ints) -> Ints:
    """Return when the highest sequence number of the segment's own direction was reached, before the segment."""
    fwd = pair.fwd_index()
    grew = (end == reached) & (reached > _pick(reached, fwd, NOTHING))
    return _pick(f.time, _Pair(groups, f.side, grew).fwd_index(), -(1 << 62))
