"""The RFC 9293 state of both sides after each drawn segment, and whether it is proven or only inferred.

The transitions are those of :mod:`analyzer.flows.tcp_state`; here segments become its events. A capture is taken at
one place, so that a segment was recorded does not prove that it had arrived: a side is taken to have received a SYN
or FIN when it answers it. That is what makes crossing FINs go through CLOSING on both sides.

Marked *inferred* (drawn dashed): what a side was before its first proven change, a side that never sent anything, and
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
    ends: _Ends | None = None
    out: list[tuple[Side, Side]] = []
    for segment in segments:
        if ends is None:
            ends = _Ends(_before(segment, server_spoke, server_refused))
            out.append(ends.sides())
        ends.see(segment)
        out.append(ends.sides())
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


class _Ends:
    """Both ends of a connection; index 0 is the client, 1 the server."""

    def __init__(self, states: list[str]) -> None:
        self._state = states
        self._proven = [False, False]
        self._fin_end: list[int | None] = [None, None]
        self._fin_pending = [False, False]  # the other side's FIN has not been answered yet
        self._ack_held = [False, False]  # the ACK of this side's FIN came before it answered the other's

    def sides(self) -> tuple[Side, Side]:
        """Return both states as they are drawn."""
        client, server = (
            Side(state, not known or state in tcp_state.INFERRED or state == tcp_state.UNKNOWN)
            for state, known in zip(self._state, self._proven, strict=True)
        )
        return client, server

    def _happens(self, side: int, event: str) -> None:
        after = tcp_state.step(self._state[side], event)
        # What a side sends itself proves that it is in the state that sends such things.
        self._proven[side] |= after != self._state[side] or event[0] == ">"
        self._state[side] = after

    def see(self, segment: Segment) -> None:
        """Take one segment into account."""
        me, peer = (0, 1) if segment.from_client else (1, 0)
        flags = segment.flags
        if flags & Flag.RST:
            self._happens(me, ">rst")
            self._happens(peer, "<rst")
        elif flags & Flag.SYN:
            self._syn(me, peer, "synack" if flags & Flag.ACK else "syn")
        else:
            self._ack(me, peer, segment)
            if flags & Flag.FIN:
                self._fin_end[me] = segment.seq + segment.length + 1
                self._fin_pending[peer] = True
                self._happens(me, ">fin")

    def _syn(self, me: int, peer: int, event: str) -> None:
        if event == "synack":
            if self._state[me] == tcp_state.SYN_SENT:  # both opened at once: the answer shows that it saw the other's
                self._happens(me, "<syn")
            else:
                self._happens(me, ">synack")
            if self._state[peer] == tcp_state.SYN_RCVD:  # both answers cross as both SYNs did
                self._happens(peer, "<synack")
                self._happens(me, "<synack")
        else:
            self._happens(me, ">syn")

    def _ack(self, me: int, peer: int, segment: Segment) -> None:
        acks = bool(segment.flags & Flag.ACK)
        if acks and self._state[peer] == tcp_state.SYN_RCVD:
            if self._state[me] == tcp_state.SYN_SENT:
                self._happens(me, "<synack")
            self._happens(peer, "<ack_syn")
        end = self._fin_end[peer]
        if acks and end is not None and segment.ack >= end:
            if self._fin_pending[me]:
                self._fin_pending[me] = False
                self._happens(me, "<fin")
            self._acknowledge(peer)
        if self._ack_held[me]:
            self._ack_held[me] = False
            self._happens(me, "<ack_fin")
        self._happens(me, ">data")

    def _acknowledge(self, peer: int) -> None:
        """Let a side's FIN be acknowledged.

        If both FINs crossed, the acknowledgement travels behind the FIN of who sends it: the side has got both, is in
        CLOSING, and shows so with its next segment.
        """
        if self._fin_pending[peer] and self._state[peer] == tcp_state.FIN_WAIT_1:
            self._fin_pending[peer] = False
            self._ack_held[peer] = True
            self._happens(peer, "<fin")
        else:
            self._happens(peer, "<ack_fin")
