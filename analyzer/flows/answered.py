"""Which SYN the SYN/ACK answers, where several were sent before it came: was one lost, or was the answer slow?

:mod:`.handshake` takes the last SYN before the SYN/ACK for the answered one, so that all time before it counts as lost.
An earlier one was answered, and less or nothing lost, where

* the SYN/ACK echoes that one's timestamp (RFC 7323 section 3.2);
* the SYN/ACK comes again at once, sooner than any timer runs: each answers a SYN of its own (RFC 9293 section
  3.10.7.4 has a SYN that comes again answered again), and so as many of the last SYNs arrived as there are answers;
* the SYN/ACK comes again as long after the first one as two of the SYNs are apart, unless the server acknowledges the
  client's first data sooner than that: then the path is not as slow as such answers would make it.

None of it is believed where the client's first data were acknowledged so soon that the answer is about as old as the
last SYN. Servers echo the first SYN's timestamp in all their SYN/ACKs, also when the first of these was lost; and one
that its timer repeats may meet one that answers the next SYN.

Packets recorded twice count once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows import options
from analyzer.flows.groups import ranges
from analyzer.flows.handshake import Handshakes
from analyzer.flows.model import Label
from analyzer.flows.segments import Sorted
from analyzer.units import NS_PER_MS

AT_ONCE_NS = 200 * NS_PER_MS
"""No system repeats a SYN/ACK sooner by its timer, which begins at a second (RFC 6298 section 2.1; 200 ms is the
shortest one in use later on)."""
SAME_PAUSE = 0.01
"""Share of a pause by which the pause between the answers may differ from it: what a path of seconds may waver."""
MAX_ANSWERS = 4
"""SYN/ACKs looked at; a client that sends five SYNs has waited for half a minute."""
_SYN_ACK = Flag.SYN | Flag.ACK

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def correct(table: PacketTable, s: Sorted, h: Handshakes, label: NDArray[np.uint16]) -> Ints:
    """Correct ``syn_loss_ms`` and ``server_leg_ms`` where the SYN/ACK answers an earlier SYN.

    Args:
        h: is changed.
        label: (n,) uint16 of Label, what was recorded twice included.

    Returns:
        (j,) int64 index, ascending, of the SYNs that were answered though they were not the last before the answer.
    """
    late = (h.syn_loss_ms > 0) & (h.synack >= 0)
    late[late] = ~s.client[h.synack[late]]
    streams = np.flatnonzero(late)
    if not streams.size:
        return streams
    index = ranges(s.groups.first[streams], h.synack[streams])
    syns = index[((s.flags[index] & _SYN_ACK) == Flag.SYN) & s.client[index]]
    last = s.groups.last_of(syns)[streams]
    syns = syns[(label[syns] & Label.CAPTURED_TWICE) == 0]
    if not syns.size:
        return streams[:0]
    owner = np.searchsorted(streams, s.groups.of[syns])
    first = np.searchsorted(owner, np.arange(streams.size + 1))
    chosen = s.groups.last_of(syns)[streams]
    for found in (_paired(s, h, label, streams, syns, first), _echoed(table, s, h.synack[streams], syns, owner)):
        chosen = np.where(found >= 0, found, chosen)
    earlier = (chosen >= 0) & (chosen < last)
    answer, trip = s.time[h.synack[streams]], _later_trip(s, h, streams)
    least, most = answer - s.time[last], answer - s.time[chosen]
    earlier &= (trip < 0) | (2 * trip >= least + most)  # else the round trip is nearer to the last SYN's
    streams, chosen = streams[earlier], chosen[earlier]
    too_much = (s.time[last[earlier]] - s.time[chosen]) / NS_PER_MS
    h.syn_loss_ms[streams] = np.maximum(h.syn_loss_ms[streams] - too_much, 0)
    h.server_leg_ms[streams] += too_much
    return np.asarray(chosen)


def _echoed(table: PacketTable, s: Sorted, synack: Ints, syns: Ints, owner: Ints) -> Ints:
    """Return (k,) int64: the first SYN whose timestamp its stream's SYN/ACK echoes, -1 where none is."""
    asked, answer = options.timestamps(table, s.rows[syns]), options.timestamps(table, s.rows[synack])
    echoed = asked.present & answer.present[owner] & (asked.value == answer.echo[owner])
    out = np.full(synack.size, -1, np.int64)
    out[owner[echoed][::-1]] = syns[echoed][::-1]  # the first one is written last
    return out


