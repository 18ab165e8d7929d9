"""The RFC 9293 state of both sides after each drawn segment, and whether it is proven or only inferred.

The transitions are those of :mod:`analyzer.flows.tcp_state`; here segments become its events. A capture is taken at
one place, so that a segment was recorded does not prove that it had arrived. Three rules follow:

* a side is taken to have received a SYN or FIN when it answers it. That is what makes crossing FINs go through
  CLOSING on both sides. An ACK that lies outside of what a SYN began, or that the other side reset, is no answer to it
  (:mod:`analyzer.flows.acceptable`);
* a reset closes a side once that side has sent its last segment (resets aside): whoever still sends does not know of
  it yet, or does not believe it. Until then the side keeps its state, which is then only inferred;
* any other segment is taken to arrive at once.

Of a side that never said anything about this connection nothing is known, whatever was sent to it: UNKNOWN, as in the
columns of the ``tcp`` table.

Marked *inferred* (drawn dashed): what a side was before its first proven change, a side that is unknown, a side that
was reset and still sends, both sides of a simultaneous open until they show that they are open, and TIME_WAIT, whose
end is a timer that no segment shows.

Source: RFC 9293 section 3.3.2, figure 5; section 3.10.7 (what arrives); figures 6 to 13 (whole conversations).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows import tcp_state

CLIENT, SERVER = 0, 1


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment, sequence numbers relative as in :class:`analyzer.flows.model.Segments`.

    ``answers``: the other side may take it for an answer to its SYN (:func:`analyzer.flows.acceptable.answering`).
    """

    from_client: bool
    flags: int
    seq: int
    ack: int
    length: int
    answers: bool = True


@dataclass(frozen=True, slots=True)
class Side:
    """A side's state and whether it is only inferred."""

    state: str
    inferred: bool


Sides = tuple[Side, Side]
"""Both sides: client, server."""

NEVER = (-1, -1)
"""For :func:`walk`: neither side sends anything after a reset."""
ALWAYS = (1 << 62, 1 << 62)
"""For :func:`walk`: both sides go on sending."""


def still_sending(from_client: NDArray[np.bool_], flags: NDArray[np.uint16]) -> tuple[int, int]:
    """Return the index of the last segment that (client, server) send after the first reset, -1 for none.

    Resets do not count (they say that a side is closed), nor do SYNs (they begin anew).

    Args:
        from_client: (n,) bool, one connection in capture order; flags: (n,) uint16.
    """
    resets = np.flatnonzero(flags & Flag.RST)
    if not resets.size:
        return NEVER
    later = (flags & (Flag.RST | Flag.SYN)) == 0
    later[: int(resets[0])] = False
    client, server = (np.flatnonzero(later & (from_client == mine)) for mine in (True, False))
    return int(client[-1]) if client.size else -1, int(server[-1]) if server.size else -1


