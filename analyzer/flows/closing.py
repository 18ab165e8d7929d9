"""How each connection ended: FINs and who acknowledged them, resets, end states, for all connections at once.

Definitions: MEASURES "TCP, per connection". Few kinds of ending exist, so the (possibly million) connections are
reduced to the distinct orders of their control segments, and the state machine runs once for each distinct order.

A reset before the handshake that was then completed ended an earlier try, not the connection: some systems send a
refused SYN again, and a side that still remembers an old connection is reset first (RFC 9293 section 3.5.1, figure 9).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows import tcp_state
from analyzer.flows.groups import ranges
from analyzer.flows.handshake import Handshakes
from analyzer.flows.model import CLOSERS, CLOSES, CONN_STATES
from analyzer.flows.segments import OPENING, Sorted

_SYN_ACK = Flag.SYN | Flag.ACK


@dataclass(slots=True)
class Closings:
    """Per stream; indices into the sorted segments, -1 is none.

    Attributes:
        fin, fin_acked: (2, streams), row 0 the server's FIN and the segment that acknowledged it, row 1 the client's.
        rst: (streams,) first reset of the connection.
        kind: (streams,) uint8 code into CLOSES; by: (streams,) uint8 code into CLOSERS.
        end: (streams,) index of the segment that completed the close, -1 when it did not complete.
        states: (2, streams) uint8 code into tcp_state.STATES, row 0 the server's.
        conn_state: (streams,) int code into CONN_STATES.
    """

    fin: NDArray[np.int64]
    fin_acked: NDArray[np.int64]
    rst: NDArray[np.int64]
    kind: NDArray[np.uint8]
    by: NDArray[np.uint8]
    end: NDArray[np.int64]
    states: NDArray[np.uint8]
    conn_state: NDArray[np.uint8]


def read(s: Sorted, h: Handshakes) -> Closings:
    """Find and name the close of every stream."""
    g = s.groups
    fins = np.flatnonzero(s.flags & Flag.FIN)
    fin = np.stack([g.first_of(fins[s.client[fins] == mine]) for mine in (False, True)])
    fin_acked = np.stack([_acked(s, fin[int(mine)], mine) for mine in (False, True)])
    rsts = _resets(s, h)
    rst = g.first_of(rsts)
    kind, by, end = _kinds(s, fin, fin_acked, rst)
    states, conn = _states(s, h, fin, fin_acked, rsts)
    return Closings(fin, fin_acked, rst, kind, by, end, states, conn)


def _resets(s: Sorted, h: Handshakes) -> NDArray[np.int64]:
    """Return the resets, without those of a try before the handshake that was completed."""
    g = s.groups
    rsts = np.flatnonzero(s.flags & Flag.RST)
    early = rsts[rsts < h.ack[g.of[rsts]]]
    if not early.size:
        return rsts
    syns = np.flatnonzero((s.flags & (Flag.SYN | Flag.ACK)) == Flag.SYN)
    begun = np.maximum(g.last_of(syns[syns < h.ack[g.of[syns]]]), h.synack)
    return np.setdiff1d(rsts, early[early < begun[g.of[early]]], assume_unique=True)


def _acked(s: Sorted, fin: NDArray[np.int64], by_client: bool) -> NDArray[np.int64]:
    """Return the first segment of the other side that acknowledges a FIN."""

    def acknowledges(index: NDArray[np.int64]) -> NDArray[np.bool_]:
        at = fin[s.groups.of[index]]
        no_reset = (s.flags[index] & Flag.RST) == 0
        return np.asarray(no_reset & (s.client[index] != by_client) & (s.ack[index] > s.seq[at] + s.length[at]))

    return s.groups.first_after(fin, acknowledges)


def _kinds(
    s: Sorted, fin: NDArray[np.int64], acked: NDArray[np.int64], rst: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    n = s.groups.count
    both = (fin[0] >= 0) & (fin[1] >= 0)
    client_first = (fin[1] >= 0) & ((fin[0] < 0) | (fin[1] < fin[0]))
    pick = np.arange(n)
    first_side = client_first.astype(np.int8)
    second_side = 1 - first_side
    second = fin[second_side, pick]
    first_acked = acked[first_side, pick]
    last = np.maximum(acked[0], acked[1])
    complete = both & (acked >= 0).all(axis=0)
    reset = (rst >= 0) & ~(complete & (rst > last))
    crossed = both & ((first_acked < 0) | (first_acked > second))
    rules: tuple[tuple[str, NDArray[np.bool_]], ...] = (
        ("reset", reset),
        ("simultaneous", crossed),
        ("three_way", both & (first_acked == second)),
        ("four_way", both),
        ("half_closed", np.asarray((fin >= 0).any(axis=0) & (first_acked >= 0))),
    )
    kind = np.zeros(n, np.uint8)
    open_ = np.ones(n, np.bool_)
    for name, applies in rules:
        kind[open_ & applies] = CLOSES.index(name)
        open_ &= ~applies
    reset_by_client = np.zeros(n, np.bool_)
    if s.groups.size:
        reset_by_client = s.client[rst]
    closer = np.where(client_first, CLOSERS.index("client"), CLOSERS.index("server"))
    by = np.where((fin >= 0).any(axis=0), closer, CLOSERS.index(""))
    by[crossed] = CLOSERS.index("both")
    by = np.where(reset, np.where(reset_by_client, CLOSERS.index("client"), CLOSERS.index("server")), by)
    end = np.where(reset, rst, np.where(complete, last, -1))
    return kind, by.astype(np.uint8), end


# Control events in the order of the rows of the event matrix: name, sent by the client.
_EVENTS: tuple[tuple[str, bool], ...] = (
    ("syn", True),
    ("syn", False),
    ("synack", False),
    ("synack", True),
    ("ack_syn", True),
    ("ack_syn", False),
    ("data", True),
    ("data", False),
    ("fin", True),
    ("fin", False),
    ("ack_fin", False),
    ("ack_fin", True),
    ("rst", True),
    ("rst", False),
    # once more, of a try after the connection was over
    ("syn", True),
    ("synack", False),
    ("data", True),
    ("data", False),
    ("rst", True),
    ("rst", False),
    # says nothing of this connection: an ACK of an older one
    ("stray", True),
    ("stray", False),
)
_TRIES = 6
_SAME, _ABSENT = 64, 255


def _states(
    s: Sorted, h: Handshakes, fin: NDArray[np.int64], acked: NDArray[np.int64], rsts: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Run the state machine and Zeek's conn_state once per distinct order of control events."""
    matrix = _matrix(s, h, fin, acked, rsts)
    # Order of events per stream, as small numbers; absent events rank last and are marked.
    order = np.argsort(np.where(matrix < 0, 1 << 62, matrix), axis=0, kind="stable")
    ranked = np.take_along_axis(matrix, order, axis=0)
    present = ranked >= 0
    same = np.zeros(matrix.shape, np.bool_)  # rides on the same segment as the event before it
    same[1:] = (ranked[1:] == ranked[:-1]) & present[1:]
    code = np.where(present, order + np.where(same, _SAME, 0), _ABSENT).astype(np.uint8).T.copy()
    distinct, which = np.unique(code.view(f"V{code.shape[1]}").ravel(), return_inverse=True)
    states = np.zeros((2, distinct.size), np.uint8)
    conn = np.zeros(distinct.size, np.uint8)
    for k, raw in enumerate(distinct):
        events = _decode(raw.tobytes())
        midstream = not {"syn", "synack"} & {name for _, name in events}
        client, server = tcp_state.final(events, midstream)
        states[1, k], states[0, k] = tcp_state.STATES.index(client), tcp_state.STATES.index(server)
        conn[k] = CONN_STATES.index(conn_state(events))
    return states[:, which], conn[which]