def _paired(s: Sorted, h: Handshakes, label: NDArray[np.uint16], streams: Ints, syns: Ints, first: Ints) -> Ints:
    """Return (k,) int64: the SYN that the first SYN/ACK must answer, given those that follow it; -1 where unknown.

    Args:
        syns: SYNs before the SYN/ACK, by stream; first: (k + 1,) int64, where each stream's begin.
    """
    answer = h.synack
    again = _again(s, label, streams, answer, answer)
    pause = np.where(again >= 0, s.time[again] - s.time[answer], -1)[streams]
    at_once = (pause >= 0) & (pause < AT_ONCE_NS)
    answers = np.where(at_once, 2, 0)
    for _ in range(MAX_ANSWERS - 2):
        before, again = again, _again(s, label, streams[at_once], answer, again)
        at_once &= (again >= 0)[streams]
        at_once[at_once] = (s.time[again] - s.time[before])[streams[at_once]] < AT_ONCE_NS
        if not at_once.any():
            break
        answers += at_once
    chosen = np.where(answers > 0, np.maximum(first[1:] - answers, first[:-1]), -1)
    chosen = np.where(chosen >= 0, syns[np.minimum(chosen, syns.size - 1)], -1)
    apart = np.zeros(syns.size, np.int64)
    apart[:-1] = s.time[syns[1:]] - s.time[syns[:-1]]
    apart[first[1:] - 1] = 0  # a stream's last SYN has no next one
    waited = np.repeat(pause, np.diff(first))
    same = (apart > 0) & (waited >= AT_ONCE_NS) & (np.abs(apart - waited) <= apart * SAME_PAUSE)
    alike = np.flatnonzero(same)[::-1]
    owner = np.searchsorted(first, alike, side="right") - 1
    trip = _later_trip(s, h, streams)
    quick = (trip >= 0) & (trip < pause)
    chosen[owner[~quick[owner]]] = syns[alike[~quick[owner]]]
    return chosen


def _again(s: Sorted, label: NDArray[np.uint16], streams: Ints, answer: Ints, since: Ints) -> Ints:
    """Return for all connections the next SYN/ACK after ``since`` like the first one, -1 if a SYN comes before it."""
    start = np.full(s.groups.count, -1, np.int64)
    start[streams] = since[streams]

    def opens(index: Ints) -> Bools:
        same = s.client[index] | (s.seq[index] == s.seq[answer[s.groups.of[index]]])
        fresh = (label[index] & Label.CAPTURED_TWICE) == 0
        return np.asarray(((s.flags[index] & (Flag.SYN | Flag.RST)) == Flag.SYN) & fresh & same)

    found = s.groups.first_after(start, opens)
    return np.where((found >= 0) & ((s.flags[found] & _SYN_ACK) == _SYN_ACK) & ~s.client[found], found, -1)


def _later_trip(s: Sorted, h: Handshakes, streams: Ints) -> Ints:
    """Return (k,) int64: the time (ns) until the server acknowledged the client's first data, -1 where unknown."""
    start = np.full(s.groups.count, -1, np.int64)
    start[streams] = np.maximum(h.ack[streams] - 1, -1)  # data may ride on the handshake's last ACK
    data = s.groups.first_after(start, lambda index: s.client[index] & (s.length[index] > 0))
    end = np.where(data >= 0, s.seq[data] + s.length[data], 0)
    known = s.groups.first_after(data, lambda index: ~s.client[index] & (s.ack[index] >= end[s.groups.of[index]]))
    elapsed = s.time[known[streams]] - s.time[data[streams]]
    return np.where(known[streams] >= 0, np.maximum(elapsed, 0), -1)
