"""Zeek's ``history`` of each connection: one letter per kind of event, upper case when the client caused it.

``a d i q`` are written once per side, ``s h f r`` again only when the sequence number is not that of the side's last
one (a retransmitted SYN is one event), ``g t w`` the 1st, 10th, 100th … time. ``g`` is a hole that stayed one: what
comes late or again is none. ``^`` stands in front when the first
packet was not the client's. Letters of all connections lie in one byte array: a connection's word is a slice of it.

Source: MEASURES "TCP, per connection"; Zeek's documentation of conn.log.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.model import Label
from analyzer.flows.segments import Sorted

_RESENT = Label.RETRANSMISSION | Label.FAST_RETRANSMISSION | Label.SPURIOUS_RETRANSMISSION
MAX_POWER = 9
"""Repeated events count at the 1st, 10th, 100th … time, up to 10^9."""


def letters(
    s: Sorted, label: NDArray[np.uint16], holes: NDArray[np.int64], flipped: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return all letters, sorted by stream and time, and (streams + 1,) pointers into them.

    Args:
        label: (n,) uint16 of Label.
        holes: (k,) int64, ascending, the segments behind a hole that was never filled.
        flipped: (streams,) bool, the first packet was not the client's.
    """
    g = s.groups
    syn, fin, rst = ((s.flags & bit) != 0 for bit in (Flag.SYN, Flag.FIN, Flag.RST))
    ack = (s.flags & Flag.ACK) != 0
    data = s.length > 0
    every = ((b"s", syn & ~ack), (b"h", syn & ack), (b"f", fin), (b"r", rst))
    once = (
        (b"a", ack & ~data & ~syn & ~fin & ~rst),
        (b"d", data),
        (b"i", fin & rst),
        (b"q", syn & (fin | rst)),
    )
    behind = np.zeros(g.size, np.bool_)
    behind[holes] = True
    growing = (
        (b"g", behind),
        (b"t", ((label & _RESENT) != 0) & data),
        (b"w", (s.flags & (Flag.SYN | Flag.RST | Flag.FIN) == 0) & ((label & Label.ZERO_WINDOW) != 0)),
    )
    at: list[NDArray[np.int64]] = []
    what: list[NDArray[np.uint8]] = []

    def keep(index: NDArray[np.int64], letter: bytes) -> None:
        at.append(index)
        what.append(np.where(s.client[index], ord(letter.upper()), ord(letter)).astype(np.uint8))

    for letter, where in every:
        for mine in (True, False):
            keep(_renumbered(s, np.flatnonzero(where & (s.client == mine))), letter)
    for letter, where in once:
        for mine in (True, False):
            first = g.first_where(where & (s.client == mine))
            keep(first[first >= 0], letter)
    for letter, where in growing:
        for mine in (True, False):
            hits = np.flatnonzero(where & (s.client == mine))
            if hits.size:
                owner = g.of[hits]
                head = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
                rank = np.arange(hits.size) - np.repeat(head, np.diff(np.append(head, hits.size))) + 1
                keep(hits[np.isin(rank, 10 ** np.arange(MAX_POWER + 1))], letter)
    turned = np.flatnonzero(flipped)
    index = np.concatenate([g.first[turned], *at]) if g.size else np.zeros(0, np.int64)
    code = np.concatenate([np.full(turned.size, ord("^"), np.uint8), *what]) if g.size else np.zeros(0, np.uint8)
    order = np.argsort(index, kind="stable")
    counts = np.bincount(g.of[index], minlength=g.count) if index.size else np.zeros(g.count, np.int64)
    return code[order], np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def _renumbered(s: Sorted, hits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of some segments of one side whose sequence number is not that of the one before in its stream."""
    repeats = np.zeros(hits.size, np.bool_)
    repeats[1:] = (s.groups.of[hits[1:]] == s.groups.of[hits[:-1]]) & (s.seq[hits[1:]] == s.seq[hits[:-1]])
    return hits[~repeats]