def _matrix(
    s: Sorted, h: Handshakes, fin: NDArray[np.int64], acked: NDArray[np.int64], rsts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return (events, streams): the first segment that is each event of :data:`_EVENTS`, -1 without one.

    The last rows are left out where no connection has such events.
    """
    g, client = s.groups, s.client
    syns, synacks = (np.flatnonzero((s.flags & OPENING) == bits) for bits in (Flag.SYN, _SYN_ACK))
    plain = (s.flags & (Flag.SYN | Flag.FIN | Flag.RST)) == 0
    other = h.answers & plain
    by_client = client[h.ack] if g.size else np.zeros(g.count, np.bool_)
    rows = [
        g.first_of(syns[client[syns]]),
        g.first_of(syns[~client[syns]]),
        g.first_of(synacks[~client[synacks]]),
        g.first_of(synacks[client[synacks]]),
        np.where(by_client, h.ack, -1),
        np.where(by_client, -1, h.ack),
        g.first_where(other & client),
        g.first_where(other & ~client),
        fin[1],
        fin[0],
        acked[1],
        acked[0],
        g.first_of(rsts[client[rsts]]),
        g.first_of(rsts[~client[rsts]]),
    ]
    begun = _tried_again(s, acked, rsts)
    again = np.flatnonzero(begun >= 0)
    if again.size:
        index = ranges(begun[again], g.first[again + 1])
        flags, mine = s.flags[index], client[index]
        answer = (flags & (_SYN_ACK | Flag.RST)) == _SYN_ACK
        data, rst = other[index], (flags & Flag.RST) != 0
        later = (~mine & answer, mine & data, ~mine & data, mine & rst, ~mine & rst)
        rows += [begun, *(g.first_of(index[hits]) for hits in later)]
    stray = np.flatnonzero(plain & ~h.answers)
    if stray.size:
        rows += [] if again.size else [np.full(g.count, -1, np.int64)] * _TRIES
        rows += [g.first_of(stray[client[stray] == mine]) for mine in (True, False)]
    return np.stack(rows)


def _tried_again(s: Sorted, acked: NDArray[np.int64], rsts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return per stream the client's last SYN after the connection was reset or closed by both sides, -1 without."""
    g = s.groups
    over = g.first_of(rsts)
    closed = np.where((acked >= 0).all(axis=0), acked.max(axis=0), -1)
    over = np.where((over >= 0) & (closed >= 0), np.minimum(over, closed), np.maximum(over, closed))
    syns = np.flatnonzero(((s.flags & (_SYN_ACK | Flag.RST)) == Flag.SYN) & s.client)
    end = over[g.of[syns]]
    return g.last_of(syns[(end >= 0) & (syns > end)])


def _decode(raw: bytes) -> tuple[tuple[bool, str], ...]:
    """Turn a coded order of events into (by client, event), FIN and its ACK on one segment merged to ``finack``."""
    out: list[tuple[bool, str]] = []
    for byte in raw:
        if byte == _ABSENT:
            break
        name, by_client = _EVENTS[byte & ~_SAME]
        if byte & _SAME and out:
            before = out[-1]
            if {before[1], name} == {"fin", "ack_fin"} and before[0] == by_client:
                out[-1] = (by_client, "finack")
                continue
            if name == "data":
                continue
            if (before, name) == ((by_client, "syn"), "fin"):
                name = "synfin"  # closes nothing yet: first the SYN has to be answered
        out.append((by_client, name))
    return tuple(out)


_FINS = {"finack": "fin", "synfin": "fin"}


def conn_state(events: tuple[tuple[bool, str], ...]) -> str:
    """Return Zeek's one-word summary of a connection (MEASURES) from its control events in order."""
    names = [(("o" if by_client else "r") + _FINS.get(name, name)) for by_client, name in events]
    seen = set(names)
    syn, synack = "osyn" in seen, bool(seen & {"rsynack", "osynack", "rsyn"})
    established = synack and (syn or "oack_syn" in seen)
    reset_o, reset_r = "orst" in seen, "rrst" in seen
    fin_o, fin_r = "ofin" in seen, "rfin" in seen
    if reset_o or reset_r:
        first = next(name for name in names if name.endswith("rst"))
        if established:
            return "RSTO" if first == "orst" else "RSTR"
        if syn:
            return "RSTOS0" if first == "orst" else "REJ"
        if synack:
            return "RSTRH" if first == "rrst" else "OTH"
        return "OTH"
    if not syn and not synack:
        return "OTH"
    if syn and not synack:
        if fin_o:
            return "SH"
        answered = any(name.startswith("r") for name in names)
        return "OTH" if answered else "S0"
    if not syn:
        return "SHR" if fin_r and not fin_o else ("SF" if fin_o and fin_r else "OTH")
    if fin_o and fin_r:
        return "SF"
    if fin_o:
        return "S2"
    return "S3" if fin_r else "S1"