def speaks(flags: NDArray[np.uint16], answers: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which segments say something about this connection: all but ACKs of an older one; (n,) bool."""
    return np.asarray(answers | ((flags & (Flag.SYN | Flag.FIN | Flag.RST)) != 0))


def walk(
    segments: Iterable[Segment],
    *,
    handshake: str,
    client_spoke: bool = True,
    server_spoke: bool = True,
    last: tuple[int, int] = NEVER,
    end: tuple[int, int] = ALWAYS,
) -> Iterator[Sides]:
    """Yield (client, server) before the first segment and after each one; nothing when there is none.

    Args:
        segments: at least the control segments, the acknowledgements of SYN and FIN, and those that ``last`` names,
            in capture order.
        handshake: as in the ``tcp`` table; it tells what a side was before the first segment.
        client_spoke, server_spoke: the side sent at least one segment that :func:`speaks`; if not, nothing is known of
            it.
        last: positions in ``segments`` of each side's last segment after a reset (:func:`still_sending`).
        end: position in ``segments`` up to which (client, server) sends: who is silent behind it shows no more what it
            received.
    """
    ends: _Ends | None = None
    for at, segment in enumerate(segments):
        if ends is None:
            ends = _Ends(_before(segment, (client_spoke, server_spoke), handshake), last, end)
            yield ends.sides()
        ends.see(at, segment)
        yield ends.sides()


def _before(first: Segment, spoke: tuple[bool, bool], handshake: str) -> list[str]:
    """Guess both states before the first segment."""
    if not first.flags & Flag.SYN:
        states = [tcp_state.ESTABLISHED, tcp_state.ESTABLISHED]
    elif first.flags & Flag.ACK:
        states = [tcp_state.SYN_SENT, tcp_state.LISTEN]
    else:
        listens = handshake not in ("refused", "simultaneous")
        states = [tcp_state.CLOSED, tcp_state.LISTEN if listens else tcp_state.CLOSED]
    return [state if known else tcp_state.UNKNOWN for state, known in zip(states, spoke, strict=True)]


class _Ends:
    """Both ends of a connection."""

    def __init__(self, states: list[str], last: tuple[int, int], end: tuple[int, int]) -> None:
        self._state = states
        self._passive = [state == tcp_state.LISTEN for state in states]
        self._inferred = [True, True]
        self._spoke = [False, False]
        self._last, self._end = last, end
        self._at = 0
        self._reset = [False, False]  # a reset was recorded, but this side still sends
        self._asked = [False, False]  # the other side sent a SYN since the last reset
        self._fin_end: list[int | None] = [None, None]
        self._fin_pending = [False, False]  # the other side's FIN has not been answered yet
        self._ack_held = [False, False]  # the ACK of this side's FIN came before it answered the other's

    def sides(self) -> Sides:
        """Return both states as they are drawn."""
        client, server = map(self._side, (CLIENT, SERVER))
        return client, server

    def _side(self, side: int) -> Side:
        state = self._state[side]
        doubtful = self._inferred[side] or self._reset[side] or not self._spoke[side]
        return Side(state, doubtful or state in tcp_state.INFERRED or state == tcp_state.UNKNOWN)

    def _happens(self, side: int, event: str) -> None:
        if self._state[side] == tcp_state.UNKNOWN and event[0] == "<":
            return  # nothing is known of a side that never sends, whatever is sent to it
        after = tcp_state.step(self._state[side], event, passive=self._passive[side])
        # What a side sends itself proves that it is in the state that sends such things.
        if after != self._state[side] or event[0] == ">":
            self._inferred[side] = False
        self._state[side] = after

    def see(self, at: int, segment: Segment) -> None:
        """Take one segment into account."""
        me, peer = (CLIENT, SERVER) if segment.from_client else (SERVER, CLIENT)
        self._at = at
        flags = segment.flags
        self._spoke[me] |= segment.answers or bool(flags & (Flag.SYN | Flag.FIN | Flag.RST))
        if flags & Flag.SYN:
            self._reset[me] = False
            self._syn(me, peer, "synack" if flags & Flag.ACK else "syn")
        if flags & Flag.RST:
            self._asked = [False, False]
            self._close(me, ">rst")
            self._close(peer, "<rst")
        elif not flags & Flag.SYN:
            self._ack(me, peer, segment)
            if flags & Flag.FIN:
                self._fin_end[me] = segment.seq + segment.length + 1
                self._fin_pending[peer] = True
                self._happens(me, ">fin")
            if self._reset[me] and at >= self._last[me]:
                self._reset[me] = False
                self._happens(me, "<rst")
                self._inferred[me] = True  # nobody sees when the reset reached it

    def _close(self, side: int, event: str) -> None:
        """Let a reset close a side, unless it still sends."""
        if self._last[side] > self._at:
            self._reset[side] = True
        else:
            self._reset[side] = False
            self._happens(side, event)

    def _syn(self, me: int, peer: int, event: str) -> None:
        if event == "syn":
            self._asked[peer] = True
            self._happens(me, ">syn")
            return
        if self._state[me] == tcp_state.CLOSED and not self._asked[me]:
            return  # a stray answer to a SYN of before the reset
        if self._state[me] == tcp_state.SYN_SENT:  # both opened at once: the answer shows that it saw the other's
            self._happens(me, "<syn")
        else:
            self._happens(me, ">synack")
        if self._state[peer] == tcp_state.SYN_RCVD:  # both answers cross as both SYNs did
            for side in (peer, me):
                self._happens(side, "<synack")
                self._inferred[side] = True

    def _ack(self, me: int, peer: int, segment: Segment) -> None:
        acks = bool(segment.flags & Flag.ACK)
        answers = acks and segment.answers
        if answers and self._state[me] == tcp_state.SYN_SENT:  # only a side that got a SYN/ACK sends this
            if self._state[peer] in (tcp_state.LISTEN, tcp_state.CLOSED):
                self._happens(peer, ">synack")  # it was not captured
            self._happens(me, "<synack")
        if answers and self._state[peer] == tcp_state.SYN_RCVD:
            self._happens(peer, "<ack_syn")
        if answers and self._state[peer] == tcp_state.SYN_SENT:
            self._opens(me, peer)
        end = self._fin_end[peer]
        if acks and end is not None and segment.ack >= end:
            if self._fin_pending[me]:
                self._fin_pending[me] = False
                self._happens(me, "<fin")
            self._acknowledge(peer)
        if self._ack_held[me]:
            self._ack_held[me] = False
            self._happens(me, "<ack_fin")
        if segment.answers:
            self._happens(me, ">data")

    def _opens(self, me: int, peer: int) -> None:
        """Let a side that sends what only an open connection sends show that the other's SYN was answered."""
        if self._state[me] in (tcp_state.LISTEN, tcp_state.CLOSED):  # the SYN/ACK was not captured
            self._state[me] = tcp_state.ESTABLISHED
            self._inferred[me] = False
        self._happens(peer, "<synack")
        self._inferred[peer] = True  # it has not said so itself

    def _acknowledge(self, peer: int) -> None:
        """Let a side's FIN be acknowledged.

        If both FINs crossed, the acknowledgement travels behind the FIN of who sends it: the side has got both, is in
        CLOSING, and shows so with its next segment. Who sends no more may have got neither FIN nor acknowledgement; of
        that side the acknowledgement is believed, as of any other.
        """
        crossed = self._fin_pending[peer] and self._end[peer] > self._at
        if crossed and self._state[peer] == tcp_state.FIN_WAIT_1:
            self._fin_pending[peer] = False
            self._ack_held[peer] = True
            self._happens(peer, "<fin")
        else:
            self._happens(peer, "<ack_fin")
