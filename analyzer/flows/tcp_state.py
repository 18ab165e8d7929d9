"""The two state machines of a connection, as a table.

States and events are RFC 9293 section 3.3.2 and figure 5, seen from outside: what a side *sends* and what *reaches*
it. A capture shows the wire at one place, not the ends. Four rules follow:

* a SYN, SYN-ACK or FIN has reached the other side when that side answers it; that alone proves it, and it lets crossing
  ones cross. What a side sends after that (ACKs, data, resets) is taken to arrive at once;
* whoever sends data or a FIN has an open connection, though the answer that opened it was not captured;
* CLOSED is where a side begins unless it is known to listen (it answered); the server begins in LISTEN. Of a side that
  never sent anything nothing is known;
* the end of TIME_WAIT is a timer nobody can see: a side stays there, and readers are told it is inferred.

Events: ``syn``, ``synack``, ``ack_syn`` (the ACK that completes the handshake), ``fin``, ``ack_fin`` (an ACK that
covers the other side's FIN), ``finack`` (a FIN that also covers the other side's FIN), ``rst``, ``data`` (anything
else on an open connection), ``stray`` (an ACK that does not answer the SYN: of an older connection, it changes
nothing); ``>`` sent by the side itself, ``<`` received.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

CLOSED, LISTEN, SYN_SENT, SYN_RCVD, ESTABLISHED = "CLOSED", "LISTEN", "SYN_SENT", "SYN_RCVD", "ESTABLISHED"
FIN_WAIT_1, FIN_WAIT_2, CLOSING, TIME_WAIT = "FIN_WAIT_1", "FIN_WAIT_2", "CLOSING", "TIME_WAIT"
CLOSE_WAIT, LAST_ACK, UNKNOWN = "CLOSE_WAIT", "LAST_ACK", "UNKNOWN"

STATES = (
    CLOSED,
    LISTEN,
    SYN_SENT,
    SYN_RCVD,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSING,
    TIME_WAIT,
    CLOSE_WAIT,
    LAST_ACK,
    UNKNOWN,
)

TRANSITIONS: dict[tuple[str, str], str] = {
    # opening
    (CLOSED, ">syn"): SYN_SENT,
    (LISTEN, ">syn"): SYN_SENT,
    (LISTEN, "<syn"): SYN_RCVD,
    (CLOSED, "<syn"): CLOSED,  # nobody listens; a RST will follow
    (SYN_SENT, "<syn"): SYN_RCVD,  # simultaneous open
    (SYN_SENT, "<synack"): ESTABLISHED,
    (SYN_RCVD, "<synack"): ESTABLISHED,
    (SYN_RCVD, "<ack_syn"): ESTABLISHED,
    (SYN_RCVD, "<data"): ESTABLISHED,
    (SYN_RCVD, ">fin"): FIN_WAIT_1,
    (SYN_RCVD, "<fin"): CLOSE_WAIT,
    (LISTEN, ">synack"): SYN_RCVD,  # the SYN itself was not captured
    (CLOSED, ">synack"): SYN_RCVD,
    (CLOSED, "<synack"): ESTABLISHED,  # SYN not captured, the answer proves it
    (SYN_SENT, "<data"): ESTABLISHED,
    # open connections met mid-stream
    (UNKNOWN, ">data"): ESTABLISHED,
    (UNKNOWN, "<data"): ESTABLISHED,
    (UNKNOWN, ">fin"): FIN_WAIT_1,
    (UNKNOWN, "<fin"): CLOSE_WAIT,
    (UNKNOWN, ">finack"): LAST_ACK,
    (UNKNOWN, "<finack"): TIME_WAIT,
    # closing
    (ESTABLISHED, ">fin"): FIN_WAIT_1,
    (ESTABLISHED, "<fin"): CLOSE_WAIT,
    (CLOSE_WAIT, ">fin"): LAST_ACK,
    (CLOSE_WAIT, ">finack"): LAST_ACK,
    (ESTABLISHED, ">finack"): LAST_ACK,
    (FIN_WAIT_1, "<ack_fin"): FIN_WAIT_2,
    (FIN_WAIT_1, "<fin"): CLOSING,
    (FIN_WAIT_1, "<finack"): TIME_WAIT,
    (FIN_WAIT_2, "<fin"): TIME_WAIT,
    (FIN_WAIT_2, "<finack"): TIME_WAIT,
    (CLOSING, "<ack_fin"): TIME_WAIT,
    (CLOSING, "<finack"): TIME_WAIT,
    (LAST_ACK, "<ack_fin"): CLOSED,
    (LAST_ACK, "<finack"): CLOSED,
}
"""What is not listed leaves the state as it is; ``rst`` sends every state but LISTEN to CLOSED."""

INFERRED = frozenset({TIME_WAIT})
"""States whose end (or beginning) no packet shows."""


def step(state: str, event: str, *, passive: bool = False) -> str:
    """Return the state after one event (``>fin``, ``<rst`` …).

    Args:
        passive: the side listened before; a reset takes its half-open connection back there (figure 5, note 1).
    """
    if event[1:] == "rst":
        back = state == LISTEN or (passive and state == SYN_RCVD and event == "<rst")
        return LISTEN if back else CLOSED
    return TRANSITIONS.get((state, event), state)


def begin(*, client: bool, midstream: bool) -> str:
    """Return the state a side is in before its first segment."""
    if midstream:
        return UNKNOWN
    return CLOSED if client else LISTEN


_PROVES_OPENING = frozenset({"synack", "ack_syn", "data", "fin", "ack_fin", "finack", "rst"})
_PROVES_ALL = frozenset({"ack_fin", "finack"})
_NEEDS_ANSWER = frozenset({"syn", "synack", "fin"})
_OPENINGS = frozenset({"syn", "synack"})
_SHOWS_OPEN = frozenset({"data", "fin", "ack_fin", "finack"})


class _Side:
    """One end: its state, and what was sent to it but not yet answered."""

    def __init__(self, state: str) -> None:
        self.state = state
        self._coming: list[str] = []
        self._passive = state == LISTEN
        self._sent_opening = False

    def sends(self, event: str) -> None:
        """Answer what this event shows to have arrived, then send it."""
        opens = event in _SHOWS_OPEN
        if opens and self.state == SYN_SENT and _OPENINGS.isdisjoint(self._coming):
            self.state = ESTABLISHED  # it was answered, or it could not send this
        if event in _PROVES_OPENING:
            arrived = [e for e in self._coming if event in _PROVES_ALL or e != "fin"]
            self._coming = [e for e in self._coming if e not in arrived]
            for each in arrived:
                self.state = step(self.state, f"<{each}", passive=self._passive)
        if opens and self.state == SYN_RCVD and not self._sent_opening:
            self.state = ESTABLISHED  # its SYN/ACK went out unseen; without, it would have nobody to talk to
        self._sent_opening |= event in _OPENINGS
        self.state = step(self.state, ">fin" if event == "finack" else f">{event}")

    def gets(self, event: str) -> None:
        """Have a segment come; what needs an answer waits for it."""
        if event == "finack":
            self.state = step(self.state, "<ack_fin")
            event = "fin"
        if event in _NEEDS_ANSWER:
            self._coming.append(event)
        else:
            self.state = step(self.state, f"<{event}", passive=self._passive)


def follow(events: Iterable[tuple[bool, str]], *, midstream: bool) -> list[tuple[str, str]]:
    """Return (client state, server state) after each event.

    Args:
        events: (sent by the client, event name without direction), in order.
        midstream: the handshake was not seen.
    """
    client, server = (_Side(begin(client=side, midstream=midstream)) for side in (True, False))
    out = []
    for by_client, event in events:
        sender, receiver = (client, server) if by_client else (server, client)
        sender.sends(event)
        receiver.gets(event)
        out.append((client.state, server.state))
    return out


@lru_cache(maxsize=4096)
def final(events: tuple[tuple[bool, str], ...], midstream: bool) -> tuple[str, str]:
    """Return the last (client state, server state) of a sequence of events, UNKNOWN for a side that sent none.

    An ACK of an older connection says nothing about this one.
    """
    states = follow(events, midstream=midstream)
    if not states:
        return UNKNOWN, UNKNOWN
    spoke = {by_client for by_client, event in events if event != "stray"}
    return states[-1][0] if True in spoke else UNKNOWN, states[-1][1] if False in spoke else UNKNOWN
