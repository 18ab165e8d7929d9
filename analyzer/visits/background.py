"""Requests that stay in the background: nobody waits for them to be over, so they are no part of how slow a page was.

``background`` says which: ``poll`` and ``long_poll`` (:mod:`analyzer.visits.polling`), ``event_stream`` (an answer of
type text/event-stream goes on for as long as the page is open) and ``websocket`` (the handshake of one). Ordinary
requests have none.

Before a poll the client did nothing: it waited for its own timer, not for the connection. So ``blocked_ms`` goes, with
the reason ``idle``.

Sources: WHATWG HTML section 9.2 (server-sent events), RFC 6202, RFC 6455 section 4.
"""

from __future__ import annotations

from dataclasses import replace

from analyzer.schema import HttpRow, filled
from analyzer.visits.model import Facts
from analyzer.visits.phases import idle
from analyzer.visits.polling import held_by_name, polls

POLLING = frozenset({"poll", "long_poll"})


def mark(facts: Facts) -> Facts:
    """Fill in ``background`` of the rows that stay there (in the rows themselves, which have their phases).

    Returns:
        The facts with the series of polls that were found.
    """
    for row in facts.http:
        kind = _alone(row)
        if kind is not None:
            filled(row, background=kind)
    found = tuple(polls(facts))
    for series in found:
        for _, row in series.rows:
            if row.background is None:
                filled(row, background="long_poll" if series.long else "poll")
    for row in facts.http:
        if row.background in POLLING and row.blocked_ms is not None:
            idle(row)
    return replace(facts, polls=found)


def _alone(row: HttpRow) -> str | None:
    """Return what a row is by itself, whatever was asked before and after it."""
    if row.upgrade is not None and row.status == 101 and row.upgrade.lower() == "websocket":
        return "websocket"
    if row.content_type == "text/event-stream" and row.status == 200:
        return "event_stream"
    return "long_poll" if held_by_name(row) else None
