"""How far each number of a request can be trusted, by where its connection was recorded.

``measured``: what the client lived through, or what the server took, to within the recorder's clock. ``bounded``: the
truth lies on one side of the number. ``not_measurable``: there is no number. The table, with its reasons, is "How far a
number can be trusted" in docs/measures.md:

* Near the client (or where both ends are close) everything is seen as the client lived it.
* Elsewhere a packet that was lost between the client and the recorder leaves no trace, and what the server sends
  arrives later than it was seen: every phase took the client *at least* that long. Only ``blocked`` on a used
  connection is the other way round: from the end of an answer to the next request, seen away from the client, includes
  the way to the client and back, so it is *at most* that.
* The server's share of a wait is the wait without losses and without a round trip between recorder and server; the
  handshake shows that round trip at any place. So it is measured anywhere, and *at most* that where

  - no handshake shows the round trip,
  - the request was sent behind others (pipelining): it may have waited for them,
  - the server seems to have taken longer than any TCP holds an acknowledgement back, and yet had not said by then
    that it had the request: the request, or what the server said, may have been held up on the way,
  - the request is larger than a full segment, and no acknowledgement shows that its end did not queue on the way,
  - a middlebox acknowledged it,
  - the client had no room for an answer (its window was zero),
  - the end of the request was not captured.
* A wait that only the end of the capture ended was *at least* that long.
* A last packet that was lost before the recorder leaves no trace but a pause. Where a download stood still for as long
  as a server waits before it sends such a packet again, loss cost *at least* what was seen of it.
* The receiver's window is told by the client's own segments, which keep their distances on the way: measured anywhere.
"""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

from analyzer.schema import HttpRow, PhaseTrust
from analyzer.units import NS_PER_MS
from analyzer.visits import vantage

MEASURED, BOUNDED, NOT_MEASURABLE = "measured", "bounded", "not_measurable"
ACK_WITHIN_NS = 500 * NS_PER_MS
"""A TCP acknowledges what it received within half a second (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2)."""
_NAMES = tuple(f.name for f in fields(PhaseTrust))
AT_CLIENT = frozenset({"client", vantage.LOCAL})
"""Places that see what the client saw."""


class Doubt(NamedTuple):
    """What may be wrong with the numbers of a transaction.

    Attributes:
        place: where the connection was recorded, as :func:`analyzer.visits.vantage.place` says.
        unsure_ready: requests may be missing before this one, so when the connection was free is not certain.
        cut_request: the last byte of the request was not captured, or it is not known where that was.
        cut_response: the response is not known to its end, or bytes of it were not captured.
        unsure_server: the server's share is at most what the number says.
        unsure_loss: the answer stood still, and a lost last packet of the server would look the same.
        unended: the wait for an answer that never came went on beyond what was seen of it.
    """

    place: str
    unsure_ready: bool
    cut_request: bool
    cut_response: bool
    unsure_server: bool
    unsure_loss: bool
    unended: bool = False


class Judge:
    """Judges numbers; the same for the same, so that a table of thousands of rows shares a few objects."""

    def __init__(self) -> None:
        self._given: dict[tuple[tuple[bool, ...], Doubt], PhaseTrust] = {}

    def trust(self, there: tuple[bool, ...], doubt: Doubt) -> PhaseTrust:
        """Return how far each number can be trusted.

        Args:
            there: for each field of PhaseTrust, in its order, whether there is a number.
        """
        given = self._given.get((there, doubt))
        if given is None:
            sure = _sure(doubt)
            words = (MEASURED if sure[name] else BOUNDED for name in _NAMES)
            judged = (word if known else NOT_MEASURABLE for word, known in zip(words, there, strict=True))
            given = self._given[there, doubt] = PhaseTrust(*judged)
        return given


def at_most(row: HttpRow, name: str) -> bool:
    """Tell which way a bounded number of a row is a limit: at most that, or at least.

    Args:
        name: a field of PhaseTrust.
    """
    if name == "wait_server":
        return True
    said = row.phase_trust
    if name == "blocked":
        return row.index > 0
    if name in ("wait", "wait_network", "wait_loss"):
        if row.response_time is None:
            return False
        # Near the client it is bounded only where the end of the request, at which the wait begins, was not captured.
        return row.vantage == "client" or MEASURED in (said.dns, said.connect, said.blocked, said.receive)
    return False


def _sure(doubt: Doubt) -> dict[str, bool]:
    """Return which numbers, if there are any, are measured."""
    near = doubt.place in AT_CLIENT
    asked, answered = not doubt.cut_request, not doubt.cut_response
    return {
        "dns": near,
        "connect": near,
        "tls": near,
        "blocked": near and not doubt.unsure_ready,
        "send": near and asked,
        "wait": near and asked and not doubt.unended,
        "receive": near and answered,
        "wait_network": near and asked,
        "wait_loss": near and asked,
        "wait_server": asked and not doubt.unsure_server,
        "receive_loss": near and answered and not doubt.unsure_loss,
        "receive_window": answered,
    }
