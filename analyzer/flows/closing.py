"""How each connection ended: FINs and who acknowledged them, resets, end states, for all connections at once.

Definitions: MEASURES "TCP, per connection". Few kinds of ending exist, so the (possibly million) connections are
reduced to the distinct orders of their control segments, and the state machine runs once for each distinct order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows import tcp_state
from analyzer.flows.groups import NOTHING
from analyzer.flows.handshake import Handshakes
from analyzer.flows.model import CLOSERS, CLOSES, CONN_STATES
from analyzer.flows.segments import Sorted


@dataclass(slots=True)
class Closings:
    """Per stream; indices into the sorted segments, -1 is none.

    Attributes:
        fin, fin_acked: (2, streams), row 0 the server's FIN and the segment that acknowledged it, row 1 the client's.
        rst: (streams,) first reset.
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
    is_fin = (s.flags & Flag.FIN) != 0
    fin = np.stack([g.first_where(is_fin & (s.client == mine)) for mine in (False, True)])
    fin_acked = np.stack([_acked(s, fin[int(mine)], mine) for mine in (False, True)])
    rst = g.first_where((s.flags & Flag.RST) != 0)
    kind, by, end = _kinds(s, fin, fin_acked, rst)
    states, conn = _states(s, h, fin, fin_acked, rst)
    return Closings(fin, fin_acked, rst, kind, by, end, states, conn)


def _acked(s: Sorted, fin: NDArray[np.int64], by_client: bool) -> NDArray[np.int64]:
    """Return the first segment of the other side that acknowledges a FIN."""
    g = s.groups
    if not g.size:
        return fin
    at = fin[g.of]
    past = s.seq[at] + s.length[at] + 1
    wanted = (at >= 0) & (np.arange(g.size) > at) & (s.client != by_client) & (s.ack >= past) & (s.ack > NOTHING)
    return g.first_where(wanted & ((s.flags & Flag.RST) == 0))


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
    ("data", True),
    ("data", False),
    ("fin", True),
    ("fin", False),
    ("ack_fin", False),
    ("ack_fin", True),
    ("rst", True),
    ("rst", False),
)


def _states(
    s: Sorted, h: Handshakes, fin: NDArray[np.int64], acked: NDArray[np.int64], rst: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Run the state machine and Zeek's conn_state once per distinct order of control events."""
    g = s.groups
    is_syn = (s.flags & (Flag.SYN | Flag.ACK)) == Flag.SYN
    is_synack = (s.flags & (Flag.SYN | Flag.ACK)) == Flag.SYN | Flag.ACK
    is_rst = (s.flags & Flag.RST) != 0
    other = (s.flags & (Flag.SYN | Flag.FIN | Flag.RST)) == 0
    matrix = np.stack(
        [
            g.first_where(is_syn & s.client),
            g.first_where(is_syn & ~s.client),
            g.first_where(is_synack & ~s.client),
            g.first_where(is_synack & s.client),
            h.ack,
            g.first_where(other & s.client),
            g.first_where(other & ~s.client),
            fin[1],
            fin[0],
            acked[1],
            acked[0],
            g.first_where(is_rst & s.client),
            g.first_where(is_rst & ~s.client),
        ]
    )
    # Order of events per stream, as small numbers; absent events rank last and are marked.
    order = np.argsort(np.where(matrix < 0, 1 << 62, matrix), axis=0, kind="stable").astype(np.uint8)
    present = np.take_along_axis(matrix, order.astype(np.int64), axis=0) >= 0
    same = np.zeros(matrix.shape, np.bool_)  # rides on the same segment as the event before it
    ranked = np.take_along_axis(matrix, order.astype(np.int64), axis=0)
    same[1:] = (ranked[1:] == ranked[:-1]) & present[1:]
    code = np.where(present, order + np.where(same, 64, 0), 255).astype(np.uint8).T.copy()
    distinct, which = np.unique(code.view(f"V{code.shape[1]}").ravel(), return_inverse=True)
    states = np.zeros((2, distinct.size), np.uint8)
    conn = np.zeros(distinct.size, np.uint8)
    for k, raw in enumerate(distinct):
        events = _decode(raw.tobytes())
        names = {(name, by_client) for name, by_client in events}
        midstream = not names & {("syn", True), ("syn", False), ("synack", False), ("synack", True)}
        client, server = tcp_state.final(events, midstream)
        states[1, k], states[0, k] = tcp_state.STATES.index(client), tcp_state.STATES.index(server)
        conn[k] = CONN_STATES.index(conn_state(events))
    return states[:, which], conn[which]


def _decode(raw: bytes) -> tuple[tuple[bool, str], ...]:
    """Turn a coded order of events into (by client, event), FIN and its ACK on one segment merged to ``finack``."""
    out: list[tuple[bool, str]] = []
    for byte in raw:
        if byte == 255:
            break
        name, by_client = _EVENTS[byte & 63]
        if byte & 64 and out:
            before = out[-1]
            if {before[1], name} == {"fin", "ack_fin"} and before[0] == by_client:
                out[-1] = (by_client, "finack")
                continue
            if name == "data":
                continue
        out.append((by_client, name))
    return tuple(out)


def conn_state(events: tuple[tuple[bool, str], ...]) -> str:
    """Return Zeek's one-word summary of a connection (MEASURES) from its control events in order."""
    names = [(("o" if by_client else "r") + name.replace("finack", "fin")) for by_client, name in events]
    seen = set(names)
    syn, synack = "osyn" in seen, bool(seen & {"rsynack", "osynack", "rsyn"})
    established = synack and (syn or "oack_syn" in seen)
    reset_o, reset_r = "orst" in seen, "rrst" in seen
    fin_o, fin_r = "ofin" in seen, "rfin" in seen
    if reset_o or reset_r:
        first = next(name for name in names if name.endswith("rst"))
        if established or (synack and syn):
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
