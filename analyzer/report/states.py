"""The RFC 9293 state of both sides after each drawn segment, and whether it is proven or only inferred.

The machine itself is :mod:`analyzer.flows.tcp_state`; here segments become its events, and three things are marked
*inferred* (drawn dashed): what a side was before its first proven change, a side that never sent anything, and
TIME_WAIT, whose end is a timer that no segment shows.

Source: RFC 9293 section 3.3.2, figure 5.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analyzer.decode.table import Flag
from analyzer.flows import tcp_state


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment, sequence numbers relative as in :class:`analyzer.flows.model.Segments`."""

    from_client: bool
    flags: int
    seq: int
    ack: int
    length: int


@dataclass(frozen=True, slots=True)
class Side:
    """A side's state and whether it is only inferred."""

    state: str
    inferred: bool


def walk(segments: Iterable[Segment], server_spoke: bool, server_refused: bool) -> list[tuple[Side, Side]]:
    """Return (client, server) before the first segment and after each one.

    Args:
        segments: at least the control segments and the acknowledgements of SYN and FIN, in capture order.
        server_spoke: the server sent at least one segment; if not, nothing is known of it.
        server_refused: it answered the SYN with a reset, so nothing was listening.
    """
    states: list[str] | None = None
    proven = [False, False]
    fin_end: list[int | None] = [None, None]
    out: list[tuple[Side, Side]] = []
    for segment in segments:
        if states is None:
            states = _before(segment, server_spoke, server_refused)
            out.append(_sides(states, proven))
        event = _event(segment, fin_end)
        for side in (0, 1):
            sent = segment.from_client == (side == 0)
            after = tcp_state.step(states[side], (">" if sent else "<") + event)
            proven[side] |= after != states[side] or (sent and after != tcp_state.UNKNOWN)
            states[side] = after
        out.append(_sides(states, proven))
    return out


def _before(first: Segment, server_spoke: bool, server_refused: bool) -> list[str]:
    """Guess both states before the first segment."""
    if not first.flags & Flag.SYN:
        return [tcp_state.ESTABLISHED, tcp_state.ESTABLISHED]
    if first.flags & Flag.ACK:
        return [tcp_state.SYN_SENT, tcp_state.LISTEN]
    if not server_spoke:
        return [tcp_state.CLOSED, tcp_state.UNKNOWN]
    return [tcp_state.CLOSED, tcp_state.CLOSED if server_refused else tcp_state.LISTEN]


def _event(segment: Segment, fin_end: list[int | None]) -> str:
    """Name what a segment means to the state machine; remembers where each side's FIN ended."""
    me, peer = (0, 1) if segment.from_client else (1, 0)
    flags = segment.flags
    if flags & Flag.RST:
        return "rst"
    if flags & Flag.SYN:
        return "synack" if flags & Flag.ACK else "syn"
    peer_end = fin_end[peer]
    covers_fin = bool(flags & Flag.ACK) and peer_end is not None and segment.ack >= peer_end
    if flags & Flag.FIN:
        fin_end[me] = segment.seq + segment.length + 1
        return "finack" if covers_fin else "fin"
    if covers_fin:
        return "ack_fin"
    return "ack_syn" if flags & Flag.ACK and not segment.length else "data"


def _sides(states: list[str], proven: list[bool]) -> tuple[Side, Side]:
    client, server = (
        Side(state, not known or state in tcp_state.INFERRED or state == tcp_state.UNKNOWN)
        for state, known in zip(states, proven, strict=True)
    )
    return client, server
