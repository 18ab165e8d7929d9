"""Which verdict the evidence gives on each segment that Wireshark labels as sent again or out of order.

The evidence is asked, the strongest first, and the first that tells decides:

1. ``same_packet`` or ``alike``: one packet seen twice. Where ``dsack`` shows that the receiver got both, the network
   doubled it; else it was recorded twice. Neither is a transmission of its own.
2. ``timestamp``, of a segment that fills a hole: sent before a later one, or acknowledged by its own timestamp:
   it was sent once, and overtaken (RFC 7323 sections 4.3 and 5.4).
3. ``dsack``: the receiver told that it got the bytes twice (RFC 2883, RFC 3708): needless.
4. ``ip_id``, of a segment that fills a hole: sent before a later one (RFC 791 section 3.1): reordered.
5. ``acknowledged`` or ``sack``: the receiver had told that it had the bytes before the repeat passed: needless.
6. ``timestamp``: the acknowledgement echoes an earlier transmission (needless) or this one (needed): RFC 3522. A
   segment that fills a hole and was sent after later ones: needed.
7. ``ip_id``: sent after later ones: needed.
8. ``sack``: the receiver told of bytes sent later, but not of these (RFC 2018, RFC 8985): needed.

Where none of it tells there is no verdict, and none on a SYN that repeats nothing (:class:`.Suspects`). Needless is
said of what the *receiver* had; that its acknowledgement got lost may still have given the sender reason to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows import evidence, sacks, suspects
from analyzer.flows.course import Course
from analyzer.flows.groups import NOTHING, pick
from analyzer.flows.handshake import Handshakes
from analyzer.flows.model import DOUBLED, NEEDED, NEEDLESS, REORDERED, TWICE
from analyzer.flows.segments import Sorted
from analyzer.flows.seq import distance
from analyzer.flows.suspects import AGAIN, AHEAD, FILLS, Suspects
from analyzer.units import NS_PER_MS

SWAPPED_NS = NS_PER_MS
"""A recorder with several queues may write an answer before the question; they still lie microseconds apart."""
_CHUNK = 1 << 16
"""Suspects judged at a time, so that temporary columns stay small next to the capture."""

EVIDENCE = ("", "dsack", "sack", "ip_id", "timestamp", "acknowledged", "same_packet", "alike")
_DSACK, _SACK, _IP_ID, _TIMESTAMP, _ACKNOWLEDGED, _SAME_PACKET, _ALIKE = range(1, 8)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Judged:
    """Verdicts; (m,) each.

    Attributes:
        segment: int64, index of the sorted segment; verdict, evidence: uint8, of VERDICTS and EVIDENCE.
        proof: (m, 2) int64, segments that prove it, -1 for none.
        fresh: bool, it repeats nothing, so there is nothing to judge.
    """

    segment: Ints
    verdict: NDArray[np.uint8]
    evidence: NDArray[np.uint8]
    proof: Ints
    fresh: Bools

    @classmethod
    def nothing_yet(cls, segment: Ints, fresh: Bools) -> Judged:
        n = segment.size
        return cls(segment, np.zeros(n, np.uint8), np.zeros(n, np.uint8), np.full((n, 2), -1, np.int64), fresh)

    def take(self, which: Ints) -> Judged:
        return Judged(
            self.segment[which], self.verdict[which], self.evidence[which], self.proof[which], self.fresh[which]
        )

    @property
    def open(self) -> Bools:
        return np.asarray((self.verdict == 0) & ~self.fresh)

    def settle(self, where: Bools, verdict: int, by: int, *proof: Ints) -> None:
        """Decide those that are not decided yet; ``proof`` are segments, -1 for none."""
        now = np.flatnonzero(where & self.open)
        self.verdict[now], self.evidence[now] = verdict, by
        for k, segment in enumerate(proof):
            self.proof[now, k] = segment[now]


@dataclass(slots=True)
class _Case:
    """What the rules look at: all of a batch, and of a part of its suspects the columns most of them need.

    Attributes:
        part: the suspects, by direction; rtt: (m,) int64 ns, initial round trip, 0 unknown.
        answers: (m,) int64, direction of the acknowledgements; since: (m,) int64, its first place after the suspect.
        told: (m,) int64, place of the first acknowledgement of all bytes, -1 without; before: bool, it came before.
        row: (m,) int64 packet table rows; original, previous: (m,) int64 segments, -1 without.
        report: (m,) int64 into ``sacks``: the suspect was told of as a duplicate; -1 without.
    """

    table: PacketTable
    s: Sorted
    course: Course
    sacks: sacks.Sacks
    counters: evidence.Counters | None
    part: Suspects
    rtt: Ints
    answers: Ints
    since: Ints
    told: Ints
    before: Bools
    row: Ints
    original: Ints
    previous: Ints
    report: Ints

    def segment(self, place: Ints) -> Ints:
        return pick(self.course.segment, place, -1)

    def elapsed(self, later: Ints, earlier: Ints) -> Ints:
        """Return the time between segments; -1, no time at all, where one is -1."""
        return np.where((later >= 0) & (earlier >= 0), self.s.time[later] - self.s.time[earlier], -1)

    def blocks(self, at: Ints) -> Ints:
        """Return the segments of acknowledgements with blocks."""
        return pick(self.sacks.segment, at, -1) if len(self.sacks) else at


def judge(table: PacketTable, s: Sorted, h: Handshakes, label: NDArray[np.uint16], streams: Ints) -> Judged:
    """Judge all labelled segments of some connections.

    Args:
        label: (n,) uint16 of Label.
        streams: (k,) int64, ascending.
    """
    course = Course(s, label, streams)
    everyone = suspects.find(course, s, label)
    copies = _copies(table, s, course, everyone)
    if copies.any():  # they are no transmissions: who was sent before whom looks different without them
        everyone = suspects.find(course, s, label, copies)
    blocks = sacks.read(table, s, label, course, everyone, h.timestamps == 1)
    reports = sacks.duplicates(blocks, s, course, everyone)
    fills = everyone.kind == FILLS
    counters = evidence.Counters(table, s, label, course) if fills.any() else None
    ack, syn = h.opening_ack[streams], h.latest_syn[streams]
    rtt = np.where((ack >= 0) & (syn >= 0), s.time[ack] - s.time[syn], 0)
    out = Judged.nothing_yet(everyone.segment, everyone.fresh)
    for low in range(0, len(everyone), _CHUNK):
        span = slice(low, low + _CHUNK)
        part = everyone.take(span)
        answers = course.answers(part.direction)
        told = course.acknowledges(answers, part.end)
        told = np.where(course.inside(told, answers), told, -1)
        since = course.since(answers, part.segment)
        case = _Case(
            table,
            s,
            course,
            blocks,
            counters,
            part,
            rtt[part.direction % streams.size],
            answers,
            since,
            told,
            (told >= 0) & (told < since),
            s.rows[part.segment],
            pick(course.segment, part.first, -1),
            pick(course.segment, part.previous, -1),
            reports[span],
        )
        judged = Judged.nothing_yet(part.segment, part.fresh)
        _weigh(case, judged)
        out.verdict[span], out.evidence[span], out.proof[span] = judged.verdict, judged.evidence, judged.proof
    return out


def _copies(table: PacketTable, s: Sorted, course: Course, everyone: Suspects) -> Bools:
    """Return (m,) bool: suspects that are no transmissions of their own, though not labelled as captured twice."""
    out = np.zeros(len(everyone), np.bool_)
    for low in range(0, out.size, _CHUNK):
        part = everyone.take(slice(low, low + _CHUNK))
        same = evidence.same_packet(table, s, course, part.place, part.previous, part.direction)
        out[low : low + _CHUNK] = same & ~part.copy
    return out


def _weigh(case: _Case, judged: Judged) -> None:
    """Ask the evidence, the strongest first."""
    part = case.part
    numbered = case.table.ip_id[case.row] != 0
    judged.settle(part.copy & (case.report >= 0), DOUBLED, _DSACK, case.previous, case.blocks(case.report))
    judged.settle(part.copy & numbered, TWICE, _SAME_PACKET, case.previous)
    judged.settle(part.copy, TWICE, _ALIKE, case.previous)
    fills, again = part.kind == FILLS, part.kind == AGAIN
    clocks = _Clocks(case, judged.open)
    passed = case.segment(part.passed)
    told = case.segment(case.told)
    judged.settle(clocks.older_than_passed, REORDERED, _TIMESTAMP, passed)
    judged.settle(clocks.acknowledged_itself, REORDERED, _TIMESTAMP, told)
    judged.settle(case.report >= 0, NEEDLESS, _DSACK, case.previous, case.blocks(case.report))
    counted = fills & ~clocks.newer_than_passed & judged.open
    number = case.table.ip_id[case.row]
    if case.counters is not None and counted.any():
        earlier = case.counters.sent_earlier(number, part.passed, part.direction)
        judged.settle(counted & earlier, REORDERED, _IP_ID, passed)
    _had_it(case, judged, told)
    judged.settle(clocks.echoes_earlier, NEEDLESS, _TIMESTAMP, case.previous, told)
    judged.settle(clocks.echoes_itself & again, NEEDED, _TIMESTAMP, case.previous, told)
    judged.settle(clocks.newer_than_passed, NEEDED, _TIMESTAMP, passed)
    counted &= judged.open
    if case.counters is not None and counted.any():
        later = case.counters.sent_later(number, part.place, part.passed, part.direction)
        judged.settle(counted & later, NEEDED, _IP_ID, passed)
    _lacked_it(case, judged, passed)


def _had_it(case: _Case, judged: Judged, told: Ints) -> None:
    """Settle what the receiver had acknowledged, or told of selectively, before the suspect passed.

    Where no earlier transmission was captured the recorder might have swapped the segment and its acknowledgement.
    """
    part, course = case.part, case.course
    seen = (part.kind != FILLS) & (part.kind != AHEAD)
    late = case.elapsed(part.segment, told) >= SWAPPED_NS
    judged.settle(case.before & (seen | late), NEEDLESS, _ACKNOWLEDGED, case.previous, told)
    last = sacks.latest(case.sacks, course, case.answers, case.since)
    last[~judged.open | case.before] = -1
    at = sacks.arrived(case.sacks, last, course.first[case.answers], part.begin, part.end)
    proof = case.blocks(at)
    late = case.elapsed(part.segment, proof) >= SWAPPED_NS
    judged.settle((at >= 0) & (seen | late), NEEDLESS, _SACK, case.previous, proof)


def _lacked_it(case: _Case, judged: Judged, passed: Ints) -> None:
    """Settle what the receiver had told to be missing.

    Of a segment captured before: it had something that was sent after that one, either because it was the first
    transmission, or because a round trip had gone by since. Of one that fills a hole: a round trip before, or it
    could be the late original.
    """
    part, course = case.part, case.course
    last = sacks.latest(case.sacks, course, case.answers, case.since)
    last[~judged.open | case.before] = -1
    lacked = sacks.lacked(case.sacks, last, part.begin, part.end)
    if not lacked.any():
        return
    proof = case.blocks(last)
    again = (part.kind == AGAIN) & (proof > case.previous)
    waited = (case.rtt > 0) & (case.elapsed(proof, case.previous) >= case.rtt)
    again &= (case.previous == case.original) | waited
    judged.settle(lacked & again, NEEDED, _SACK, case.previous, proof)
    fills = (part.kind == FILLS) & lacked & judged.open
    since = course.since(case.answers, passed)
    first = np.searchsorted(case.sacks.place, since)
    first = np.where(fills & (first <= last), first, -1)
    proof = case.blocks(first)
    waited = (case.rtt > 0) & (case.elapsed(part.segment, proof) >= case.rtt)
    judged.settle(sacks.lacked(case.sacks, first, part.begin, part.end) & waited, NEEDED, _SACK, passed, proof)


class _Clocks:
    """What timestamps tell of suspects; (m,) bool each, and false wherever they do not tell.

    Attributes:
        older_than_passed, newer_than_passed: of a segment that fills a hole: sent before, after the segment that
            jumped over it.
        acknowledged_itself: the acknowledgement that came before it echoes its own timestamp, not an earlier one.
        echoes_earlier, echoes_itself: the acknowledgement that came after it echoes an earlier transmission, or this
            one (or the next of the same bytes: both were needed then).
    """

    def __init__(self, case: _Case, asked: Bools) -> None:
        part, course = case.part, case.course
        self.fills = part.kind == FILLS
        unseen = self.fills | (part.kind == AHEAD)
        again = (part.kind == AGAIN) & ~case.before
        asked = asked & (self.fills | ((unseen | again) & (case.told >= 0)))

        def stamps(place: Ints, where: Bools) -> evidence.Stamps:
            return evidence.stamps(case.table, case.s, course, np.where(where, place, -1))

        mine = stamps(part.place, asked)
        asked = asked & mine.present
        passed = stamps(part.passed, asked & self.fills)
        side_by_side = passed.present
        self.older_than_passed = side_by_side & (mine.since(passed) < 0)
        self.newer_than_passed = side_by_side & (mine.since(passed) > 0)
        # The transmission before which the first one of these bytes cannot have been sent.
        ahead = course.before(np.where(part.kind == AHEAD, part.place, part.passed), part.direction)
        grew = course.reaches(part.direction, pick(course.reached, ahead, NOTHING))
        base = stamps(np.where(again, part.first, np.where(ahead >= 0, grew, -1)), asked)
        told = stamps(case.told, asked & (case.told >= 0))
        known = base.present & told.present & (mine.since(base) > 0)
        since_mine = np.where(known, distance(told.echo, mine.value), 1)
        self.acknowledged_itself = known & unseen & case.before & (since_mine == 0)
        # Eifel speaks of the first segment that is missing: nothing before it was left to be acknowledged.
        reached = pick(course.acked, course.before(case.told, case.answers), NOTHING)
        syn = (case.s.flags[part.segment] & Flag.SYN) != 0
        known &= ~case.before & ((reached >= part.begin) | (syn & (reached == NOTHING)))
        known &= again | self.newer_than_passed
        self.echoes_earlier = known & (since_mine < 0) & (distance(told.echo, base.value) >= 0)
        following = stamps(part.next, known & again & (part.next >= 0))
        later = following.present & (following.since(mine) > 0) & (told.echo == following.value)
        self.echoes_itself = known & ((since_mine == 0) | later)
