"""What counts as failed and what as slow: one answer for the report, the terminal and the findings.

* *Failed* is what somebody asked for and did not get: an error answer, no answer although the connection came to an
  end (or fell silent for long), an answer cut off, or one that the client did not wait for.
* What the capture does not show is not failed but *unknown*: an answer in a hole, in the direction that was not
  recorded, or still on its way when the recording ended. An answer that lasts until the connection closes, whose close
  was not recorded, is taken to be whole.
* A flaw of form that leaves no doubt (a sloppy version, an odd header line) fails nothing when there was an answer.
* *Slow* is what somebody waited for: from the request on, its connection included. How long a connection lay ready is
  no wait, and neither are requests in the background (``background`` of the row): polls, long polls, event streams and
  WebSockets last as long as they last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from analyzer.protocols.http1.messages import MILD_FLAWS
from analyzer.schema import HttpRow, TlsRow, VisitRow

BROKEN_OFF = frozenset({"no_response", "truncated", "aborted"})
"""Outcomes of an exchange that did not go to its end."""
UNSEEN = frozenset({"capture_end", "end_unseen", "lost"})
"""Reasons that say something about the recording, nothing about the exchange."""
HELD_OPEN = frozenset({"long_poll", "event_stream", "websocket"})
"""Kinds of background that a client ends when it is done with them: that is no failure."""

CLOSING = (400, 408)
"""What servers say unasked when they close a connection that lies idle (408: RFC 9110 section 15.5.9)."""


def asked(row: HttpRow) -> bool:
    """Say whether the client's side is in the capture, be it no proper request."""
    return row.request_frames is not None or row.method is not None


def unasked(row: HttpRow) -> bool:
    """Say whether a server sent an answer although no request was there to be answered."""
    return row.outcome == "not_captured" and row.outcome_why == "unsolicited"


def said_on_closing(row: HttpRow) -> bool:
    """Say whether an answer only tells that a connection on which nothing was asked is closed now."""
    return row.status in CLOSING and unasked(row)


def failure(row: HttpRow) -> str | None:
    """Return how a transaction failed, None when it did not, or nobody can tell.

    Returns:
        ``server_error`` (5xx) · ``client_error`` (4xx) · ``no_answer`` · ``gave_up`` the client left before an answer
        came · ``cut_off`` the answer did not come whole · ``left`` the client left before the answer was whole ·
        ``malformed`` it cannot be told what a side meant.
    """
    if row.status is not None and row.status >= 400 and not said_on_closing(row):
        return "server_error" if row.status >= 500 else "client_error"
    if row.outcome == "malformed":
        return None if row.status is not None and row.outcome_why in MILD_FLAWS else "malformed"
    if row.outcome not in BROKEN_OFF or row.outcome_why in UNSEEN:
        return None
    by_client = row.outcome_why == "client_closed"
    if by_client and row.background in HELD_OPEN:
        return None
    if row.status is None:
        return "gave_up" if by_client else "no_answer"
    return "left" if by_client else "cut_off"


def unknown(row: HttpRow) -> str | None:
    """Return what of a transaction the capture does not show, None when it is all there.

    Returns:
        ``request`` · ``answer`` is not in the capture · ``waiting`` for an answer, ``receiving`` it, when the capture
        ended · ``lost`` the answer's end lies in a hole.
    """
    if row.outcome == "not_captured":
        return "answer" if asked(row) else None if unasked(row) else "request"
    if row.outcome not in BROKEN_OFF or failure(row) is not None:
        return None
    if row.outcome_why == "capture_end":
        return "waiting" if row.status is None else "receiving"
    return "lost" if row.outcome_why == "lost" else None


def promised_bytes(row: HttpRow) -> int | None:
    """Return how long the answer's body should have been by its Content-Length; None when it names no one length."""
    if row.framing != "content_length":
        return None
    said = {value.strip() for name, value in row.response_headers if name.lower() == "content-length"}
    text = said.pop() if len(said) == 1 else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def waited_ms(row: HttpRow) -> float | None:
    """Return how long somebody waited for a request; None where nobody did, or it cannot be told."""
    if row.background is not None or row.total_ms is None or not asked(row):
        return None
    if row.wrong_scheme == "https_on_http":
        return None  # waited for was the visit, which its TLS session tells of
    waited = row.total_ms - (row.blocked_ms or 0.0)
    return waited if waited > 0 else None


def slowest_requests(rows: Iterable[HttpRow]) -> list[tuple[float, int]]:
    """Return (milliseconds waited, row number) of all requests that somebody waited for, the slowest first."""
    found = [
        (waited, at)
        for at, row in enumerate(rows)
        # Up to the end of the capture is no time that anything took.
        if unknown(row) != "waiting" and (waited := waited_ms(row)) is not None
    ]
    return sorted(found, key=lambda item: (-item[0], item[1]))


def slowest_visits(visits: Sequence[VisitRow]) -> list[tuple[float, int]]:
    """Return (milliseconds it lasted, number) of the visits that somebody waited for, the slowest first."""
    found = [
        (visit.duration_ms, at)
        for at, visit in enumerate(visits)
        if visit.duration_ms and (not visit.background or visit.background != visit.requests)
    ]
    return sorted(found, key=lambda item: (-item[0], item[1]))


def hosts(http: Iterable[HttpRow], tls: Iterable[TlsRow]) -> list[str]:
    """Return the names that were talked to, as requests or the TLS handshake give them, the most frequent first."""
    counted = Counter(row.host for row in http if row.host)
    counted.update(row.sni for row in tls if row.sni and row.sni not in counted)
    return [name for name, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))]


def authority(row: HttpRow) -> str | None:
    """Return the host that was asked, with its port where it is not the usual one; None when nobody knows."""
    if row.host is None or row.url is None:
        return row.host
    rest = row.url.partition("://")[2] or row.url  # of CONNECT the address is host and port alone
    end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    port = rest[:end].rpartition("@")[2].removeprefix(row.host)
    return row.host + port if port[:1] == ":" and port[1:].isdigit() else row.host
