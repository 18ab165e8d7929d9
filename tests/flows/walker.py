"""Wireshark's labels, one packet at a time: what MEASURES "TCP, per segment" says, written down as a walk.

The product computes the labels as columns; this walk is what they must be equal to. It keeps the numbers that MEASURES
names for each direction and goes through the segments of one connection in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.flows.script import MS, Line

BLOCKED = 1 << 31


@dataclass
class _Direction:
    nextseq: int | None = None
    nextseq_time: int = 0
    solid: int | None = None  # maxseqtobeacked
    lastack: int | None = None
    lastack_time: int = 0
    duplicates: int = 0
    window: int | None = None
    scale: int | None = None
    unscaled: bool = False  # the last segment was a SYN
    labels: set[str] = field(default_factory=set)


def walk(lines: Iterable[Line]) -> list[set[str]]:
    """Return the label names of each segment of one connection."""
    directions = {True: _Direction(), False: _Direction()}
    syn_time: int | None = None
    rtt = 0
    out = []
    for line in lines:
        if line.flags == "S":
            syn_time = line.time
        labels = _one(line, directions[line.client], directions[not line.client], rtt)
        if "A" in line.flags and "S" not in line.flags and syn_time is not None and rtt == 0:
            rtt = line.time - syn_time
        out.append(labels)
    return out


def _one(line: Line, fwd: _Direction, rev: _Direction, rtt: int) -> set[str]:
    flags, seq, length = line.flags, line.seq, line.length
    ack = line.ack if "A" in flags else None
    plain = not set(flags) & set("SFR")
    sized = 1 if set(flags) & set("SF") else 0
    end = seq + length + sized
    if "S" in flags:
        _scale(line, fwd, rev)
    labels = _window_labels(line, ack, fwd, rev, plain)
    probe = "ZERO_WINDOW_PROBE" in labels
    if ack != fwd.lastack:
        fwd.duplicates = 0
    if ack is not None and rev.solid is not None and ack > rev.solid:
        assert rev.nextseq is not None
        if rev.solid < rev.nextseq:
            rev.solid = rev.nextseq
            labels.add("ACKED_UNSEEN")
        else:
            if rev.duplicates == 0:
                labels.add("ACKED_UNSEEN")
            rev.duplicates = BLOCKED
    if (length or sized) and "KEEP_ALIVE" not in labels:
        labels |= _resent(line, end, fwd, rev, rtt)
    if not probe and (fwd.nextseq is None or end > fwd.nextseq):
        fwd.nextseq, fwd.nextseq_time = end, line.time
    if not probe and (fwd.solid is None or seq == fwd.solid):
        fwd.solid = fwd.nextseq
    fwd.lastack, fwd.lastack_time = ack, line.time
    fwd.window, fwd.unscaled, fwd.labels = line.window, "S" in flags, labels
    return labels


def _scale(line: Line, fwd: _Direction, rev: _Direction) -> None:
    if line.scale is None:
        fwd.scale = rev.scale = 0
    elif fwd.scale is None:
        fwd.scale = line.scale


def _window_labels(line: Line, ack: int | None, fwd: _Direction, rev: _Direction, plain: bool) -> set[str]:
    seq, length, window = line.seq, line.length, line.window
    if length == 1 and seq == fwd.nextseq and rev.window == 0:
        return {"ZERO_WINDOW_PROBE"}
    labels = set()
    if window == 0 and plain:
        labels.add("ZERO_WINDOW")
    if fwd.nextseq is not None and seq > fwd.nextseq and "R" not in line.flags:
        labels.add("LOST_SEGMENT")
    if fwd.nextseq is not None and length <= 1 and seq == fwd.nextseq - 1 and plain:
        labels.add("KEEP_ALIVE")
    still = plain and length == 0 and seq == fwd.nextseq and ack is not None and ack == fwd.lastack
    if still and window and window != fwd.window:
        labels.add("WINDOW_UPDATE")
    if length and plain and rev.scale is not None and rev.lastack is not None and rev.window is not None:
        offered = rev.window << (0 if rev.unscaled else rev.scale)
        if seq + length == rev.lastack + offered:
            labels.add("WINDOW_FULL")
    if still and window == fwd.window:
        if window and "KEEP_ALIVE" in rev.labels:
            labels.add("KEEP_ALIVE_ACK")
        elif not window and "ZERO_WINDOW_PROBE" in rev.labels:
            labels.add("ZERO_WINDOW_PROBE_ACK")
        elif window:
            labels.add("DUPLICATE_ACK")
            fwd.duplicates = 1 if fwd.duplicates == BLOCKED else fwd.duplicates + 1
    return labels


def _resent(line: Line, end: int, fwd: _Direction, rev: _Direction, rtt: int) -> set[str]:
    behind = fwd.nextseq is not None and line.seq < fwd.nextseq
    if fwd.nextseq is not None and line.length > 1 and line.seq == fwd.nextseq - 1:
        behind = False
    if line.length and rev.lastack is not None and line.seq + line.length <= rev.lastack:
        return {"SPURIOUS_RETRANSMISSION"}
    if not behind:
        return set()
    # Wireshark's durations are unsigned: one that is negative, because the clock went back, is a very long one.
    since_ack, since_top, limit = (t % 2**64 for t in (line.time - rev.lastack_time, line.time - fwd.nextseq_time, rtt))
    if rev.duplicates >= 2 and rev.lastack == line.seq and since_ack < 20 * MS:
        return {"FAST_RETRANSMISSION"}
    if since_top < (limit or 3 * MS) and end != fwd.nextseq:
        return {"OUT_OF_ORDER"}
    return {"RETRANSMISSION"}
